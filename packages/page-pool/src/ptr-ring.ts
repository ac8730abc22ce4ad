import { RING_CONSUME_BATCH } from './constants.ts';

/**
 * A first-in-first-out ring in which an empty slot holds 0.
 *
 *        tail        head          producer
 *     ────┴───────────┴──────────────┴─────────
 *      0   x  x  x  x  a  b  c  d  e  0  0  0
 *          └ consumed,  └ waiting     └ free
 *            not emptied
 *
 * Consumed slots are emptied in batches of up to 16, so that the producer, which goes by the slot's content, may find the ring
 * full while up to 15 slots are in fact free. A batch that exceeds half the ring would stall it: such rings empty each slot at
 * once.
 *
 * @kernel struct ptr_ring — include/linux/ptr_ring.h, 7.3 (partial: no locks, one thread; no resize)
 * @internal
 */
export class PtrRing {
  declare readonly size: number;
  declare readonly slots: Int32Array;
  declare readonly batch: number;
  readonly one: Int32Array = new Int32Array(1);
  producer = 0;
  head = 0;
  tail = 0;

  constructor(size: number) {
    this.size = size;
    this.slots = new Int32Array(size);
    this.batch = RING_CONSUME_BATCH > size >>> 1 ? 1 : RING_CONSUME_BATCH;
  }

  /** Entries waiting. */
  get length(): number {
    if (this.producer === this.head) return this.isEmpty ? 0 : this.size;
    return (this.producer - this.head + this.size) % this.size;
  }

  get isEmpty(): boolean {
    return this.slots[this.head] === 0;
  }

  /** Appends `entry` (not 0); false when the next slot is not empty. */
  produce(entry: number): boolean {
    const slots = this.slots;
    const at = this.producer;
    if (slots[at] !== 0) return false;
    slots[at] = entry;
    this.producer = at + 1 < this.size ? at + 1 : 0;
    return true;
  }

  /** Takes the oldest entry, 0 for none. */
  consume(): number {
    return this.consumeInto(this.one, 0, 1) === 0 ? 0 : (this.one[0] as number);
  }

  /** Moves the oldest entries to `into` from index `at` until it holds `until` or the ring is dry; returns the new count. */
  consumeInto(into: Int32Array, at: number, until: number): number {
    const slots = this.slots;
    const size = this.size;
    const batch = this.batch;
    let count = at;
    let head = this.head;
    let tail = this.tail;
    while (count < until) {
      const entry = slots[head] as number;
      if (entry === 0) break;
      into[count++] = entry;
      head++;
      if (head - tail < batch && head < size) continue;
      // A loop: for so few slots it is several times faster than fill.
      for (; tail < head; tail++) slots[tail] = 0;
      if (head === size) head = tail = 0;
    }
    this.head = head;
    this.tail = tail;
    return count;
  }
}
