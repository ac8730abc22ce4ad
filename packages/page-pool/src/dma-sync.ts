import { KernelBug } from '@netmem/machine';
import type { NetmemRef } from '@netmem/netmem';
import type { PagePool } from './page-pool.ts';

/**
 * Hands an element to the device again: from the pool's offset, `dmaSyncSize` bytes taken as unsigned (-1 is everything) but never
 * more than `maxLen`. What lies before the offset is never synced. The caller has asked for `dmaSync`.
 *
 * @kernel page_pool_dma_sync_for_device — net/core/page_pool.c, 7.3
 */
export function syncForDevice(pool: PagePool, ref: NetmemRef, dmaSyncSize: number): void {
  const { dev, maxLen, offset, dmaDir } = pool.params;
  // Asked each time: the device may have begun to need syncs since.
  if (dev === null || !dev.needSync()) return;
  const length = Math.min(dmaSyncSize >>> 0, maxLen);
  if (length === 0) return;
  dev.syncForDevice(pool.host.netmem.getDmaAddr(ref) + offset, length, dmaDir);
}

/**
 * Hands a part of an element to the CPU. Not clipped, and independent of PP_FLAG_DMA_SYNC_DEV.
 *
 * @throws KernelBug when the pool has no device: the kernel would follow a NULL pointer.
 * @kernel dma_sync_single_range_for_cpu — include/linux/dma-mapping.h, 7.3
 */
export function syncForCpu(pool: PagePool, ref: NetmemRef, offset: number, lengthBytes: number): void {
  const { dev, dmaDir } = pool.params;
  if (dev === null) throw new KernelBug('dma sync without a device', `pool ${pool.id}`, ref);
  dev.syncForCpu(pool.host.netmem.getDmaAddr(ref) + offset + pool.params.offset, lengthBytes, dmaDir);
}
