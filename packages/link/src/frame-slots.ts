import type { LinearMemory, Region } from '@netmem/region';

/** {@link FrameSlots.flags}: the checksum at `checksumStart + checksumOffset` covers the pseudo header only, and the sender leaves the rest to others. */
export const FRAME_NEEDS_CSUM = 1;
/** {@link FrameSlots.flags}: somebody checked the checksum already. */
export const FRAME_DATA_VALID = 2;

/** {@link FrameSlots.gsoType}: an ordinary frame. The numbers are those of virtio's `virtio_net_hdr`. */
export const GSO_NONE = 0;
/** To be cut into TCP segments over IPv4 of `gsoSize` payload bytes. */
export const GSO_TCPV4 = 1;
/** To be cut into TCP segments over IPv6. */
export const GSO_TCPV6 = 4;
/** To be cut into UDP datagrams of `gsoSize` payload bytes. */
export const GSO_UDP_L4 = 5;

const DEFAULT_COUNT = 4096;
const DEFAULT_SLOT_BYTES = 2048;
/** Holds virtio's 10 or 12 bytes of metadata. */
const DEFAULT_HEADROOM_BYTES = 16;

/**
 * A slab of equal slots for frames, shared by all {@link Port}s that pass frames to each other. A frame is an integer, its slot: no object
 * exists for it. Its bytes start at {@link FrameSlots.address}, and what else is known of it stands in the columns, at the slot's index.
 *
 * Slot 0 is never valid: `0` says "no frame".
 *
 * A slot has one owner. `allocate` makes the caller the owner, `Port.transmit` and `Port.receive` pass ownership on, `release` ends it.
 */
export class FrameSlots {
  /** All slots and their headrooms, one after the other. */
  readonly region: Region;
  readonly count: number;
  /** Bytes of a slot: the longest frame. */
  readonly slotBytes: number;
  /** Bytes in front of each frame that are its owner's as well: room for what an edge puts before a frame when it hands it to somebody else. */
  readonly headroomBytes: number;

  /** Bytes of the frame. */
  readonly length: Int32Array;
  /** {@link FRAME_NEEDS_CSUM}, {@link FRAME_DATA_VALID}. */
  readonly flags: Uint8Array;
  /** {@link GSO_NONE}, {@link GSO_TCPV4}, {@link GSO_TCPV6}, {@link GSO_UDP_L4}. */
  readonly gsoType: Uint8Array;
  /** Payload bytes of each segment of a frame that is to be cut. */
  readonly gsoSize: Uint16Array;
  /** Bytes of all headers of a frame that is to be cut; a hint, 0 when unknown. */
  readonly headerLength: Uint16Array;
  /** Where summing starts for {@link FRAME_NEEDS_CSUM}, from the start of the frame. */
  readonly checksumStart: Uint16Array;
  /** Where the checksum field is, from {@link FrameSlots.checksumStart}. */
  readonly checksumOffset: Uint16Array;
  /** When the frame came to its receiver, in nanoseconds of the link's clock; 0 when the link has none. */
  readonly timestampNs: Float64Array;
  /** Queue that the frame came from or should go to, where an edge has several. */
  readonly queue: Uint16Array;

  /** Distance of one slot to the next, headroom included. */
  readonly #strideBytes: number;
  readonly #firstAddress: number;
  readonly #free: Int32Array;
  #freeCount: number;
  readonly #taken: Uint8Array;

