import type { NetIovArea, NetIovRef } from '@netmem/netmem';

const WORD_BITS = 32;

/**
 * The free net_iovs of a binding. Each scatter entry is a chunk; a chunk added later is searched earlier, and within a chunk the lowest
 * index wins. So the order in which net_iovs are preferred is fixed by the chunks, and one bitmap over that order (its bits are *ranks*)
 * does what a walk over the chunks would: the next net_iov is the lowest free rank.
 *
 * ```
 * added:  chunk 0 [0 1 2]   chunk 1 [3 4]          rank:  0 1 2 3 4
 *                                                  niov:  3 4 0 1 2
 * ```
 *
 * @kernel gen_pool — lib/genalloc.c, 7.3
 */
export class ChunkPool {
  readonly size: number;
  /** Bit set: free. */
  readonly #free: Int32Array;
  readonly #slotOfRank: Int32Array;
  /** Indexed by slot - #firstSlot; -1 for a slot of somebody else's area in between. */
  readonly #rankOfSlot: Int32Array;
  readonly #firstSlot: number;
  /** No word below this one has a free bit. */
  #lowestWord = 0;
  #avail: number;

  constructor(areas: readonly NetIovArea[]) {
    let size = 0;
    let first = Number.POSITIVE_INFINITY;
    let end = 0;
    for (const area of areas) {
      size += area.numNiovs;
      first = Math.min(first, area.firstSlot);
      end = Math.max(end, area.firstSlot + area.numNiovs);
    }
    this.size = size;
    this.#avail = size;
    this.#firstSlot = size === 0 ? 0 : first;
    this.#slotOfRank = new Int32Array(size);
    this.#rankOfSlot = new Int32Array(Math.max(0, end - this.#firstSlot)).fill(-1);
    let rank = 0;
    for (let i = areas.length - 1; i >= 0; i--) {
      const area = areas[i];
      for (let slot = area.firstSlot; slot < area.firstSlot + area.numNiovs; slot++) {
        this.#slotOfRank[rank] = slot;
        this.#rankOfSlot[slot - this.#firstSlot] = rank;
        rank++;
      }
    }
    this.#free = new Int32Array(Math.ceil(size / WORD_BITS)).fill(-1);
    const used = size % WORD_BITS;
    if (used !== 0) this.#free[this.#free.length - 1] = (1 << used) - 1;
  }

  /** net_iovs that are free. */
  get avail(): number {
    return this.#avail;
  }

  /** Takes the preferred free net_iov; 0 when there is none. */
  alloc(): NetIovRef {
    const free = this.#free;
    for (let word = this.#lowestWord; word < free.length; word++) {
      const bits = free[word];
      if (bits !== 0) {
        const lowest = bits & -bits;
        free[word] = bits ^ lowest;
        this.#lowestWord = word;
        this.#avail--;
        return this.#slotOfRank[word * WORD_BITS + 31 - Math.clz32(lowest)] as NetIovRef;
      }
    }
    this.#lowestWord = free.length;
    return 0 as NetIovRef;
  }

  /** Takes a net_iov back. Returns false, and changes nothing, when it is not of these chunks or already free. */
  free(niov: NetIovRef): boolean {
    const rank = this.#rankOfSlot[niov - this.#firstSlot] ?? -1;
    if (rank < 0) return false;
    const word = rank >>> 5;
    const bit = 1 << (rank & 31);
    if ((this.#free[word] & bit) !== 0) return false;
    this.#free[word] = this.#free[word] | bit;
    if (word < this.#lowestWord) this.#lowestWord = word;
    this.#avail++;
    return true;
  }
}
