/**
 * Segments that arrived before their turn, sorted by sequence number. A sorted array with a moving head: finding a place is a binary search whatever a
 * peer sends (the kernel keeps a tree for the same reason), and taking from the front costs nothing.
 *
 * @kernel out_of_order_queue — include/linux/tcp.h, 7.3
 */
import type { SkBuff } from '@netmem/netdev';
import { CB_SEQ } from './skb-cb.ts';

export class OutOfOrderQueue {
  readonly #skbs: (SkBuff | null)[] = [];
  #head: number = 0;

  get length(): number {
    return this.#skbs.length - this.#head;
  }

  get first(): SkBuff | null {
    return this.#head < this.#skbs.length ? this.#skbs[this.#head] : null;
  }

  get last(): SkBuff | null {
    return this.#head < this.#skbs.length ? this.#skbs[this.#skbs.length - 1] : null;
  }

  /** The i-th in order. */
  at(i: number): SkBuff {
    return this.#skbs[this.#head + i] as SkBuff;
  }

  /** How many start at or before `seq`: the place to insert a segment that starts there. */
  upperBound(seq: number): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (((this.at(middle).cb[CB_SEQ] - seq) | 0) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  insert(i: number, skb: SkBuff): void {
    const skbs = this.#skbs;
    const at = this.#head + i;
    if (i === 0 && this.#head > 0) {
      this.#head--;
      skbs[this.#head] = skb;
      return;
    }
    skbs.push(null);
    skbs.copyWithin(at + 1, at, skbs.length - 1);
    skbs[at] = skb;
  }

  remove(i: number): SkBuff {
    const skbs = this.#skbs;
    const at = this.#head + i;
    const skb = skbs[at] as SkBuff;
    if (i === 0) {
      skbs[at] = null;
      this.#head++;
      if (this.#head === skbs.length) this.#reset();
      return skb;
    }
    skbs.copyWithin(at, at + 1);
    skbs.pop();
    return skb;
  }

  #reset(): void {
    this.#skbs.length = 0;
    this.#head = 0;
  }
}
