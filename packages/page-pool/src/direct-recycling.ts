import { NO_CPU } from './constants.ts';
import type { PagePool } from './page-pool.ts';
import type { PoolNapi } from './params.ts';

/** @kernel page_pool_disable_direct_recycling — net/core/page_pool.c, 7.3 */
export function disableDirectRecycling(pool: PagePool): void {
  pool.cpuid = NO_CPU;
  const { napi } = pool;
  if (napi === null) return;
  assertWillNotRace(pool, napi);
  pool.napi = null;
}

/** @kernel page_pool_enable_direct_recycling — net/core/page_pool.c, 7.3 */
export function enableDirectRecycling(pool: PagePool, napi: PoolNapi | null): void {
  if (pool.napi === napi) return;
  if (napi === null || pool.napi !== null) {
    pool.host.machine.log.warn(
      napi === null
        ? `page_pool_enable_direct_recycling: no NAPI given to pool ${pool.id}`
        : `page_pool_enable_direct_recycling: pool ${pool.id} is of NAPI ${pool.napi?.id} already`,
      'page_pool',
    );
  }
  pool.napi = napi;
}

/**
 * A NAPI that still runs would go on using the cache.
 *
 * @kernel napi_assert_will_not_race — net/core/dev.h, 7.3
 */
function assertWillNotRace(pool: PagePool, napi: PoolNapi): void {
  const { log } = pool.host.machine;
  if (napi.enabled) log.warn(`napi_assert_will_not_race: NAPI ${napi.id} of pool ${pool.id} is enabled`, 'page_pool');
  if (napi.ownerCpu !== NO_CPU) {
    log.warn(`napi_assert_will_not_race: NAPI ${napi.id} of pool ${pool.id} is being polled`, 'page_pool');
  }
}
