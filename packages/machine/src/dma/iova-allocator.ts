/** IO virtual pages that are never handed out, so that 0 and small offsets from it always fault. */
export const FIRST_IOVA_PAGE = 16;

const NONE = 0;

/**
 * Hands out IO virtual pages, low numbers first, so that addresses stay small integers.
 *
 * Requests are rounded up to a power of two. Each size has a last-in-first-out list of what was given back, as Linux's
 * per-CPU IOVA caches; new ranges come from a bump pointer, and when that has reached the end, larger free ranges are split.
 * Ranges are never merged: the address space is large against what a machine maps.
 *
 * @kernel alloc_iova_fast — drivers/iommu/iova.c, 7.3
 */
export class IovaAllocator {
  readonly #maxPages: number;
  readonly #next: Int32Array;
  readonly #heads: Int32Array = new Int32Array(32);
  #bump = FIRST_IOVA_PAGE;

  constructor(maxPages: number) {
    this.#maxPages = maxPages;
    this.#next = new Int32Array(maxPages);
  }

  /** The first of at least `pages` contiguous IO virtual pages, 0 when none is left. */
  alloc(pages: number): number {
    const sizeClass = classOf(pages);
    const recycled = this.#heads[sizeClass] as number;
    if (recycled !== NONE) {
      this.#heads[sizeClass] = this.#next[recycled] as number;
      return recycled;
    }
    const fresh = this.#bump;
    if (fresh + 2 ** sizeClass <= this.#maxPages) {
      this.#bump = fresh + 2 ** sizeClass;
      return fresh;
    }
    return this.#split(sizeClass);
  }

  /** Gives back what {@link IovaAllocator.alloc} returned for the same `pages`. */
  free(page: number, pages: number): void {
    this.#push(page, classOf(pages));
  }

  #split(sizeClass: number): number {
    for (let larger = sizeClass + 1; larger < this.#heads.length; larger++) {
      const page = this.#heads[larger] as number;
      if (page === NONE) continue;
      this.#heads[larger] = this.#next[page] as number;
      for (let half = larger - 1; half >= sizeClass; half--) this.#push(page + 2 ** half, half);
      return page;
    }
    return NONE;
  }

  #push(page: number, sizeClass: number): void {
    this.#next[page] = this.#heads[sizeClass] as number;
    this.#heads[sizeClass] = page;
  }
}

function classOf(pages: number): number {
  return pages <= 1 ? 0 : 32 - Math.clz32(pages - 1);
}
