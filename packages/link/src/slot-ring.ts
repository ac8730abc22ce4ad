/**
 * A first-in-first-out queue of slots in an Int32Array.
 *
 *     items  [ .  .  s3 s4 s5 .  .  . ]
 *                    ^head    ^tail        both only grow; `& mask` finds the place
 */
export class SlotRing {
  readonly capacity: number;
  readonly #items: Int32Array;
  readonly #mask: number;
  #head: number = 0;
  #tail: number = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    let size = 1;
    while (size < capacity) size *= 2;
    this.#items = new Int32Array(size);
    this.#mask = size - 1;
  }

  get length(): number {
    return (this.#tail - this.#head) | 0;
  }

  /** False when full. */
  push(slot: number): boolean {
    if (((this.#tail - this.#head) | 0) >= this.capacity) return false;
    this.#items[this.#tail & this.#mask] = slot;
    this.#tail = (this.#tail + 1) | 0;
    return true;
  }

  /** 0 when empty. */
  pop(): number {
    if (this.#head === this.#tail) return 0;
    const slot = this.#items[this.#head & this.#mask];
    this.#head = (this.#head + 1) | 0;
    return slot;
  }
}
