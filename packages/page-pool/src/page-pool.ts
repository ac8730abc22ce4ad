import { CONTEXT_SOFTIRQ } from '@netmem/machine';
import {
  NET_IOV,
  NETMEM_PFMEMALLOC,
  type NetmemPool,
  type NetmemRef,
  type NetmemTable,
  type PageRef,
} from '@netmem/netmem';
import { refillCache } from './alloc.ts';
import { DMA_SYNC_ALL, PP_ALLOC_CACHE_SIZE } from './constants.ts';
import { destroyPool, poolInflight } from './destroy.ts';
import { disableDirectRecycling, enableDirectRecycling } from './direct-recycling.ts';
import { syncForCpu, syncForDevice } from './dma-sync.ts';
import { allocFragment, allocVirtual, allocWholeOrFragment, freeVirtual } from './fragment.ts';
import type { PoolHost } from './host.ts';
import { adoptNetmem, placeInCache, returnNetmem } from './netmem-life.ts';
import { updateNid } from './numa.ts';
import type { PoolNapi, ResolvedPagePoolParams } from './params.ts';
import { PoolState } from './pool-state.ts';
import { addAllocStats, addRecycleStats, type PagePoolStats } from './stats.ts';

// An imported binding is read from its module, and checked, at every use; a constant of this module is folded into the code.
const CACHE_SIZE: number = PP_ALLOC_CACHE_SIZE;
const NET_IOV_BIT: number = NET_IOV;
const PFMEMALLOC: number = NETMEM_PFMEMALLOC;
const SYNC_ALL: number = DMA_SYNC_ALL;
const SOFTIRQ: number = CONTEXT_SOFTIRQ;

/**
 * A pool of equal pieces of memory for one rx queue: pages, or the net_iovs of a memory provider.
 *
 *     allocNetmems ◀── cache (128, last in first out) ◀── ring (first in first out) ◀── page allocator or provider
 *                        ▲                                  ▲
 *                        └ putNetmem by the same NAPI       └ putNetmem by anybody else
 *
 * Made by {@link PagePools.create}, ended by {@link PagePool.destroy}. One object shape for every pool: the data path below is
 * what the optimiser sees at every call site; the rarer roles live in modules of their own.
 *
 * @kernel struct page_pool — include/net/page_pool/types.h, 7.3
 */
export class PagePool extends PoolState implements NetmemPool {
  /** Its number in the netmem table. @internal */
  declare readonly index: number;

  /** @internal */
  constructor(host: PoolHost, params: ResolvedPagePoolParams, cpuid: number, ringSlots: number) {
    super(host, params, cpuid, ringSlots);
    this.index = host.netmem.registerPool(this);
  }

  /** The table that the pool's memory is in. */
  get netmem(): NetmemTable {
    return this.host.netmem;
  }

  /**
   * Whether a provider is attached. (It says nothing about a single element: test `netmem.address(ref) === null` for that.)
   *
   * @kernel page_pool_is_unreadable — include/net/page_pool/helpers.h, 7.3
   */
  get isUnreadable(): boolean {
    return this.mpOps !== null;
  }

  /** Whether the last user let go of it; elements may still be out. */
  get destroyed(): boolean {
    return this.userCount === 0;
  }

  /** Elements in the cache now. */
  get cached(): number {
    return this.cacheCount;
  }

  /** Elements in the ring now. */
  get ringed(): number {
    return this.ring.length;
  }

  /** Pages that are mapped for the device now. */
  get mappedPages(): number {
    return this.mapped.count;
  }

  // --- data path ---

  /**
   * Takes one element, whole. One context at a time may allocate: normally the queue's NAPI.
   *
   * @returns 0 when nothing is to be had: no page, no mapping, provider exhausted. A normal event; try again later (I-6).
   * @kernel page_pool_alloc_netmems — net/core/page_pool.c, 7.3
   */
  allocNetmems(): NetmemRef {
    let count = this.cacheCount;
    if (count > 0) this.stats.allocFast++;
    else count = refillCache(this) | 0;
    // One store for both branches: the optimiser then carries the count over to a put in the same loop without reading it back.
    count--;
    this.cacheCount = count;
    return this.cache[count] as NetmemRef;
  }

