import { assertSingleCopy, type Machine } from '@netmem/machine';
import type { NetmemTable } from '@netmem/netmem';
import { isErr, type NegativeErrno } from '@netmem/uapi';
import { putBulk } from './bulk.ts';
import { CHECKED } from './checks.ts';
import { MAX_POOL_ID, NO_CPU } from './constants.ts';
import { initPool } from './create.ts';
import { type PoolHost, PoolTracepoints } from './host.ts';
import { FreeLedger } from './ledger.ts';
import type { PagePool } from './page-pool.ts';
import { type PagePoolParams, type PoolDevice, type PoolObserver, resolveParams } from './params.ts';
import { PagePoolStats } from './stats.ts';
import { PAGE_POOL_VERSION } from './version.ts';

// Here and not in the index: bundlers drop what a side-effect-free index does besides exporting.
assertSingleCopy('@netmem/page-pool', PAGE_POOL_VERSION, (import.meta as { url?: string }).url);

/** Sums over every pool that was ever made, those long gone included. */
export interface PagePoolTotals {
  readonly created: number;
  /** Torn down for good. */
  readonly destroyed: number;
  /** Elements adopted. */
  readonly hold: number;
  /** Elements that left. Equal to `hold` when nothing leaked. */
  readonly release: number;
}

/** All page pools of a host: makes them, lists them, tells observers. */
export class PagePools implements PoolHost {
  readonly machine: Machine;
  readonly netmem: NetmemTable;
  /** @internal */
  readonly tracepoints: PoolTracepoints;
  /** @internal */
  readonly ledger: FreeLedger | null;
  /** @internal */
  readonly systemRecycleStats: PagePoolStats = new PagePoolStats();
  /** Where the search for a free id begins. @internal */
  nextId: number = 1;
  readonly #pools: Map<number, PagePool> = new Map();
  readonly #observers: Set<PoolObserver> = new Set();
  #created = 0;
  #destroyed = 0;
  #goneHold = 0;
  #goneRelease = 0;

  constructor(machine: Machine, netmem: NetmemTable) {
    this.machine = machine;
    this.netmem = netmem;
    this.tracepoints = new PoolTracepoints(machine);
    this.ledger = CHECKED ? new FreeLedger(netmem.poolOf.length) : null;
  }

  /**
   * Makes a pool and lists it. See {@link PagePoolParams} for what it is asked for.
   *
   * @param cpuid - For a per-CPU pool: the CPU in whose softirq it may recycle directly.
   * @returns The pool, or, after a warning in the log, a negative errno: -EINVAL for an unknown flag, a wrong direction,
   * DMA_SYNC_DEV without DMA_MAP or without `maxLen`, an order above 10; -EOPNOTSUPP when a provider is installed and DMA_MAP or
   * DMA_SYNC_DEV is missing; -EFAULT when its ops are not frozen; or what its `init` returned.
   * @throws KernelBug where the kernel would crash: no device with DMA_MAP, no network device (or its instance lock not held)
   * with ALLOW_UNREADABLE_NETMEM.
   * @kernel page_pool_create, page_pool_create_percpu — net/core/page_pool.c, 7.3 (partial: no -ENOMEM)
   */
  create(params: PagePoolParams, cpuid: number = NO_CPU): PagePool | NegativeErrno {
    const pool = initPool(this, resolveParams(params), cpuid);
    if (isErr(pool)) {
      this.machine.log.emit('warn', 'page_pool', `page_pool_create_percpu() gave up with errno ${pool}`);
      return pool;
    }
    this.#list(pool);
    return pool;
  }

  /** The pool with that id, also after its destruction while elements are still out. */
  get(id: number): PagePool | undefined {
    return this.#pools.get(id);
  }

