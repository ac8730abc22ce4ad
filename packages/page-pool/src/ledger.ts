import { CONTEXT_HARDIRQ, KernelBug } from '@netmem/machine';
import { NETMEM_PP, type NetmemRef } from '@netmem/netmem';
import type { PagePool } from './page-pool.ts';

/** Not in any pool's cache or ring: with a driver, an skb, a user, or not pool memory at all. */
export const PLACE_OUT = 0;
export const PLACE_CACHE = 1;
export const PLACE_RING = 2;

const PLACE_NAMES: readonly string[] = ['out', 'in the cache', 'in the ring'];

/**
 * Where each netmem is, for development builds: pp_ref_count cannot tell, because it is 1 both for memory that is free in the
 * pool and for memory with one user. With it a second put is found at once, instead of as one buffer handed out twice.
 *
 * @internal
 */
export class PlaceLedger {
  readonly #place: Uint8Array;

  /** @param slots - Rows of the netmem table. */
  constructor(slots: number) {
    this.#place = new Uint8Array(slots);
  }

  /** One of the PLACE_ constants. */
  placeOf(ref: NetmemRef): number {
    return this.#place[ref >>> 1] as number;
  }

  move(ref: NetmemRef, place: number): void {
    this.#place[ref >>> 1] = place;
  }

  /** @throws KernelBug unless `ref` is out and belongs to `pool`, and the context may put it. */
  assertPut(pool: PagePool, ref: NetmemRef, allowDirect: boolean): void {
    const { netmem } = pool.host;
    const slot = ref >>> 1;
    const place = this.#place[slot];
    if (ref === 0 || place === undefined) throw new KernelBug('no memory', `put of ${ref} to pool ${pool.id}`, ref);
    if (pool.context.kind === CONTEXT_HARDIRQ) {
      throw new KernelBug('put in hard interrupt', `netmem ${ref} to pool ${pool.id}`, ref);
    }
    if (place !== PLACE_OUT) {
      throw new KernelBug('double put', `netmem ${ref} is ${PLACE_NAMES[place]} of its pool already`, ref);
    }
    if (((netmem.flags[slot] as number) & NETMEM_PP) === 0) {
      throw new KernelBug('not pool memory', `netmem ${ref} put to pool ${pool.id}`, ref);
    }
    if (netmem.poolOf[slot] !== pool.index) {
      throw new KernelBug(
        'I-4: put to the wrong pool',
        `netmem ${ref} is pool ${netmem.pool(ref)?.id}'s, not ${pool.id}'s`,
        ref,
      );
    }
    if (allowDirect) this.#assertDirect(pool, ref);
  }

  /** @throws KernelBug when the pool may not be allocated from, or not from here. */
  assertAlloc(pool: PagePool): void {
    if (pool.destroyed) throw new KernelBug('allocation after destroy', `from pool ${pool.id}`);
    if (pool.context.kind === CONTEXT_HARDIRQ) {
      throw new KernelBug('allocation in hard interrupt', `from pool ${pool.id}`);
    }
  }

  /**
   * Direct puts share the cache with the allocator without a lock: they are for the NAPI that allocates, or for anybody while
   * that NAPI cannot run. In the kernel a wrong one is a data race that nothing detects.
   */
  #assertDirect(pool: PagePool, ref: NetmemRef): void {
    if (pool.destroyed) {
      throw new KernelBug('I-3: direct put after destroy', `the cache of pool ${pool.id} is never emptied again`, ref);
    }
    const { context, napi } = pool;
    if (pool.cpuid >= 0) {
      if (context.inSoftirq && context.cpu === pool.cpuid) return;
      throw new KernelBug(
        'I-3: direct put from a wrong context',
        `pool ${pool.id} is of CPU ${pool.cpuid}'s softirq`,
        ref,
      );
    }
    if (napi === null || !napi.enabled || (context.inSoftirq && context.napiId === napi.id)) return;
    throw new KernelBug(
      'I-3: direct put from a wrong context',
      `pool ${pool.id} is of NAPI ${napi.id}; running: ${context.inSoftirq ? `softirq, NAPI ${context.napiId}` : 'process'}`,
      ref,
    );
  }
}
