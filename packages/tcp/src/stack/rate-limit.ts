/** A token bucket on the machine's clock: `perSecond` events a second, `burst` at once. */
export class RateLimit {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #lastMs: number = 0;

  constructor(perSecond: number, burst: number) {
    this.#perMs = perSecond / 1000;
    this.#burst = burst;
    this.#tokens = burst;
  }

  /** Takes one token if there is one. */
  allow(nowMs: number): boolean {
    const passed = (nowMs - this.#lastMs) | 0;
    if (passed !== 0) {
      this.#lastMs = nowMs;
      this.#tokens = Math.min(this.#burst, this.#tokens + passed * this.#perMs);
    }
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}

/**
 * Whether less than `limitMs` passed since `stampMs`, which is 0 for "never" and else a time with its last bit set.
 *
 * @see stampNow
 */
export function isTooSoon(stampMs: number, nowMs: number, limitMs: number): boolean {
  if (stampMs === 0) return false;
  const since = (nowMs - stampMs) | 0;
  // The set bit may put the stamp a millisecond ahead.
  return since >= -1 && since < limitMs;
}

/** A time that is not 0. */
export function stampNow(nowMs: number): number {
  return nowMs | 1;
}