  /**
   * Drops one reference; the last one gives the element back to the pool.
   *
   * @param dmaSyncSize - Bytes that the device may have written, from the pool's `offset`; -1 for all (always -1 for fragments).
   * @param allowDirect - The caller is the context that allocates (I-3). False is always right, and inside the pool's NAPI as good.
   * @kernel page_pool_put_netmem — include/net/page_pool/helpers.h, 7.3
   */
  putNetmem(ref: NetmemRef, dmaSyncSize: number, allowDirect: boolean): void {
    if (this.ppRefCount[ref >>> 1] === 1) this.recycle(ref, dmaSyncSize, allowDirect);
    else if (this.host.netmem.unrefNetmem(ref, 1) === 0) this.recycle(ref, dmaSyncSize, allowDirect);
  }

  /** {@link PagePool.putNetmem} with everything synced. @kernel page_pool_put_full_netmem — include/net/page_pool/helpers.h, 7.3 */
  putFullNetmem(ref: NetmemRef, allowDirect: boolean): void {
    this.putNetmem(ref, SYNC_ALL, allowDirect);
  }

  /** {@link PagePool.putFullNetmem} from the context that allocates. @kernel page_pool_recycle_direct_netmem — include/net/page_pool/helpers.h, 7.3 */
  recycleDirectNetmem(ref: NetmemRef): void {
    this.putNetmem(ref, SYNC_ALL, true);
  }

  /**
   * Gives an element back of which the caller has dropped the last reference by `netmem.unrefNetmem`.
   *
   * @kernel page_pool_put_unrefed_netmem — net/core/page_pool.c, 7.3
   */
  putUnrefedNetmem(ref: NetmemRef, dmaSyncSize: number, allowDirect: boolean): void {
    this.recycle(ref, dmaSyncSize, allowDirect);
  }

  /** Whether the caller may put this here; development builds look. @internal */
  assertPut(_ref: NetmemRef, _allowDirect: boolean): void {}

  /** What becomes of an element that nobody uses any more. @internal */
  recycle(ref: NetmemRef, dmaSyncSize: number, allowDirect: boolean): void {
    if (this.recycleInCache(ref, dmaSyncSize, allowDirect || this.isNapiLocal())) return;
    if (this.ring.produce(ref)) {
      this.recycleStats.recycleRing++;
      return;
    }
    this.recycleStats.recycleRingFull++;
    returnNetmem(this, ref);
  }

  /**
   * Syncs an element for the device and puts it into the cache; false when it is the ring's turn. One that cannot be recycled leaves
   * the pool.
   *
   * @kernel __page_pool_put_page — net/core/page_pool.c, 7.3
   * @internal
   */
  recycleInCache(ref: NetmemRef, dmaSyncSize: number, allowDirect: boolean): boolean {
    if (!this.isRecyclable(ref)) {
      this.recycleStats.recycleReleasedRefcnt++;
      returnNetmem(this, ref);
      return true;
    }
    if (allowDirect) {
      const count = this.cacheCount;
      if (count < CACHE_SIZE) {
        this.cache[count] = ref;
        this.cacheCount = count + 1;
        this.recycleStats.recycleCached++;
        // Last, because a call that may happen makes the optimiser forget what it knows; nobody can take the element out before.
        // Compared with true: any other test of a boolean field makes it ask what else the field might hold.
        if (this.dmaSync === true) syncForDevice(this, ref, dmaSyncSize);
        return true;
      }
      this.recycleStats.recycleCacheFull++;
    }
    if (this.dmaSync === true) syncForDevice(this, ref, dmaSyncSize);
    return false;
  }

