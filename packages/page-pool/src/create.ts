import { DMA_BIDIRECTIONAL, DMA_FROM_DEVICE, KernelBug, MAX_PAGE_ORDER } from '@netmem/machine';
import { EFAULT, EINVAL, EOPNOTSUPP, type NegativeErrno } from '@netmem/uapi';
import { CheckedPagePool } from './checked-pool.ts';
import { CHECKED } from './checks.ts';
import {
  DEFAULT_RING_SLOTS,
  MAX_RING_SLOTS,
  PP_FLAG_ALL,
  PP_FLAG_ALLOW_UNREADABLE_NETMEM,
  PP_FLAG_DMA_MAP,
  PP_FLAG_DMA_SYNC_DEV,
} from './constants.ts';
import type { PoolHost } from './host.ts';
import { PagePool } from './page-pool.ts';
import type { ResolvedPagePoolParams } from './params.ts';
import type { MemoryProviderParams } from './provider.ts';

/**
 * Makes a pool that is not listed yet, checking in this order:
 *
 * 1. a flag outside the four: -EINVAL
 * 2. DMA_MAP with a direction other than FROM_DEVICE and BIDIRECTIONAL: -EINVAL
 * 3. DMA_SYNC_DEV without DMA_MAP: -EINVAL; with `maxLen` 0: -EINVAL
 * 4. with a provider: without DMA_MAP and DMA_SYNC_DEV: -EOPNOTSUPP; ops that are not frozen: WARN, -EFAULT; what its `init` says
 * 5. without: an order above 10: -EINVAL
 *
 * @throws KernelBug where the kernel would crash: DMA_MAP without a device, ALLOW_UNREADABLE_NETMEM without a network device; and
 * when its instance lock is not held.
 * @kernel page_pool_init — net/core/page_pool.c, 7.3
 */
export function initPool(host: PoolHost, params: ResolvedPagePoolParams, cpuid: number): PagePool | NegativeErrno {
  const error = checkParams(params);
  if (error < 0) return error;
  const installed = installedProvider(params);
  const Pool = CHECKED ? CheckedPagePool : PagePool;
  const pool = new Pool(host, params, cpuid, ringSlots(params.poolSize));
  const failed = adoptProvider(pool, installed);
  if (failed === 0) return pool;
  host.netmem.unregisterPool(pool.index);
  return failed;
}

function checkParams(params: ResolvedPagePoolParams): NegativeErrno | 0 {
  const { flags, dmaDir, dev, maxLen } = params;
  if ((flags & ~PP_FLAG_ALL) !== 0) return -EINVAL;
  const isMapped = (flags & PP_FLAG_DMA_MAP) !== 0;
  if (isMapped && dmaDir !== DMA_FROM_DEVICE && dmaDir !== DMA_BIDIRECTIONAL) return -EINVAL;
  if ((flags & PP_FLAG_DMA_SYNC_DEV) !== 0) {
    if (!isMapped) return -EINVAL;
    if (maxLen === 0) return -EINVAL;
  }
  // Not checked by the kernel, which follows the NULL pointer at the first allocation.
  if (isMapped && dev === null) {
    throw new KernelBug('RX-4a: no DMA device', 'page_pool_create with PP_FLAG_DMA_MAP and dev NULL');
  }
  return 0;
}

/** 0 is the default; too many are clamped, not refused. */
function ringSlots(poolSize: number): number {
  return poolSize === 0 ? DEFAULT_RING_SLOTS : Math.min(poolSize, MAX_RING_SLOTS);
}

/** What is installed on the pool's rx queue, if the pool may take it. */
function installedProvider({ flags, netdev, queueIdx }: ResolvedPagePoolParams): MemoryProviderParams | null {
  if ((flags & PP_FLAG_ALLOW_UNREADABLE_NETMEM) === 0) return null;
  if (netdev === null) {
    throw new KernelBug(
      'RX-4c: no network device',
      'page_pool_create with PP_FLAG_ALLOW_UNREADABLE_NETMEM and netdev NULL',
    );
  }
  netdev.assertLocked();
  return netdev.provider(queueIdx);
}

function adoptProvider(pool: PagePool, installed: MemoryProviderParams | null): NegativeErrno | 0 {
  if (installed === null) return pool.params.order > MAX_PAGE_ORDER ? -EINVAL : 0;
  const { mpOps } = installed;
  pool.mpPriv = installed.mpPriv;
  pool.mpOps = mpOps;
  if (!pool.dmaMap || !pool.dmaSync) return -EOPNOTSUPP;
  const { log } = pool.host.machine;
  if (!Object.isFrozen(mpOps)) {
    log.warn('page_pool_init: memory provider ops that are not read-only', 'page_pool');
    return -EFAULT;
  }
  const error = mpOps.init(pool);
  if (error !== 0) log.emit('warn', 'page_pool', `page_pool_init() mem-provider init failed ${error}`);
  return error;
}
