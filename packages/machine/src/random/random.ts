const UINT32_RANGE = 0x1_0000_0000;

/** Words discarded after seeding, so that similar seeds do not give similar first words. */
const WARM_UP_WORDS = 12;

/** FNV-1a over UTF-16 code units: spreads a label over 32 bits. Not for adversaries. */
function hashLabel(label: string, seed: number): number {
  let hash = (0x811c9dc5 ^ seed) | 0;
  for (let i = 0; i < label.length; i++) hash = Math.imul(hash ^ label.charCodeAt(i), 0x01000193);
  return hash | 0;
}

/**
 * The machine's only source of chance: a seeded generator (sfc32, 128 bits of state). The same seed gives the same run.
 *
 * Every user forks its own by a label, so that one that draws more numbers does not change what another sees.
 * Not for cryptography.
 */
export class Random {
  readonly seed: number;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    this.seed = seed >>> 0;
    this.#a = hashLabel('a', this.seed);
    this.#b = this.seed | 0;
    this.#c = hashLabel('c', ~this.seed);
    for (let i = 0; i < WARM_UP_WORDS; i++) this.uint32();
  }

  /** An integer in [0, 2^32). */
  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** An integer in [0, n), every one equally likely. `n` is an integer in [1, 2^32]. */
  below(n: number): number {
    const limit = UINT32_RANGE - (UINT32_RANGE % n);
    let word = this.uint32();
    // Words of the last, incomplete stretch would favour small results.
    while (word >= limit) word = this.uint32();
    return word % n;
  }

  /** A number in [0, 1) with 53 random bits. */
  float(): number {
    return ((this.uint32() >>> 5) * 0x400_0000 + (this.uint32() >>> 6)) / 0x20_0000_0000_0000;
  }

  /** An independent generator. It depends on this one's seed and on the label only, not on what has been drawn. */
  fork(label: string): Random {
    return new Random(hashLabel(label, Math.imul(this.seed, 0x9e3779b1)));
  }

  /** Fills `to`. */
  bytes(to: Uint8Array): void {
    for (let i = 0; i < to.length; i++) to[i] = this.uint32() & 0xff;
  }
}
