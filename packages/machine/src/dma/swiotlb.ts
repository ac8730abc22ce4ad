import type { LinearMemory, Move } from '@netmem/region';
import { PAGE_SIZE } from '../memory/page.ts';

const SLOT_SHIFT = 11;

/**
 * Bytes of a bounce slot.
 *
 * @kernel IO_TLB_SIZE — include/linux/swiotlb.h, 7.3
 */
export const SWIOTLB_SLOT_BYTES: number = 1 << SLOT_SHIFT;

/**
 * Slots that can lie together: no mapping is longer than this many, 256 KiB.
 *
 * @kernel IO_TLB_SEGSIZE — include/linux/swiotlb.h, 7.3
 */
export const SWIOTLB_SEGMENT_SLOTS = 128;

/** All bounce slots of a machine by default. Linux takes 64 MiB; the machines here have that much RAM in all. */
export const SWIOTLB_DEFAULT_BYTES: number = 16 << 20;

const PAGE_SLOTS = PAGE_SIZE >>> SLOT_SHIFT;

/**
 * The software IO TLB of a machine that forces bouncing: the device never sees the page that a driver maps, but a run of slots
 * in memory of the machine's own. Syncs copy between the two, exactly the bytes they name.
 *
 *     page     ····▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓·····      what the driver maps, what the CPU reads
 *                  │ copyIn    ▲ copyOut
 *                  ▼           │
 *     slots   │▓▓▓▓▓▓▓▓│▓▓▓▓▓▓▓▓│        │    what the device reads and writes
 *
 * The bytes are part of linear memory, so that a device's access to a slot costs what its access to a page does.
 *
 * @kernel struct io_tlb_pool — include/linux/swiotlb.h, 7.3 (partial: one area, no dynamic pools, no alignment mask of a device)
 */
export class Swiotlb {
  /** Slots in all. */
  readonly slots: number;
  readonly #move: Move;
  readonly #base: number;
  readonly #taken: Uint8Array;
  /** At the first slot of a run: the linear address that the run's byte 0 stands for. */
  readonly #origin: Uint32Array;
  #next = 0;
  #used = 0;
  #mostUsed = 0;

  /**
   * @param lengthBytes - Rounded up to whole segments of 256 KiB.
   * @throws RangeError when `memory` has less left.
   */
  constructor(memory: LinearMemory, lengthBytes: number) {
    const segment = SWIOTLB_SEGMENT_SLOTS << SLOT_SHIFT;
    const segments = Math.max(1, Math.ceil(lengthBytes / segment));
    this.slots = segments * SWIOTLB_SEGMENT_SLOTS;
    this.#base = memory.carve(segments * segment, PAGE_SIZE).base;
    this.#move = memory.move;
    this.#taken = new Uint8Array(this.slots);
    this.#origin = new Uint32Array(this.slots);
  }

  /** Slots that live mappings hold. */
  get usedSlots(): number {
    return this.#used;
  }

  /** The most slots that were ever held at a time. */
  get mostUsedSlots(): number {
    return this.#mostUsed;
  }

  /**
   * Takes slots for a range of RAM. Nothing is copied yet.
   *
   * Slots are taken round and round, so that a stale address reaches another mapping's bytes as late as possible; a page or more
   * starts at a page's boundary.
   *
   * @returns Linear address of the run's first byte, 0 when no run is long enough.
   * @kernel swiotlb_area_find_slots — kernel/dma/swiotlb.c, 7.3
   */
  alloc(origin: number, lengthBytes: number): number {
    const count = slotsOf(lengthBytes);
    const first = this.#find(count, lengthBytes >= PAGE_SIZE ? PAGE_SLOTS : 1);
    if (first < 0) return 0;
    for (let i = first; i < first + count; i++) this.#taken[i] = 1;
    this.#origin[first] = origin;
    this.#next = (first + count) % this.slots;
    this.#used += count;
    if (this.#used > this.#mostUsed) this.#mostUsed = this.#used;
    return this.#base + (first << SLOT_SHIFT);
  }

  /** Gives back what {@link Swiotlb.alloc} returned for the same length. */
  free(bounce: number, lengthBytes: number): void {
    const count = slotsOf(lengthBytes);
    const first = this.#slotAt(bounce);
    for (let i = first; i < first + count; i++) this.#taken[i] = 0;
    this.#used -= count;
  }

  /** The linear address that the run's byte 0 stands for. */
  originOf(bounce: number): number {
    return this.#origin[this.#slotAt(bounce)] as number;
  }

  /** Page to slot: shows the device what the CPU wrote. `at` counts from the start of the mapping. */
  copyIn(bounce: number, at: number, lengthBytes: number): void {
    this.#move(bounce + at, this.originOf(bounce) + at, lengthBytes);
  }

  /** Slot to page: shows the CPU what the device wrote. */
  copyOut(bounce: number, at: number, lengthBytes: number): void {
    this.#move(this.originOf(bounce) + at, bounce + at, lengthBytes);
  }

  #slotAt(bounce: number): number {
    return (bounce - this.#base) >>> SLOT_SHIFT;
  }

  #find(count: number, step: number): number {
    if (count > this.slots - this.#used) return -1;
    let index = roundUp(this.#next, step) % this.slots;
    for (let looked = 0; looked < this.slots; ) {
      const next = this.#blockedUpTo(index, count);
      if (next === index) return index;
      const skip = roundUp(next - index, step);
      looked += skip;
      index = (index + skip) % this.slots;
    }
    return -1;
  }

  /** The first index after whatever is in the way of a run at `index`: a taken slot, or the end of the segment. */
  #blockedUpTo(index: number, count: number): number {
    const segmentEnd = (index | (SWIOTLB_SEGMENT_SLOTS - 1)) + 1;
    if (index + count > segmentEnd) return segmentEnd;
    for (let i = index + count - 1; i >= index; i--) if (this.#taken[i] !== 0) return i + 1;
    return index;
  }
}

function slotsOf(lengthBytes: number): number {
  return (lengthBytes + SWIOTLB_SLOT_BYTES - 1) >>> SLOT_SHIFT;
}

/** `step` is a power of two. */
function roundUp(value: number, step: number): number {
  return (value + step - 1) & -step;
}
