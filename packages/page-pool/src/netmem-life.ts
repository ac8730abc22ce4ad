import { KernelBug } from '@netmem/machine';
import type { NetmemRef } from '@netmem/netmem';
import { PP_ALLOC_CACHE_SIZE } from './constants.ts';
import { unmapNetmem } from './dma-map.ts';
import { FREE, OUT } from './ledger.ts';
import type { PagePool } from './page-pool.ts';

/**
 * Makes a netmem the pool's: its signature, one reference, counted as held from now on.
 *
 * @kernel page_pool_set_pp_info — net/core/page_pool.c, 7.3
 */
export function adoptNetmem(pool: PagePool, ref: NetmemRef): void {
  const { netmem, tracepoints } = pool.host;
  netmem.setPpInfo(ref, pool.index);
  pool.holdCount++;
  if (tracepoints.stateHold.enabled) {
    tracepoints.stateHold.emit(pool.id, ref, pool.holdCount, netmem.pfnTrace(ref));
  }
  pool.params.initCallback?.(ref);
}

/** @kernel net_mp_netmem_place_in_cache — include/net/page_pool/memory_provider.h, 7.3 */
export function placeInCache(pool: PagePool, ref: NetmemRef): void {
  if (pool.cacheCount >= PP_ALLOC_CACHE_SIZE) {
    throw new KernelBug('page_pool cache overflow', `a provider filled the cache of pool ${pool.id}`, ref);
  }
  pool.host.ledger?.mark(ref, FREE);
  pool.cache[pool.cacheCount++] = ref;
}

/**
 * An element leaves the pool, back to the page allocator or the provider. It counts as released either way.
 *
 * @kernel page_pool_return_netmem — net/core/page_pool.c, 7.3
 */
export function returnNetmem(pool: PagePool, ref: NetmemRef): void {
  const { netmem, tracepoints } = pool.host;
  pool.host.ledger?.mark(ref, OUT);
  // The page number is only to be had while the page is one.
  const pfn = tracepoints.stateRelease.enabled ? netmem.pfnTrace(ref) : 0;
  let isPoolsToPut = true;
  if (pool.mpOps !== null) isPoolsToPut = pool.mpOps.releaseNetmem(pool, ref);
  else unmapNetmem(pool, ref);
  pool.releaseCount++;
  if (tracepoints.stateRelease.enabled) tracepoints.stateRelease.emit(pool.id, ref, pool.releaseCount, pfn);
  if (!isPoolsToPut) return;
  if (netmem.isNetIov(ref)) {
    throw new KernelBug('release_netmem', 'a provider returned true for a net_iov, which is no page to put', ref);
  }
  netmem.clearPpInfo(ref);
  netmem.putPage(netmem.toPage(ref));
}

/** All of the cache leaves the pool. */
export function returnCache(pool: PagePool): void {
  while (pool.cacheCount > 0) returnNetmem(pool, pool.cache[--pool.cacheCount] as NetmemRef);
}
