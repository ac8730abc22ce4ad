/**
 * A pool's counters. Which sum up: every allocation is exactly one of `allocFast`, `allocRefill`, `allocSlow`,
 * `allocSlowHighOrder`, one from a provider (which counts nowhere) or a failure.
 *
 * @kernel struct page_pool_stats — include/net/page_pool/types.h, 7.3
 */
export class PagePoolStats {
  /** Taken from the cache; also a fragmented element that was reused at once. */
  allocFast: number = 0;
  /** Calls of the page allocator that brought something: one for up to 64 pages. */
  allocSlow: number = 0;
  /** Elements of order above 0 from the page allocator. */
  allocSlowHighOrder: number = 0;
  /** Cache and ring were both empty. */
  allocEmpty: number = 0;
  /** Refills from the ring that served the caller. */
  allocRefill: number = 0;
  /** Elements given up by a refill because they are of another NUMA node. */
  allocWaive: number = 0;
  /** Put into the cache; also a fragmented element that was reused at once. */
  recycleCached: number = 0;
  /** The cache was wanted and full; the ring is tried next. */
  recycleCacheFull: number = 0;
  /** Put into the ring. */
  recycleRing: number = 0;
  /** The ring was full: once per element, but once per bulk. */
  recycleRingFull: number = 0;
  /** Pages that somebody else still holds, or from emergency reserves: not recycled. */
  recycleReleasedRefcnt: number = 0;
}

/** Names of the counters in `ethtool -S`, in the order of {@link pagePoolEthtoolStatsGet}. */
export const PP_ETHTOOL_STATS: readonly string[] = [
  'rx_pp_alloc_fast',
  'rx_pp_alloc_slow',
  'rx_pp_alloc_slow_ho',
  'rx_pp_alloc_empty',
  'rx_pp_alloc_refill',
  'rx_pp_alloc_waive',
  'rx_pp_recycle_cached',
  'rx_pp_recycle_cache_full',
  'rx_pp_recycle_ring',
  'rx_pp_recycle_ring_full',
  'rx_pp_recycle_released_ref',
];

/**
 * The counters as `ethtool -S` lists them, under the names of {@link PP_ETHTOOL_STATS}.
 *
 * @kernel page_pool_ethtool_stats_get — net/core/page_pool.c, 7.3
 */
export function pagePoolEthtoolStatsGet(stats: PagePoolStats): number[] {
  return [
    stats.allocFast,
    stats.allocSlow,
    stats.allocSlowHighOrder,
    stats.allocEmpty,
    stats.allocRefill,
    stats.allocWaive,
    stats.recycleCached,
    stats.recycleCacheFull,
    stats.recycleRing,
    stats.recycleRingFull,
    stats.recycleReleasedRefcnt,
  ];
}

/** Adds the allocation side of one set of counters to another. @internal */
export function addAllocStats(into: PagePoolStats, from: PagePoolStats): void {
  into.allocFast += from.allocFast;
  into.allocSlow += from.allocSlow;
  into.allocSlowHighOrder += from.allocSlowHighOrder;
  into.allocEmpty += from.allocEmpty;
  into.allocRefill += from.allocRefill;
  into.allocWaive += from.allocWaive;
}

/** Adds the recycling side of one set of counters to another. @internal */
export function addRecycleStats(into: PagePoolStats, from: PagePoolStats): void {
  into.recycleCached += from.recycleCached;
  into.recycleCacheFull += from.recycleCacheFull;
  into.recycleRing += from.recycleRing;
  into.recycleRingFull += from.recycleRingFull;
  into.recycleReleasedRefcnt += from.recycleReleasedRefcnt;
}