  /**
   * Whether the running code is the pool's consumer, so that it may use the cache without a lock.
   *
   * @kernel page_pool_napi_local — net/core/page_pool.c, 7.3
   * @internal
   */
  isNapiLocal(): boolean {
    const { context, napi } = this;
    if (context.kind !== SOFTIRQ) return false;
    return this.cpuid === context.cpu || (napi !== null && napi.ownerCpu === context.cpu);
  }

  /**
   * A net_iov always; a page when the pool's reference is the only one and it is not from the emergency reserves.
   *
   * @kernel __page_pool_page_can_be_recycled — net/core/page_pool.c, 7.3
   * @internal
   */
  isRecyclable(ref: NetmemRef): boolean {
    const slot = ref >>> 1;
    return (
      (ref & NET_IOV_BIT) !== 0 || (this.pageRefCount[slot] === 1 && ((this.flags[slot] as number) & PFMEMALLOC) === 0)
    );
  }

  // --- other ways to allocate ---

  /**
   * Takes `sizeBytes` of an element that others may share: {@link PagePool.fragOffset} and {@link PagePool.fragSize} say where.
   * More than half an element gets a whole one. Every fragment must be put with a sync size of -1 (I-7).
   *
   * @returns 0 as {@link PagePool.allocNetmems}.
   * @kernel page_pool_alloc_netmem — include/net/page_pool/helpers.h, 7.3
   */
  allocNetmem(sizeBytes: number): NetmemRef {
    return allocWholeOrFragment(this, sizeBytes);
  }

  /**
   * As {@link PagePool.allocNetmem}, but always a fragment of exactly `sizeBytes`.
   *
   * @returns 0 as {@link PagePool.allocNetmems}, and with a WARN when `sizeBytes` exceeds an element.
   * @kernel page_pool_alloc_frag_netmem — net/core/page_pool.c, 7.3
   */
  allocFragNetmem(sizeBytes: number): NetmemRef {
    return allocFragment(this, sizeBytes);
  }

  /**
   * A page, for pools that have nothing else. On a provider's pool: WARN, NULL, and the netmem is lost (RX-3).
   *
   * @kernel page_pool_alloc_pages — include/net/page_pool/helpers.h, 7.3
   */
  allocPages(): PageRef {
    const ref = this.allocNetmems();
    return ref === 0 ? (0 as PageRef) : this.host.netmem.toPage(ref);
  }

  /**
   * As {@link PagePool.allocNetmem}, for the CPU: the linear address of the fragment, 0 for none.
   *
   * @throws KernelBug when the pool's memory has no address.
   * @kernel page_pool_alloc_va — include/net/page_pool/helpers.h, 7.3
   */
  allocVa(sizeBytes: number): number {
    return allocVirtual(this, sizeBytes);
  }

  /** Gives back what {@link PagePool.allocVa} returned. @kernel page_pool_free_va — include/net/page_pool/helpers.h, 7.3 */
  freeVa(linear: number, allowDirect: boolean): void {
    freeVirtual(this, linear, allowDirect);
  }

  // --- DMA ---

  /** Bus address of an element's first byte. @kernel page_pool_get_dma_addr_netmem — include/net/page_pool/helpers.h, 7.3 */
  getDmaAddrNetmem(ref: NetmemRef): number {
    return this.host.netmem.getDmaAddr(ref);
  }

  /**
   * Makes what the device wrote visible to the CPU: `lengthBytes` from `offset` plus the pool's own offset, not clipped to `maxLen`.
   * Does nothing where a provider has switched it off, so that a driver may call it for any memory (RX-6).
   *
   * @kernel page_pool_dma_sync_netmem_for_cpu — include/net/page_pool/helpers.h, 7.3
   */
  dmaSyncNetmemForCpu(ref: NetmemRef, offset: number, lengthBytes: number): void {
    if (this.dmaSyncForCpu === true) syncForCpu(this, ref, offset, lengthBytes);
  }

