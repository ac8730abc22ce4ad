/**
 * Numbers and layouts of vfio-user, protocol version 0.0. Offsets count from the start of a message; integers are in the
 * byte order of the host, which is little endian wherever the protocol is used.
 */

export const HEADER_BYTES = 16;
/** The 16 bytes before every message. */
export const HEADER = { id: 0, command: 2, size: 4, flags: 8, error: 12 } as const;

/** Bits 3:0 of the flags. */
export const FLAG_TYPE = 0xf;
export const TYPE_COMMAND = 0;
export const TYPE_REPLY = 1;
/** The sender wants no answer, not even an error. */
export const FLAG_NO_REPLY: number = 1 << 4;
/** The errno field counts, and nothing follows the header. */
export const FLAG_ERROR: number = 1 << 5;

export const VERSION = 1;
export const DMA_MAP = 2;
export const DMA_UNMAP = 3;
export const DEVICE_GET_INFO = 4;
export const DEVICE_GET_REGION_INFO = 5;
export const DEVICE_GET_REGION_IO_FDS = 6;
export const DEVICE_GET_IRQ_INFO = 7;
export const DEVICE_SET_IRQS = 8;
export const REGION_READ = 9;
export const REGION_WRITE = 10;
/** From server to client, as is DMA_WRITE. */
export const DMA_READ = 11;
export const DMA_WRITE = 12;
export const DEVICE_RESET = 13;
export const REGION_WRITE_MULTI = 15;

const NAMES: readonly string[] = [
  '',
  'VERSION',
  'DMA_MAP',
  'DMA_UNMAP',
  'DEVICE_GET_INFO',
  'DEVICE_GET_REGION_INFO',
  'DEVICE_GET_REGION_IO_FDS',
  'DEVICE_GET_IRQ_INFO',
  'DEVICE_SET_IRQS',
  'REGION_READ',
  'REGION_WRITE',
  'DMA_READ',
  'DMA_WRITE',
  'DEVICE_RESET',
  'USER_DIRTY_PAGES',
  'REGION_WRITE_MULTI',
  'DEVICE_FEATURE',
  'MIG_DATA_READ',
  'MIG_DATA_WRITE',
];

/** A command's name, or its number where it has none. */
export function commandName(command: number): string {
  return NAMES[command] || `command ${command}`;
}

/** Whether the protocol has such a command, served or not. */
export function isKnownCommand(command: number): boolean {
  return NAMES[command] !== undefined && command !== 0;
}

export const VERSION_MESSAGE = { major: 16, minor: 18, json: 20 } as const;
export const VERSION_MAJOR = 0;
export const VERSION_MINOR = 0;

export const DMA_MAP_MESSAGE = { argsz: 16, flags: 20, offset: 24, iova: 32, size: 40, $bytes: 48 } as const;
export const DMA_MAP_READ: number = 1 << 0;
export const DMA_MAP_WRITE: number = 1 << 1;

export const DMA_UNMAP_MESSAGE = { argsz: 16, flags: 20, iova: 24, size: 32, $bytes: 40 } as const;
export const DMA_UNMAP_ALL: number = 1 << 1;

export const DEVICE_INFO_MESSAGE = { argsz: 16, flags: 20, regions: 24, irqs: 28, $bytes: 32 } as const;
export const DEVICE_FLAGS_RESET: number = 1 << 0;
export const DEVICE_FLAGS_PCI: number = 1 << 1;

export const REGION_INFO_MESSAGE = {
  argsz: 16,
  flags: 20,
  index: 24,
  capOffset: 28,
  size: 32,
  offset: 40,
  $bytes: 48,
} as const;
export const REGION_FLAG_READ: number = 1 << 0;
export const REGION_FLAG_WRITE: number = 1 << 1;

export const IRQ_INFO_MESSAGE = { argsz: 16, flags: 20, index: 24, count: 28, $bytes: 32 } as const;
export const IRQ_INFO_EVENTFD: number = 1 << 0;
export const IRQ_INFO_NORESIZE: number = 1 << 3;

export const SET_IRQS_MESSAGE = { argsz: 16, flags: 20, index: 24, start: 28, count: 32, $bytes: 36 } as const;
export const IRQ_SET_DATA_NONE: number = 1 << 0;
export const IRQ_SET_DATA_BOOL: number = 1 << 1;
export const IRQ_SET_DATA_EVENTFD: number = 1 << 2;
export const IRQ_SET_ACTION_MASK: number = 1 << 3;
export const IRQ_SET_ACTION_UNMASK: number = 1 << 4;
export const IRQ_SET_ACTION_TRIGGER: number = 1 << 5;

/** REGION_READ, REGION_WRITE and their replies. */
export const REGION_MESSAGE = { offset: 16, region: 24, count: 28, data: 32, $bytes: 32 } as const;
/** REGION_WRITE_MULTI: a count, then entries. */
export const WRITE_MULTI_MESSAGE = { count: 16, entries: 24, $bytes: 24 } as const;
export const WRITE_MULTI_ENTRY = { offset: 0, region: 8, count: 12, data: 16, $bytes: 24 } as const;

/** DMA_READ, DMA_WRITE and their replies. */
export const DMA_MESSAGE = { address: 16, count: 24, data: 32, $bytes: 32 } as const;
/**
 * The same as QEMU before 11.1 has them: a count of 32 bits, and the data right behind it. A whole message is as long as with
 * 64 bits, because of the padding that follows the header's structure.
 */
export const NARROW_DMA_DATA = 28;

/** BARs 0 to 5, ROM, configuration space, VGA. */
export const REGIONS = 9;
export const BARS = 6;
export const REGION_CONFIG = 7;
/** INTx, MSI, MSI-X, ERR, REQ. */
export const IRQ_INDEXES = 5;
export const IRQ_MSIX = 2;
export const IRQ_ERROR = 3;

/** Bytes of one region access; more is refused. A driver's accesses have 8 at most, a dump of configuration space 256. */
export const REGION_ACCESS_BYTES_MAX = 4096;
/** The longest transfer by bus address: an MSI-X table of 2048 vectors. */
export const BUS_READ_BYTES_MAX = 32_768;
/** The longest message that is taken: the answer to such a transfer. */
export const MESSAGE_BYTES_MAX: number = DMA_MESSAGE.$bytes + BUS_READ_BYTES_MAX;
export const PAGE_BYTES = 4096;
/** Mappings of one guest. QEMU needs about ten at a time; the bound is for a client that never stops. */
export const DMA_MAPS_MAX = 4096;
/** Descriptors per message that are said to be welcome. They are lost on the way, but a client may refuse to send fewer. */
export const MESSAGE_FDS_MAX = 16;

/** A 64-bit field as a number, or -1 where a number cannot hold it: no address or size of ours is that large. */
export function readU64(view: DataView, at: number): number {
  const value = view.getUint32(at + 4, true) * 0x1_0000_0000 + view.getUint32(at, true);
  return value <= Number.MAX_SAFE_INTEGER ? value : -1;
}

/** Writes a non-negative integer as a 64-bit field. */
export function writeU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % 0x1_0000_0000, true);
  view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
}
