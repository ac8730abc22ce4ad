/**
 * The page_pool of Linux: memory for one rx queue, recycled without the page allocator, from pages or from a memory provider.
 *
 * Faithful to Linux 7.3 in names, order of checks, errnos, counters and tracepoints: the cache and its ring, bulk and direct
 * recycling, fragments, DMA mapping and syncs, NUMA, destruction while memory is still out, and the contract of providers such as
 * the dmabuf one.
 *
 * Use it when you write a driver against it, a provider for it, or want to see what a pool does with a workload. Development
 * builds check what the kernel cannot: a second put, a put to the wrong pool, a direct put from a wrong context (rules I-3, I-4,
 * I-9) throw a `KernelBug`. With `globalThis.__NETMEM_PRODUCTION__ = true` before the first import the data path has no checks.
 *
 * It is not a network device and not a provider: `@netmem/netdev` has the first, `@netmem/dmabuf` the second. It shows nothing to
 * users by itself; `PagePools.subscribe` and the counters are there for that.
 *
 * @example
 * ```ts
 * import { DMA_FROM_DEVICE, Machine, PAGE_SIZE } from '@netmem/machine';
 * import { NetmemTable } from '@netmem/netmem';
 * import { PagePools, PP_FLAG_DMA_MAP, PP_FLAG_DMA_SYNC_DEV } from '@netmem/page-pool';
 * import { isErr } from '@netmem/uapi';
 *
 * const machine = new Machine();
 * const pools = new PagePools(machine, new NetmemTable(machine));
 * const pool = pools.create({
 *   flags: PP_FLAG_DMA_MAP | PP_FLAG_DMA_SYNC_DEV,
 *   dev: machine.iommu.addDevice('nic'),
 *   dmaDir: DMA_FROM_DEVICE,
 *   maxLen: PAGE_SIZE,
 * });
 * if (isErr(pool)) throw new Error(`no pool: ${pool}`);
 *
 * const page = pool.allocNetmems(); // 64 pages are allocated and mapped, this is one of them
 * console.log(pool.inflight(), pool.getDmaAddrNetmem(page) > 0); // 64 true
 * pool.putFullNetmem(page, false); // not from the pool's NAPI: into the ring
 * console.log(pool.stats.allocSlow, pool.stats.recycleRing); // 1 1
 * pool.destroy();
 * console.log(pools.audit(), machine.audit()); // [] []
 * ```
 *
 * @packageDocumentation
 */
export {
  PP_ALLOC_CACHE_REFILL,
  PP_ALLOC_CACHE_SIZE,
  PP_FLAG_ALL,
  PP_FLAG_ALLOW_UNREADABLE_NETMEM,
  PP_FLAG_DMA_MAP,
  PP_FLAG_DMA_SYNC_DEV,
  PP_FLAG_SYSTEM_POOL,
  XDP_BULK_QUEUE_SIZE,
} from './constants.ts';
export { PagePool } from './page-pool.ts';
export type { PagePoolParams, PoolDevice, PoolNapi, PoolObserver, ResolvedPagePoolParams } from './params.ts';
export type { MemoryProviderOps, MemoryProviderParams, ProviderDescription } from './provider.ts';
export { PagePools, type PagePoolTotals } from './registry.ts';
export { PagePoolStats, PP_ETHTOOL_STATS, pagePoolEthtoolStatsGet } from './stats.ts';
