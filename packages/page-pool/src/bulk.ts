import { KernelBug } from '@netmem/machine';
import type { NetmemRef } from '@netmem/netmem';
import { DMA_SYNC_ALL, XDP_BULK_QUEUE_SIZE } from './constants.ts';
import type { PoolHost } from './host.ts';
import { FREE } from './ledger.ts';
import { returnNetmem } from './netmem-life.ts';
import type { PagePool } from './page-pool.ts';

/** Elements of one pool on their way to its ring. One is enough: nothing below can bring a second bulk put about. */
const ringBound = new Int32Array(XDP_BULK_QUEUE_SIZE);

/**
 * Gives back many netmems at once: one reference of each, then those that are free grouped by pool, each group in one go.
 *
 * @param refs - Clobbered.
 * @param count - At most XDP_BULK_QUEUE_SIZE.
 * @kernel page_pool_put_netmem_bulk — net/core/page_pool.c, 7.3
 */
export function putBulk(host: PoolHost, refs: Int32Array, count: number): void {
  const { netmem } = host;
  if (count > XDP_BULK_QUEUE_SIZE) throw new KernelBug('bulk put too long', `${count} of ${XDP_BULK_QUEUE_SIZE}`);
  let left = 0;
  for (let i = 0; i < count; i++) {
    const ref = netmem.compoundHead(refs[i] as NetmemRef);
    (netmem.pool(ref) as PagePool).assertPut(ref, false);
    if (netmem.unrefNetmem(ref, 1) !== 0) continue;
    host.ledger?.mark(ref, FREE);
    refs[left++] = ref;
  }
  while (left > 0) left = putOfOnePool(netmem.pool(refs[0] as NetmemRef) as PagePool, refs, left);
}

/** Takes the pool's own out of the first `count` and moves the others to the front; returns how many those are. */
function putOfOnePool(pool: PagePool, refs: Int32Array, count: number): number {
  const { netmem } = pool.host;
  const allowDirect = pool.isNapiLocal();
  let foreign = 0;
  let bound = 0;
  for (let i = 0; i < count; i++) {
    const ref = refs[i] as NetmemRef;
    if (netmem.poolOf[ref >>> 1] !== pool.index) refs[foreign++] = ref;
    else if (!pool.recycleInCache(ref, DMA_SYNC_ALL, allowDirect)) ringBound[bound++] = ref;
  }
  if (bound > 0) produceBulk(pool, bound);
  return foreign;
}

/** A full ring counts once, however many are left over. @kernel page_pool_recycle_ring_bulk — net/core/page_pool.c, 7.3 */
function produceBulk(pool: PagePool, count: number): void {
  let produced = 0;
  while (produced < count && pool.ring.produce(ringBound[produced] as number)) produced++;
  pool.recycleStats.recycleRing += produced;
  if (produced === count) return;
  pool.recycleStats.recycleRingFull++;
  for (let i = produced; i < count; i++) returnNetmem(pool, ringBound[i] as NetmemRef);
}