  /** All pools that were not torn down: by device in order of ifindex, the newest first in each; then those without a device. */
  all(): readonly PagePool[] {
    const pools = [...this.#pools.values()].reverse();
    const devices = new Set(pools.map((pool) => pool.netdev));
    const visible = [...devices].filter((device) => device !== null).sort((a, b) => a.ifindex - b.ifindex);
    return [
      ...visible.flatMap((device) => [...device.pools].reverse()),
      ...pools.filter((pool) => pool.netdev === null),
    ];
  }

  /**
   * Reports every pool that is listed, changes (detached, moved to the loopback device) or is torn down, those without a network
   * device too, which netlink does not show.
   *
   * @returns What ends the subscription.
   */
  subscribe(observer: PoolObserver): () => void {
    this.#observers.add(observer);
    return () => {
      this.#observers.delete(observer);
    };
  }

  totals(): PagePoolTotals {
    let hold = this.#goneHold;
    let release = this.#goneRelease;
    for (const pool of this.#pools.values()) {
      hold += pool.holdCount;
      release += pool.releaseCount;
    }
    return { created: this.#created, destroyed: this.#destroyed, hold, release };
  }

  /** What a host that is done with should not hold any more, one sentence each. Empty: clean. */
  audit(): string[] {
    const found = [...this.#pools.values()].map((pool) => {
      const where = pool.netdev === null ? '' : ` of ${pool.netdev.name} queue ${pool.params.queueIdx}`;
      const out = pool.inflight() - pool.cached - pool.ringed;
      const state = pool.destroyed ? 'destroyed, but not all of it has come back' : 'not destroyed';
      return `Pool ${pool.id}${where} is ${state}: ${pool.cached} in its cache, ${pool.ringed} in its ring, ${out} out.`;
    });
    const { hold, release } = this.totals();
    if (hold !== release) found.push(`All pools ever made held ${hold} elements and released ${release}.`);
    return found;
  }

  /**
   * Gives many netmems back, of any pools: see {@link PagePool.putFullNetmem}. A full ring counts once per bulk.
   *
   * @param refs - The first `count` entries are netmem_refs; clobbered.
   * @throws KernelBug when `count` exceeds XDP_BULK_QUEUE_SIZE (16).
   * @kernel page_pool_put_netmem_bulk — net/core/page_pool.c, 7.3
   */
  putNetmemBulk(refs: Int32Array, count: number): void {
    putBulk(this, refs, count);
  }

  /**
   * A device goes away while pools still hang on it: they move to the loopback device, or, with null (the whole network namespace
   * is going), out of every user's sight.
   *
   * @kernel page_pool_unreg_netdev — net/core/page_pool_user.c, 7.3
   */
  unregNetdev(netdev: PoolDevice, loopback: PoolDevice | null): void {
    const pools = [...netdev.pools];
    netdev.pools.clear();
    for (const pool of pools) {
      pool.netdev = loopback;
      loopback?.pools.add(pool);
      if (loopback !== null) this.notifyChanged(pool);
    }
  }

  /** @internal */
  notifyChanged(pool: PagePool): void {
    for (const observer of this.#observers) observer.changed(pool);
  }

  /**
   * @kernel page_pool_unlist — net/core/page_pool_user.c, 7.3
   * @internal
   */
  unlist(pool: PagePool): void {
    for (const observer of this.#observers) observer.removed(pool);
    this.#pools.delete(pool.id);
    pool.netdev?.pools.delete(pool);
    this.#destroyed++;
    this.#goneHold += pool.holdCount;
    this.#goneRelease += pool.releaseCount;
  }

  /** @kernel page_pool_list — net/core/page_pool_user.c, 7.3 (partial: cannot fail) */
  #list(pool: PagePool): void {
    pool.id = this.#takeId();
    this.#pools.set(pool.id, pool);
    this.#created++;
    pool.netdev?.pools.add(pool);
    for (const observer of this.#observers) observer.added(pool);
  }

  /** Ids go up and start again from 1 after the last; those in use are skipped. */
  #takeId(): number {
    while (this.#pools.has(this.nextId)) this.nextId = this.nextId < MAX_POOL_ID ? this.nextId + 1 : 1;
    const id = this.nextId;
    this.nextId = id < MAX_POOL_ID ? id + 1 : 1;
    return id;
  }
}
