import { returnCache } from './netmem-life.ts';
import type { PagePool } from './page-pool.ts';

/**
 * Follows the NAPI to another node. All of the cache leaves the pool; the ring is sorted out by later refills.
 *
 * @kernel page_pool_update_nid — net/core/page_pool.c, 7.3
 */
export function updateNid(pool: PagePool, nid: number): void {
  const trace = pool.host.tracepoints.updateNid;
  if (trace.enabled) trace.emit(pool.id, pool.nid, nid);
  pool.nid = nid;
  returnCache(pool);
}
