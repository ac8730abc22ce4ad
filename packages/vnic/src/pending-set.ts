/**
 * Which of a number of things have something to do: each at most once, first in, first out. What has nothing to do costs nothing, however many there are.
 */
export class PendingSet {
  /** How many are waiting. */
  count = 0;
  readonly #ids: Int32Array;
  readonly #waiting: Uint8Array;
  #first = 0;

  /** @param limit - Ids are from 0 to `limit` - 1. */
  constructor(limit: number) {
    this.#ids = new Int32Array(limit);
    this.#waiting = new Uint8Array(limit);
  }

  /** Puts `id` at the end, unless it waits already. */
  add(id: number): void {
    if (this.#waiting[id] === 1) return;
    this.#waiting[id] = 1;
    const end = this.#first + this.count++;
    this.#ids[end < this.#ids.length ? end : end - this.#ids.length] = id;
  }

  /** Takes the one that waits longest; there must be one. */
  take(): number {
    const id = this.#ids[this.#first];
    this.#first = this.#first + 1 < this.#ids.length ? this.#first + 1 : 0;
    this.count--;
    this.#waiting[id] = 0;
    return id;
  }

  clear(): void {
    this.count = 0;
    this.#waiting.fill(0);
  }
}
