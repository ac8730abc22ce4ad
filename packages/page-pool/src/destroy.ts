import { KernelBug, Work } from '@netmem/machine';
import type { NetmemRef } from '@netmem/netmem';
import { DEFER_TIME_NS, DEFER_WARN_INTERVAL_NS } from './constants.ts';
import { disableDirectRecycling } from './direct-recycling.ts';
import { unmapAll } from './dma-map.ts';
import { freeFragments } from './fragment.ts';
import { returnCache, returnNetmem } from './netmem-life.ts';
import type { PagePool } from './page-pool.ts';

const NS_PER_SECOND = 1e9;

/** @kernel page_pool_destroy — net/core/page_pool.c, 7.3 */
export function destroyPool(pool: PagePool): void {
  if (pool.userCount === 0) throw new KernelBug('I-9: pool destroyed twice', `pool ${pool.id}`);
  if (--pool.userCount > 0) return;
  disableDirectRecycling(pool);
  freeFragments(pool);
  if (releasePool(pool) === 0) return;
  detachPool(pool);
  const { machine } = pool.host;
  const { nowNs } = machine.clock;
  pool.deferStartNs = nowNs;
  pool.deferWarnNs = nowNs + DEFER_WARN_INTERVAL_NS;
  pool.releaseWork = new Work(() => releaseRetry(pool));
  machine.work.scheduleDelayed(pool.releaseWork, DEFER_TIME_NS);
}

/**
 * Users see from now on that the pool only waits for its memory.
 *
 * @kernel page_pool_detached — net/core/page_pool_user.c, 7.3
 */
function detachPool(pool: PagePool): void {
  pool.detachTime = Math.floor(pool.host.machine.clock.nowNs / NS_PER_SECOND);
  pool.host.notifyChanged(pool);
}

/**
 * Looks once a second whether the last element has come back.
 *
 * @kernel page_pool_release_retry — net/core/page_pool.c, 7.3
 */
function releaseRetry(pool: PagePool): void {
  const inflight = releasePool(pool);
  // Below 0 something was released that was never held: trying again cannot help.
  if (inflight <= 0) return;
  const { machine } = pool.host;
  const { nowNs } = machine.clock;
  // Users see the others, with their inflight count and detach time, by netlink.
  if (nowNs >= pool.deferWarnNs && pool.netdev === null) {
    const seconds = Math.floor((nowNs - pool.deferStartNs) / NS_PER_SECOND);
    machine.log.emit(
      'warn',
      'page_pool',
      `page_pool_release_retry() stalled pool shutdown: id ${pool.id}, ${inflight} inflight ${seconds} sec`,
    );
    pool.deferWarnNs = nowNs + DEFER_WARN_INTERVAL_NS;
  }
  machine.work.scheduleDelayed(pool.releaseWork as Work, DEFER_TIME_NS);
}

/**
 * Takes back what lies in cache and ring, and tears the pool down if that was all.
 *
 * @returns Elements that are still out; below 0 after a wrong release.
 * @kernel page_pool_release — net/core/page_pool.c, 7.3
 */
function releasePool(pool: PagePool): number {
  scrubPool(pool);
  const inflight = poolInflight(pool, true);
  if (inflight === 0) tearDown(pool);
  return inflight;
}

/** @kernel page_pool_inflight — net/core/page_pool.c, 7.3 */
export function poolInflight(pool: PagePool, strict: boolean): number {
  const inflight = pool.holdCount - pool.releaseCount;
  const trace = pool.host.tracepoints.release;
  if (trace.enabled) trace.emit(pool.id, inflight, pool.holdCount, pool.releaseCount, pool.destroyCount);
  if (!strict) return Math.max(0, inflight);
  if (inflight < 0) pool.host.machine.log.warn(`Negative(${inflight}) inflight packet-pages`, 'page_pool');
  return inflight;
}

/**
 * The first time: cache back, syncs off, every page unmapped, even those that skbs still hold, because the device may be gone
 * before they are. (The kernel lets running syncs end first; here there are none.) Every time: ring back.
 *
 * @kernel page_pool_scrub — net/core/page_pool.c, 7.3
 */
function scrubPool(pool: PagePool): void {
  if (pool.destroyCount === 0) returnCache(pool);
  if (pool.destroyCount++ === 0 && pool.dmaMap) {
    pool.dmaSync = false;
    unmapAll(pool);
  }
  emptyRing(pool);
}

/** @kernel page_pool_empty_ring — net/core/page_pool.c, 7.3 */
function emptyRing(pool: PagePool): void {
  const { netmem, machine } = pool.host;
  for (let ref = pool.ring.consume(); ref !== 0; ref = pool.ring.consume()) {
    const count = netmem.refCount(ref as NetmemRef);
    if (count !== 1) {
      machine.log.emit('crit', 'page_pool', `page_pool_empty_ring() page_pool refcnt ${count} violation`);
    }
    returnNetmem(pool, ref as NetmemRef);
  }
}

/** @kernel __page_pool_destroy — net/core/page_pool.c, 7.3 */
function tearDown(pool: PagePool): void {
  pool.onDisconnect?.(pool);
  pool.host.unlist(pool);
  pool.host.netmem.unregisterPool(pool.index);
  pool.mpOps?.destroy(pool);
}
