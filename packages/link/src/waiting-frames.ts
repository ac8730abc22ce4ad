/**
 * Frames in the order in which they fall due, those of one time in the order in which they came: a binary heap in typed arrays.
 * Frames mostly come in order, and then adding one is a single comparison.
 */
export class WaitingFrames {
  readonly #slot: Int32Array;
  readonly #due: Float64Array;
  readonly #order: Float64Array;
  #length: number = 0;
  #added: number = 0;

  constructor(capacity: number) {
    this.#slot = new Int32Array(capacity);
    this.#due = new Float64Array(capacity);
    this.#order = new Float64Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** Infinity when empty. */
  get firstDue(): number {
    return this.#length === 0 ? Infinity : this.#due[0];
  }

  /** The caller keeps to the capacity. */
  add(slot: number, due: number): void {
    let at = this.#length++;
    this.#slot[at] = slot;
    this.#due[at] = due;
    this.#order[at] = this.#added++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#before(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  /** The slot that is due first, or 0 when empty. */
  take(): number {
    if (this.#length === 0) return 0;
    const slot = this.#slot[0];
    this.#swap(0, --this.#length);
    let at = 0;
    for (;;) {
      let first = at;
      const child = 2 * at + 1;
      if (child < this.#length && this.#before(child, first)) first = child;
      if (child + 1 < this.#length && this.#before(child + 1, first)) first = child + 1;
      if (first === at) return slot;
      this.#swap(at, first);
      at = first;
    }
  }

  #before(a: number, b: number): boolean {
    return this.#due[a] < this.#due[b] || (this.#due[a] === this.#due[b] && this.#order[a] < this.#order[b]);
  }

  #swap(a: number, b: number): void {
    const slot = this.#slot[a];
    const due = this.#due[a];
    const order = this.#order[a];
    this.#slot[a] = this.#slot[b];
    this.#due[a] = this.#due[b];
    this.#order[a] = this.#order[b];
    this.#slot[b] = slot;
    this.#due[b] = due;
    this.#order[b] = order;
  }
}
