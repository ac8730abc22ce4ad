import { CPU_CACHE_LINE_BYTES, KernelBug, PAGE_SIZE } from '@netmem/machine';
import type { NetmemRef } from '@netmem/netmem';
import { BIAS_MAX, DMA_SYNC_ALL } from './constants.ts';
import { syncForDevice } from './dma-sync.ts';
import { returnNetmem } from './netmem-life.ts';
import type { PagePool } from './page-pool.ts';

const NONE = 0 as NetmemRef;

/** @kernel page_pool_alloc_netmem — include/net/page_pool/helpers.h, 7.3 */
export function allocWholeOrFragment(pool: PagePool, sizeBytes: number): NetmemRef {
  const max = PAGE_SIZE << pool.params.order;
  if (sizeBytes * 2 > max) {
    pool.fragOffset = 0;
    pool.fragSize = max;
    return pool.allocNetmems();
  }
  const ref = allocFragment(pool, sizeBytes);
  if (ref === 0) return NONE;
  // No second one of this size fits: give the rest to this fragment, so that truesize is not understated.
  if (pool.fragNext + pool.fragSize > max) {
    pool.fragSize = max - pool.fragOffset;
    pool.fragNext = max;
  }
  return ref;
}

/** @kernel page_pool_alloc_frag_netmem — net/core/page_pool.c, 7.3 */
export function allocFragment(pool: PagePool, sizeBytes: number): NetmemRef {
  const max = PAGE_SIZE << pool.params.order;
  if (sizeBytes > max) {
    pool.host.machine.log.warn(`page_pool_alloc_frag_netmem: ${sizeBytes} bytes of ${max}`, 'page_pool');
    return NONE;
  }
  const align = fragmentAlign(pool);
  const size = Math.ceil(sizeBytes / align) * align;
  pool.fragSize = size;
  pool.fragOffset = pool.fragNext;
  if (pool.fragRef !== 0 && pool.fragOffset + size > max) {
    pool.fragRef = drainFragment(pool, pool.fragRef);
    if (pool.fragRef !== 0) {
      pool.recycleStats.recycleCached++;
      pool.stats.allocFast++;
      return startFragments(pool, pool.fragRef, size);
    }
  }
  if (pool.fragRef === 0) {
    pool.fragRef = pool.allocNetmems();
    return pool.fragRef === 0 ? NONE : startFragments(pool, pool.fragRef, size);
  }
  pool.fragUsers++;
  pool.fragNext = pool.fragOffset + size;
  return pool.fragRef;
}

/** What is left of the element's references is given up; the last fragment put recycles it. @kernel page_pool_free_frag — net/core/page_pool.c, 7.3 */
export function freeFragments(pool: PagePool): void {
  const ref = pool.fragRef;
  pool.fragRef = NONE;
  if (ref === 0 || pool.host.netmem.unrefNetmem(ref, BIAS_MAX - pool.fragUsers) !== 0) return;
  returnNetmem(pool, ref);
}

/** @kernel page_pool_alloc_va — include/net/page_pool/helpers.h, 7.3 */
export function allocVirtual(pool: PagePool, sizeBytes: number): number {
  const ref = allocWholeOrFragment(pool, sizeBytes);
  if (ref === 0) return 0;
  const address = pool.host.netmem.address(ref);
  if (address === null) throw new KernelBug('RX-5: unreadable memory', `page_pool_alloc_va of pool ${pool.id}`, ref);
  return address + pool.fragOffset;
}

/** @kernel page_pool_free_va — include/net/page_pool/helpers.h, 7.3 */
export function freeVirtual(pool: PagePool, linear: number, allowDirect: boolean): void {
  const { netmem } = pool.host;
  pool.putNetmem(netmem.compoundHead(netmem.addressToNetmem(linear)), DMA_SYNC_ALL, allowDirect);
}

/**
 * Fragments of one element must not share a cache line where invalidating one would take the other's bytes with it.
 *
 * @kernel dma_get_cache_alignment — include/linux/dma-mapping.h, 7.3
 */
function fragmentAlign(pool: PagePool): number {
  return pool.host.machine.dmaMode === 'non-coherent' ? CPU_CACHE_LINE_BYTES : 1;
}

function startFragments(pool: PagePool, ref: NetmemRef, size: number): NetmemRef {
  pool.fragUsers = 1;
  pool.fragOffset = 0;
  pool.fragNext = size;
  pool.host.netmem.fragmentNetmem(ref, BIAS_MAX);
  return ref;
}

/**
 * The pool stops cutting from an element. Without users left it can be used again at once, if it is recyclable.
 *
 * @returns The element to use again, or 0.
 * @kernel page_pool_drain_frag — net/core/page_pool.c, 7.3
 */
function drainFragment(pool: PagePool, ref: NetmemRef): NetmemRef {
  if (pool.host.netmem.unrefNetmem(ref, BIAS_MAX - pool.fragUsers) !== 0) return NONE;
  if (!pool.isRecyclable(ref)) {
    returnNetmem(pool, ref);
    return NONE;
  }
  if (pool.dmaSync) syncForDevice(pool, ref, DMA_SYNC_ALL);
  return ref;
}
