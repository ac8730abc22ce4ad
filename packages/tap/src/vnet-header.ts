import { FRAME_DATA_VALID, FRAME_NEEDS_CSUM, type FrameSlots, GSO_NONE, GSO_TCPV4, GSO_TCPV6 } from '@netmem/link';

/** Bytes of `struct virtio_net_hdr`, the form that a TUN file has by default. */
export const VNET_HEADER_BYTES = 10;

// Fields of struct virtio_net_hdr. Flags and kinds have the numbers that FrameSlots uses; 16-bit numbers are the host's, little-endian on every
// platform that koffi has a Linux binary for.
const FLAGS_AT = 0;
const GSO_TYPE_AT = 1;
const HEADER_LENGTH_AT = 2;
const GSO_SIZE_AT = 4;
const CHECKSUM_START_AT = 6;
const CHECKSUM_OFFSET_AT = 8;

const KNOWN_FLAGS = FRAME_NEEDS_CSUM | FRAME_DATA_VALID;
/** The congestion bit rides on the kind; which segment carries it is for whoever cuts to know. */
const GSO_ECN = 0x80;

/**
 * Reads the header that stands in front of a slot's frame into the slot's columns.
 *
 * @returns false for a frame of a kind that was not asked for with TUNSETOFFLOAD, or without a segment size.
 */
export function readVnetHeader(slots: FrameSlots, slot: number): boolean {
  const { view } = slots.region;
  const at = slots.address(slot) - VNET_HEADER_BYTES;
  const gsoType = view.getUint8(at + GSO_TYPE_AT) & ~GSO_ECN;
  const gsoSize = gsoType === GSO_NONE ? 0 : view.getUint16(at + GSO_SIZE_AT, true);
  slots.flags[slot] = view.getUint8(at + FLAGS_AT) & KNOWN_FLAGS;
  slots.gsoType[slot] = gsoType;
  slots.gsoSize[slot] = gsoSize;
  slots.headerLength[slot] = gsoType === GSO_NONE ? 0 : view.getUint16(at + HEADER_LENGTH_AT, true);
  slots.checksumStart[slot] = view.getUint16(at + CHECKSUM_START_AT, true);
  slots.checksumOffset[slot] = view.getUint16(at + CHECKSUM_OFFSET_AT, true);
  return gsoType === GSO_NONE || ((gsoType === GSO_TCPV4 || gsoType === GSO_TCPV6) && gsoSize > 0);
}

/** Writes the header in front of a slot's frame, from the slot's columns. */
export function writeVnetHeader(slots: FrameSlots, slot: number): void {
  const { view } = slots.region;
  const at = slots.address(slot) - VNET_HEADER_BYTES;
  view.setUint8(at + FLAGS_AT, slots.flags[slot]);
  view.setUint8(at + GSO_TYPE_AT, slots.gsoType[slot]);
  view.setUint16(at + HEADER_LENGTH_AT, slots.headerLength[slot], true);
  view.setUint16(at + GSO_SIZE_AT, slots.gsoSize[slot], true);
  view.setUint16(at + CHECKSUM_START_AT, slots.checksumStart[slot], true);
  view.setUint16(at + CHECKSUM_OFFSET_AT, slots.checksumOffset[slot], true);
}
