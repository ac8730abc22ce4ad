import type { NetmemRef } from '@netmem/netmem';
import { expect } from 'vitest';
import type { PagePool } from '../src/index.ts';
import { PagePoolStats } from '../src/index.ts';
import type { Host, ToyProvider } from './host.ts';

/** An element out of the pool, as the model sees it. */
interface Out {
  readonly ref: NetmemRef;
  /** pp_ref_count. */
  users: number;
  /** Extra page references. */
  holds: number;
  pfmemalloc: boolean;
}

/**
 * What a pool must do, written a second time as plainly as possible: lists instead of columns, and a ring that is a queue (so the
 * pool's ring must be small enough to empty slots at once). Every operation runs on both and both are compared.
 */
export class PoolModel {
  readonly host: Host;
  readonly pool: PagePool;
  readonly provider: ToyProvider | null;
  readonly stats: PagePoolStats = new PagePoolStats();
  readonly out: Out[] = [];
  readonly #cache: NetmemRef[] = [];
  readonly #ring: NetmemRef[] = [];
  readonly #adopted: NetmemRef[];
  #hold = 0;
  #release = 0;
  #calls = 0;
  #fromProvider = 0;
  #failures = 0;

  /** `adopted` is what the pool's init callback fills. */
  constructor(host: Host, pool: PagePool, adopted: NetmemRef[], provider: ToyProvider | null) {
    this.host = host;
    this.pool = pool;
    this.#adopted = adopted;
    this.provider = provider;
  }

  alloc(): void {
    this.#calls++;
    this.#adopted.length = 0;
    const ref = this.host.napi.poll(() => this.pool.allocNetmems());
    this.#hold += this.#adopted.length;
    expect(ref).toBe(this.#expectedAlloc());
    if (ref === 0) this.#failures++;
    else this.out.push({ ref, users: 1, holds: 0, pfmemalloc: false });
  }

  #expectedAlloc(): NetmemRef {
    const { stats } = this;
    if (this.#cache.length > 0) {
      stats.allocFast++;
      return this.#cache.pop()!;
    }
    if (this.#ring.length > 0) {
      stats.allocRefill++;
      this.#cache.push(...this.#ring.splice(0, 64));
      return this.#cache.pop()!;
    }
    stats.allocEmpty++;
    if (this.#adopted.length === 0) return 0 as NetmemRef;
    if (this.provider !== null) this.#fromProvider++;
    else if (this.pool.params.order > 0) stats.allocSlowHighOrder++;
    else stats.allocSlow++;
    this.#cache.push(...this.#adopted);
    return this.#cache.pop()!;
  }

  /** `how`: direct in the NAPI, not direct in the NAPI, or from a process. */
  put(at: number, how: 'direct' | 'napi' | 'process'): void {
    const element = this.out[at % this.out.length];
    if (element === undefined) return;
    if (how === 'process') this.pool.putFullNetmem(element.ref, false);
    else this.host.napi.poll(() => this.pool.putNetmem(element.ref, -1, how === 'direct'));
    this.#putOne(element, how !== 'process', false);
  }

  bulk(at: number, count: number, inNapi: boolean): void {
    const elements = this.out.slice(at % (this.out.length + 1)).slice(0, count);
    const refs = Int32Array.from({ length: 16 }, (_, i) => elements[i]?.ref ?? 0);
    const run = (): void => this.host.pools.putNetmemBulk(refs, elements.length);
    if (inNapi) this.host.napi.poll(run);
    else run();
    const full = elements.filter((element) => this.#putOne(element, inNapi, true) === 'full').length;
    if (full > 0) this.stats.recycleRingFull++;
  }

  #putOne(element: Out, direct: boolean, isBulk: boolean): 'full' | 'done' {
    const { stats } = this;
    if (--element.users > 0) return 'done';
    this.out.splice(this.out.indexOf(element), 1);
    if (element.holds > 0 || element.pfmemalloc) {
      stats.recycleReleasedRefcnt++;
      this.#release++;
      for (let i = 0; i < element.holds; i++) this.host.netmem.putPage(this.host.netmem.toPage(element.ref));
      return 'done';
    }
    if (direct && this.#cache.length < 128) {
      stats.recycleCached++;
      this.#cache.push(element.ref);
      return 'done';
    }
    if (direct) stats.recycleCacheFull++;
    if (this.#ring.length < this.pool.ring.size) {
      stats.recycleRing++;
      this.#ring.push(element.ref);
      return 'done';
    }
    if (!isBulk) stats.recycleRingFull++;
    this.#release++;
    return 'full';
  }

  addUser(at: number): void {
    const element = this.out[at % this.out.length];
    if (element === undefined) return;
    this.host.netmem.refNetmem(element.ref);
    element.users++;
  }

  holdPage(at: number): void {
    const element = this.out[at % this.out.length];
    if (element === undefined || this.provider !== null) return;
    this.host.netmem.getPage(this.host.netmem.toPage(element.ref));
    element.holds++;
  }

  markPfmemalloc(at: number): void {
    const element = this.out[at % this.out.length];
    if (element === undefined || this.provider !== null) return;
    this.host.netmem.setPfmemalloc(element.ref, true);
    element.pfmemalloc = true;
  }

  updateNid(): void {
    this.pool.updateNid(0);
    this.#release += this.#cache.length;
    this.#cache.length = 0;
  }

  compare(): void {
    const { pool, stats } = this;
    expect(pool.stats).toEqual(stats);
    expect([pool.cached, pool.ringed]).toEqual([this.#cache.length, this.#ring.length]);
    expect([pool.holdCount, pool.releaseCount]).toEqual([this.#hold, this.#release]);
    // Everything adopted and not released is in exactly one place.
    const places = [...this.#cache, ...this.#ring, ...this.out.map(({ ref }) => ref)];
    expect(new Set(places).size).toBe(places.length);
    expect(pool.inflight()).toBe(places.length);
    // The identities of the counters.
    const { allocFast, allocRefill, allocSlow, allocSlowHighOrder, allocEmpty } = stats;
    const served = allocFast + allocRefill + allocSlow + allocSlowHighOrder + this.#fromProvider;
    expect(served + this.#failures).toBe(this.#calls);
    expect(allocEmpty).toBe(allocSlow + allocSlowHighOrder + this.#fromProvider + this.#failures);
    if (this.provider !== null) expect(allocSlow + allocSlowHighOrder).toBe(0);
    expect(this.provider?.free.length ?? 0).toBe(
      (this.provider?.area.numNiovs ?? 0) - (this.provider ? places.length : 0),
    );
  }

  /** Gives everything back and ends the pool. */
  finish(): void {
    while (this.out.length > 0) this.put(0, 'process');
    this.compare();
    this.host.napi.enabled = false;
    this.pool.destroy();
    expect(this.pool.inflight()).toBe(0);
  }
}
