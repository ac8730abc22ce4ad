import { DMA_MAP_READ, DMA_MAP_WRITE, DMA_MAPS_MAX } from './protocol.ts';
import { EEXIST, EINVAL, ENOENT, ENOSPC } from './vfio-user-error.ts';

/** The position of a mapping that the server has no way to reach: a ROM, another device's memory. */
export const UNREACHABLE = -1;

/**
 * What the guest has mapped for DMA: ranges of bus addresses, each with the position of its first byte in guest memory.
 * Sorted, so that a translation that misses the mapping used last is a binary search.
 */
export class DmaMappings {
  /** Changes whenever the set does. */
  epoch = 1;
  /** Bytes that follow the position of the last {@link translate} in one piece. */
  contiguous = 0;
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  readonly #positions: number[] = [];
  readonly #access: number[] = [];
  #last = 0;

  get count(): number {
    return this.#starts.length;
  }

  /** Mappings that can be reached. */
  get reachable(): number {
    return this.#positions.filter((position) => position !== UNREACHABLE).length;
  }

  /**
   * Adds a mapping. 0, or:
   * -EEXIST: it overlaps another one. -ENOSPC: there are too many.
   *
   * @param access - DMA_MAP_READ, DMA_MAP_WRITE.
   * @param position - Or UNREACHABLE.
   */
  map(iova: number, size: number, position: number, access: number): number {
    if (this.count >= DMA_MAPS_MAX) return -ENOSPC;
    const at = this.#after(iova);
    if (at > 0 && this.#ends[at - 1] > iova) return -EEXIST;
    if (at < this.count && this.#starts[at] < iova + size) return -EEXIST;
    this.#starts.splice(at, 0, iova);
    this.#ends.splice(at, 0, iova + size);
    this.#positions.splice(at, 0, position);
    this.#access.splice(at, 0, access);
    this.#changed();
    return 0;
  }

  /** Removes every mapping in a range. 0, or -ENOENT: there is none; -EINVAL: the range would cut one in two. */
  unmap(iova: number, size: number): number {
    const first = this.#after(iova - 1);
    const end = iova + size;
    if (first > 0 && this.#ends[first - 1] > iova) return -EINVAL;
    let count = 0;
    while (first + count < this.count && this.#starts[first + count] < end) {
      if (this.#ends[first + count] > end) return -EINVAL;
      count++;
    }
    if (count === 0) return -ENOENT;
    for (const column of [this.#starts, this.#ends, this.#positions, this.#access]) column.splice(first, count);
    this.#changed();
    return 0;
  }

  clear(): void {
    for (const column of [this.#starts, this.#ends, this.#positions, this.#access]) column.length = 0;
    this.#changed();
  }

  /** The position of a bus address that may be read, or a negative number. */
  toRead(iova: number): number {
    return this.#translate(iova, DMA_MAP_READ);
  }

  /** The position of a bus address that may be written, or a negative number. */
  toWrite(iova: number): number {
    return this.#translate(iova, DMA_MAP_WRITE);
  }

  #translate(iova: number, access: number): number {
    let at = this.#last;
    if (!(iova >= this.#starts[at] && iova < this.#ends[at])) {
      at = this.#after(iova) - 1;
      if (at < 0 || !(iova < this.#ends[at])) return UNREACHABLE;
      this.#last = at;
    }
    const position = this.#positions[at];
    if (position < 0 || (this.#access[at] & access) === 0) return UNREACHABLE;
    this.contiguous = this.#ends[at] - iova;
    return position + (iova - this.#starts[at]);
  }

  /** Index of the first mapping that starts behind an address. */
  #after(iova: number): number {
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#starts[middle] <= iova) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #changed(): void {
    this.epoch++;
    this.#last = 0;
  }
}