  /**
   * @param options - `count` slots (default 4096) of `slotBytes` (default 2048; SUPER_FRAME_BYTES holds any GSO frame) with `headroomBytes` (default
   *   16) before each.
   * @throws RangeError when the memory has less room left.
   */
  constructor(memory: LinearMemory, options: { count?: number; slotBytes?: number; headroomBytes?: number } = {}) {
    this.count = options.count ?? DEFAULT_COUNT;
    this.slotBytes = options.slotBytes ?? DEFAULT_SLOT_BYTES;
    this.headroomBytes = options.headroomBytes ?? DEFAULT_HEADROOM_BYTES;
    this.#strideBytes = this.headroomBytes + this.slotBytes;
    this.region = memory.carve(this.count * this.#strideBytes);
    this.#firstAddress = this.region.base + this.headroomBytes;
    const columns = this.count + 1;
    this.length = new Int32Array(columns);
    this.flags = new Uint8Array(columns);
    this.gsoType = new Uint8Array(columns);
    this.gsoSize = new Uint16Array(columns);
    this.headerLength = new Uint16Array(columns);
    this.checksumStart = new Uint16Array(columns);
    this.checksumOffset = new Uint16Array(columns);
    this.timestampNs = new Float64Array(columns);
    this.queue = new Uint16Array(columns);
    this.#taken = new Uint8Array(columns);
    // Highest first, so that slots are handed out from 1 upwards.
    this.#free = Int32Array.from({ length: this.count }, (_, i) => this.count - i);
    this.#freeCount = this.count;
  }

  /** Slots that somebody owns. */
  get inUse(): number {
    return this.count - this.#freeCount;
  }

  /** A slot with all columns 0, or 0 when none is left. The one released last comes first: its bytes are in the cache. */
  allocate(): number {
    if (this.#freeCount === 0) return 0;
    const slot = this.#free[--this.#freeCount];
    this.#taken[slot] = 1;
    this.length[slot] = 0;
    this.flags[slot] = 0;
    this.gsoType[slot] = 0;
    this.gsoSize[slot] = 0;
    this.headerLength[slot] = 0;
    this.checksumStart[slot] = 0;
    this.checksumOffset[slot] = 0;
    this.timestampNs[slot] = 0;
    this.queue[slot] = 0;
    return slot;
  }

  /**
   * Gives a slot back.
   *
   * @throws Error when nobody owns it: it was released twice, or transmitted and then released.
   */
  release(slot: number): void {
    if (this.#taken[slot] !== 1)
      throw new Error(`frame slot ${slot} is not in use: released twice, or after it was handed on?`);
    this.#taken[slot] = 0;
    this.#free[this.#freeCount++] = slot;
  }

  /** Linear address of the frame's first byte. */
  address(slot: number): number {
    return this.#firstAddress + (slot - 1) * this.#strideBytes;
  }

  /** Allocates a slot and fills it with a copy of `frame`. 0 when none is left or the frame is longer than a slot. */
  store(frame: Uint8Array): number {
    if (frame.length > this.slotBytes) return 0;
    const slot = this.allocate();
    if (slot === 0) return 0;
    this.region.bytes.set(frame, this.address(slot));
    this.length[slot] = frame.length;
    return slot;
  }

  /** A copy of a frame's bytes, for tests and tools. */
  copyOf(slot: number): Uint8Array<ArrayBuffer> {
    const at = this.address(slot);
    return this.region.bytes.slice(at, at + this.length[slot]) as Uint8Array<ArrayBuffer>;
  }

  /** A second slot with the same bytes and columns, or 0 when none is left. */
  duplicate(slot: number): number {
    const copy = this.allocate();
    if (copy === 0) return 0;
    const at = this.address(slot);
    this.region.bytes.copyWithin(this.address(copy), at, at + this.length[slot]);
    this.length[copy] = this.length[slot];
    this.flags[copy] = this.flags[slot];
    this.gsoType[copy] = this.gsoType[slot];
    this.gsoSize[copy] = this.gsoSize[slot];
    this.headerLength[copy] = this.headerLength[slot];
    this.checksumStart[copy] = this.checksumStart[slot];
    this.checksumOffset[copy] = this.checksumOffset[slot];
    this.timestampNs[copy] = this.timestampNs[slot];
    this.queue[copy] = this.queue[slot];
    return copy;
  }
}
