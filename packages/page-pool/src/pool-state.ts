import type { ExecutionContext, Work } from '@netmem/machine';
import type { NetmemRef } from '@netmem/netmem';
import {
  NO_CPU,
  NUMA_NO_NODE,
  PP_ALLOC_CACHE_SIZE,
  PP_FLAG_DMA_MAP,
  PP_FLAG_DMA_SYNC_DEV,
  PP_FLAG_SYSTEM_POOL,
} from './constants.ts';
import { MappedPages } from './dma-map.ts';
import type { PoolHost } from './host.ts';
import type { PagePool } from './page-pool.ts';
import type { PoolDevice, PoolNapi, ResolvedPagePoolParams } from './params.ts';
import type { MemoryProviderOps } from './provider.ts';
import { PtrRing } from './ptr-ring.ts';
import { PagePoolStats } from './stats.ts';

/**
 * What a pool knows: every field, and nothing that acts on them. The fields that the data path reads are columns of the netmem
 * table and small integers; the class that has the operations is {@link PagePool}, of which there are no others, so that all pools have one shape.
 *
 * @internal
 */
export class PoolState {
  // `declare`: without it a field is undefined before the constructor sets it, and the optimiser never again takes it for constant.
  /** As asked for, with the defaults filled in. What changes later is in `nid`, `napi` and `netdev`. */
  declare readonly params: ResolvedPagePoolParams;
  /** @internal */
  declare readonly host: PoolHost;
  /** @internal */
  declare readonly context: ExecutionContext;
  /** Counters of this pool. A system pool's recycle counters are shared: see {@link PagePool.getStats}. */
  declare readonly stats: PagePoolStats;
  /** @internal */
  declare readonly recycleStats: PagePoolStats;
  /** @internal */
  declare readonly cache: Int32Array;
  /** @internal */
  declare readonly ring: PtrRing;
  /** @internal */
  declare readonly ppRefCount: Int32Array;
  /** @internal */
  declare readonly pageRefCount: Int32Array;
  /** @internal */
  declare readonly flags: Uint8Array;

  /** @internal */
  cacheCount: number = 0;
  /** Elements that were ever adopted. @internal */
  holdCount: number = 0;
  /** Elements that left. @internal */
  releaseCount: number = 0;

  /** Given when the pool is listed; 0 before. */
  id: number = 0;
  /** The provider's private value, null without a provider. */
  mpPriv: unknown = null;
  mpOps: MemoryProviderOps | null = null;
  /** The pool maps what it adopts. */
  dmaMap: boolean = false;
  /** The pool syncs for the device. A provider's `init` may switch it off; destroying does. */
  dmaSync: boolean = false;
  /** {@link PagePool.dmaSyncNetmemForCpu} does something. On in every pool, whatever its flags, until a provider's `init` clears it. */
  dmaSyncForCpu: boolean = true;
  /** Node that pages are taken from; -1 follows the CPU. */
  nid: number = NUMA_NO_NODE;
  /** The NAPI that may recycle directly, or null. */
  napi: PoolNapi | null = null;
  /** CPU whose softirq may recycle directly, -1 for none: per-CPU pools. */
  cpuid: number = NO_CPU;
  /** Where the pool is listed; null when no user can see it. */
  netdev: PoolDevice | null = null;

  /** Where the fragment begins that the last {@link PagePool.allocNetmem} returned, in bytes from the element's start. */
  fragOffset: number = 0;
  /** How long it is: at least what was asked for. */
  fragSize: number = 0;
  /** Element that fragments are being cut from. @internal */
  fragRef: NetmemRef = 0 as NetmemRef;
  /** Where the next fragment would begin. @internal */
  fragNext: number = 0;
  /** @internal */
  fragUsers: number = 0;

  /** @internal */
  readonly mapped: MappedPages = new MappedPages();
  /** @internal */
  userCount: number = 1;
  /** How often the pool was scrubbed. @internal */
  destroyCount: number = 0;
  /** @internal */
  releaseWork: Work | null = null;
  /** @internal */
  deferStartNs: number = 0;
  /** @internal */
  deferWarnNs: number = 0;
  /** @internal */
  onDisconnect: ((pool: PagePool) => void) | null = null;
  /**
   * Seconds of the machine's clock at which the pool was destroyed, if elements were still out then; null before.
   *
   * @kernel page_pool.user.detach_time — include/net/page_pool/types.h, 7.3
   */
  detachTime: number | null = null;

  /** @internal */
  constructor(host: PoolHost, params: ResolvedPagePoolParams, cpuid: number, ringSlots: number) {
    this.host = host;
    this.params = params;
    this.context = host.machine.context;
    this.stats = new PagePoolStats();
    this.recycleStats = (params.flags & PP_FLAG_SYSTEM_POOL) !== 0 ? host.systemRecycleStats : this.stats;
    this.cache = new Int32Array(PP_ALLOC_CACHE_SIZE);
    this.ring = new PtrRing(ringSlots);
    this.ppRefCount = host.netmem.ppRefCount;
    this.pageRefCount = host.netmem.pageRefCount;
    this.flags = host.netmem.flags;
    this.dmaMap = (params.flags & PP_FLAG_DMA_MAP) !== 0;
    this.dmaSync = (params.flags & PP_FLAG_DMA_SYNC_DEV) !== 0;
    this.nid = params.nid;
    this.napi = params.napi;
    this.netdev = params.netdev;
    this.cpuid = cpuid;
  }
}
