/** A small generator (xorshift32) whose numbers depend on the seed alone. Not for secrets. */
export class SeededRandom {
  #state: number;

  constructor(seed: number) {
    // Seeds that differ by one bit must not give similar runs, and the state must not be 0: mix, as splitmix32 does.
    let mixed = (seed + 0x9e3779b9) | 0;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    this.#state = mixed ^ (mixed >>> 15) || 0x6d2b79f5;
  }

  uint32(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return state >>> 0;
  }

  /** From 0 up to, not including, 1. */
  float(): number {
    return this.uint32() / 0x100000000;
  }

  /** From 0 up to, not including, `limit`. */
  below(limit: number): number {
    return Math.floor(this.float() * limit);
  }

  /** True in `probability` of all calls. */
  chance(probability: number): boolean {
    return probability > 0 && this.float() < probability;
  }
}
