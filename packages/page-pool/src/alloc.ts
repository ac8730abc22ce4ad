import type { NetmemRef } from '@netmem/netmem';
import { LOCAL_NODE, NUMA_NO_NODE, PP_ALLOC_CACHE_REFILL } from './constants.ts';
import { mapNetmem } from './dma-map.ts';
import { FREE } from './ledger.ts';
import { adoptNetmem, returnNetmem } from './netmem-life.ts';
import type { PagePool } from './page-pool.ts';

/**
 * Brings something for the caller to the top of the empty cache: from the ring, else from the provider or the page allocator.
 * When nothing is to be had it is 0, no memory, that lies on top, so that the caller pops in either case.
 *
 * @returns The number of cache entries, at least 1.
 */
export function refillCache(pool: PagePool): number {
  if (pool.ring.isEmpty) {
    pool.stats.allocEmpty++;
  } else {
    refillFromRing(pool);
    if (pool.cacheCount > 0) {
      pool.stats.allocRefill++;
      return pool.cacheCount;
    }
  }
  let ref = 0 as NetmemRef;
  if (pool.mpOps !== null) ref = pool.mpOps.allocNetmems(pool);
  else if (pool.params.order > 0) ref = allocHighOrder(pool);
  else if (allocBulk(pool)) return pool.cacheCount;
  pool.cache[pool.cacheCount++] = ref;
  return pool.cacheCount;
}

/**
 * Moves up to 64 elements, oldest first. One of a wrong NUMA node is given up and ends the refill: the rest of the ring is likely
 * no better, and the allocator may do better now.
 *
 * @kernel page_pool_refill_alloc_cache — net/core/page_pool.c, 7.3
 */
function refillFromRing(pool: PagePool): void {
  const { netmem, machine } = pool.host;
  const nid = pool.nid === NUMA_NO_NODE ? LOCAL_NODE : pool.nid;
  if (machine.ram.nodes === 1 && nid === LOCAL_NODE) {
    pool.cacheCount = pool.ring.consumeInto(pool.cache, 0, PP_ALLOC_CACHE_REFILL);
  } else {
    while (pool.cacheCount < PP_ALLOC_CACHE_REFILL) {
      const ref = pool.ring.consume() as NetmemRef;
      if (ref === 0) break;
      if (!netmem.isPrefNid(ref, nid)) {
        returnNetmem(pool, ref);
        pool.stats.allocWaive++;
        break;
      }
      pool.cache[pool.cacheCount++] = ref;
    }
  }
}

/**
 * Up to 64 single pages at once into the cache; those that cannot be mapped are dropped.
 *
 * @returns Whether there is one.
 * @kernel __page_pool_alloc_netmems_slow — net/core/page_pool.c, 7.3
 */
function allocBulk(pool: PagePool): boolean {
  const { netmem, ledger } = pool.host;
  const { cache } = pool;
  let obtained = 0;
  for (; obtained < PP_ALLOC_CACHE_REFILL; obtained++) {
    const page = netmem.allocPages(0, pool.nid);
    if (page === 0) break;
    cache[obtained] = netmem.pageToNetmem(page);
  }
  for (let i = 0; i < obtained; i++) {
    const ref = cache[i] as NetmemRef;
    if (!mapNetmem(pool, ref)) {
      netmem.putPage(netmem.toPage(ref));
      continue;
    }
    cache[pool.cacheCount++] = ref;
    adoptNetmem(pool, ref);
    ledger?.mark(ref, FREE);
  }
  if (pool.cacheCount === 0) return false;
  pool.stats.allocSlow++;
  return true;
}

/**
 * One compound page. Neither cached nor fetched in bulk.
 *
 * @kernel __page_pool_alloc_page_order — net/core/page_pool.c, 7.3
 */
function allocHighOrder(pool: PagePool): NetmemRef {
  const { netmem } = pool.host;
  const page = netmem.allocPages(pool.params.order, pool.nid);
  if (page === 0) return 0 as NetmemRef;
  const ref = netmem.pageToNetmem(page);
  if (!mapNetmem(pool, ref)) {
    netmem.putPage(page);
    return 0 as NetmemRef;
  }
  pool.stats.allocSlowHighOrder++;
  adoptNetmem(pool, ref);
  return ref;
}