  /**
   * As {@link PagePool.dmaSyncNetmemForCpu}, for pools that are known to hold pages: never skipped.
   *
   * @kernel page_pool_dma_sync_for_cpu — include/net/page_pool/helpers.h, 7.3
   */
  dmaSyncPageForCpu(page: PageRef, offset: number, lengthBytes: number): void {
    syncForCpu(this, this.host.netmem.pageToNetmem(page), offset, lengthBytes);
  }

  // --- state ---

  /**
   * Elements that were adopted and have not left: those in cache and ring count as well. Never below 0.
   *
   * @kernel page_pool_inflight — net/core/page_pool.c, 7.3
   */
  inflight(): number {
    return poolInflight(this, false);
  }

  /** **Adds** the pool's counters to `into`. @kernel page_pool_get_stats — net/core/page_pool.c, 7.3 */
  getStats(into: PagePoolStats): void {
    addAllocStats(into, this.stats);
    addRecycleStats(into, this.recycleStats);
  }

  /** Takes pages from another node from now on; the cache goes back to where it came from. @kernel page_pool_update_nid — net/core/page_pool.c, 7.3 */
  updateNid(nid: number): void {
    updateNid(this, nid);
  }

  /** {@link PagePool.updateNid} if the node is another one. @kernel page_pool_nid_changed — include/net/page_pool/helpers.h, 7.3 */
  nidChanged(nid: number): void {
    if (this.nid !== nid) updateNid(this, nid);
  }

  /** No more direct recycling: for a driver that keeps the pool but stops its NAPI. @kernel page_pool_disable_direct_recycling — net/core/page_pool.c, 7.3 */
  disableDirectRecycling(): void {
    disableDirectRecycling(this);
  }

  /** Direct recycling inside `napi` from now on. One disable undoes any number of enables. @kernel page_pool_enable_direct_recycling — net/core/page_pool.c, 7.3 */
  enableDirectRecycling(napi: PoolNapi | null): void {
    enableDirectRecycling(this, napi);
  }

  /** One more user, who must call {@link PagePool.destroy} too. @kernel page_pool_get — include/net/page_pool/helpers.h, 7.3 */
  get(): void {
    this.userCount++;
  }

  /** As {@link PagePool.get} for an XDP memory model, told when the pool is torn down. @kernel page_pool_use_xdp_mem — net/core/page_pool.c, 7.3 */
  useXdpMem(disconnect: (pool: PagePool) => void): void {
    this.userCount++;
    this.onDisconnect = disconnect;
  }

  /**
   * Lets go of the pool. The last user ends it: at once if nothing is out, else when the last element has come back, looked for
   * once a second.
   *
   * @throws KernelBug when every user has let go already (I-9).
   * @kernel page_pool_destroy — net/core/page_pool.c, 7.3
   */
  destroy(): void {
    destroyPool(this);
  }

  // --- for providers ---

  /** Adopts a net_iov. @kernel net_mp_niov_set_page_pool — include/net/page_pool/memory_provider.h, 7.3 */
  niovSetPagePool(ref: NetmemRef): void {
    adoptNetmem(this, ref);
  }

  /** The net_iov is no pool's any more. @kernel net_mp_niov_clear_page_pool — include/net/page_pool/memory_provider.h, 7.3 */
  niovClearPagePool(ref: NetmemRef): void {
    this.host.netmem.clearPpInfo(ref);
  }

  /** Stores a net_iov's DMA address; true when it does not fit. @kernel net_mp_niov_set_dma_addr — include/net/page_pool/memory_provider.h, 7.3 */
  niovSetDmaAddr(ref: NetmemRef, addr: number): boolean {
    return this.host.netmem.setDmaAddr(ref, addr);
  }

  /**
   * Puts an adopted netmem into the cache, from within `allocNetmems` of the provider. The caller sees to it that there is room.
   *
   * @kernel net_mp_netmem_place_in_cache — include/net/page_pool/memory_provider.h, 7.3
   */
  placeInCache(ref: NetmemRef): void {
    placeInCache(this, ref);
  }
}
