/** Numbers of the pcapng file format (draft-ietf-opsawg-pcapng). Lengths and offsets are bytes. */

/** Section header block; reads the same in both byte orders. */
export const BLOCK_SECTION = 0x0a0d0d0a;
/** Interface description block. */
export const BLOCK_INTERFACE = 1;
/** Simple packet block: bytes without time or interface. */
export const BLOCK_SIMPLE_PACKET = 3;
/** Enhanced packet block. */
export const BLOCK_PACKET = 6;

/** Type and length in front, length behind. */
export const BLOCK_OVERHEAD = 12;
/** From a block's first byte to its body. */
export const BODY_AT = 8;

/** How the writer of a section wrote this number tells its byte order. */
export const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
export const VERSION_MAJOR = 1;
export const VERSION_MINOR = 0;

/** Body of a section header before its options: magic, versions, section length. */
export const SECTION_BYTES = 16;
/** Body of an interface description before its options: link type, reserved, snap length. */
export const INTERFACE_BYTES = 8;
/** Body of an enhanced packet before its data: interface, time in two halves, captured and original length. */
export const PACKET_BYTES = 20;
/** Body of a simple packet before its data: original length. */
export const SIMPLE_PACKET_BYTES = 4;

/** Code and length of an option. */
export const OPTION_HEADER_BYTES = 4;
export const OPTION_MAX_BYTES = 0xffff;

export const OPT_END = 0;
export const OPT_COMMENT = 1;

export const SHB_HARDWARE = 2;
export const SHB_OS = 3;
export const SHB_USERAPPL = 4;

export const IF_NAME = 2;
export const IF_DESCRIPTION = 3;
/** One byte: 10 to the minus n, or with the top bit 2 to the minus n seconds per tick. */
export const IF_TSRESOL = 9;
/** Signed 64 bits: seconds to add to every time of the interface. */
export const IF_TSOFFSET = 14;
/** What {@link IF_TSRESOL} says of an interface that does not have it: microseconds. */
export const DEFAULT_TSRESOL = 6;
export const TSRESOL_NANOSECONDS = 9;
export const TSRESOL_BASE_2 = 0x80;

export const EPB_FLAGS = 2;
export const EPB_QUEUE = 6;
/** The direction in {@link EPB_FLAGS}. */
export const FLAGS_DIRECTION_MASK = 3;

/** Everything is padded to 32 bits. */
export function padded(bytes: number): number {
  return (bytes + 3) & ~3;
}
