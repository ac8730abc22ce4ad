import type { NetmemRef } from '@netmem/netmem';

/** With a driver, an skb, a user; or not pool memory at all. */
export const OUT = 0;
/** In its pool's cache or ring. */
export const FREE = 1;

/**
 * Which netmems are free in their pools, for development builds. pp_ref_count cannot tell: it is 1 both for memory that is free and
 * for memory with one user. With this a second put is found at once, instead of as one buffer handed out twice.
 *
 * @internal
 */
export class FreeLedger {
  readonly #state: Uint8Array;

  /** @param slots - Rows of the netmem table. */
  constructor(slots: number) {
    this.#state = new Uint8Array(slots);
  }

  isFree(ref: NetmemRef): boolean {
    return this.#state[ref >>> 1] === FREE;
  }

  mark(ref: NetmemRef, state: typeof OUT | typeof FREE): void {
    this.#state[ref >>> 1] = state;
  }
}
