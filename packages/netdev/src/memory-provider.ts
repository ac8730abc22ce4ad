import type { DmaDevice } from '@netmem/machine';
import type { MemoryProviderParams } from '@netmem/page-pool';
import {
  EBUSY,
  EEXIST,
  EINVAL,
  ENETDOWN,
  EOPNOTSUPP,
  ERANGE,
  type Extack,
  QCFG_RX_PAGE_SIZE,
  TCP_DATA_SPLIT,
} from '@netmem/uapi';
import type { QueueConfig } from './device-ops.ts';
import type { NetDevice } from './netdevice.ts';
import { netdevQueueConfigValidate } from './queue-config.ts';
import { currentQueueConfig, netdevRxQueueReconfig } from './queue-restart.ts';

/**
 * Installs a memory provider on receive queue `idx` and rebuilds the queue from it. The caller holds the instance lock.
 *
 * In this order:
 *
 * | condition | errno | extack |
 * |---|---|---|
 * | the device does not take the instance lock | -EOPNOTSUPP | |
 * | `idx` is not a queue in use | -ERANGE | rx queue index out of range |
 * | no queue management | -EOPNOTSUPP | |
 * | tcp-data-split is not configured on (auto does not count) | -EINVAL | tcp-data-split is disabled |
 * | hds-thresh is configured above 0 | -EINVAL | hds-thresh is not zero |
 * | an XDP program is attached | -EEXIST | unable to custom memory provider to device with XDP program attached |
 * | an rx page size is asked for that the driver has no setting for | -EOPNOTSUPP | device does not support: rx_page_size |
 * | the queue has a provider | -EEXIST | designated queue already memory provider bound |
 * | the queue has an AF_XDP pool | -EBUSY | designated queue already in use by AF_XDP |
 * | the driver refuses the configuration | its own | its own |
 * | the restart fails | its own | |
 *
 * Leased queues do not exist here.
 *
 * @kernel netif_mp_open_rxq — net/core/netdev_rx_queue.c, 7.3 (partial: no leased queues)
 */
export function netifMpOpenRxq(
  dev: NetDevice,
  idx: number,
  params: MemoryProviderParams,
  extack: Extack | null,
): number {
  if (!dev.needsOpsLock) return -EOPNOTSUPP;
  dev.assertLocked();
  if (!(idx >= 0 && idx < dev.realNumRxQueues)) {
    extack?.set('rx queue index out of range');
    return -ERANGE;
  }
  if (dev.queueMgmtOps === null) return -EOPNOTSUPP;
  if (dev.cfg.hdsConfig !== TCP_DATA_SPLIT.ENABLED) {
    extack?.set('tcp-data-split is disabled');
    return -EINVAL;
  }
  if (dev.cfg.hdsThresh !== 0) {
    extack?.set('hds-thresh is not zero');
    return -EINVAL;
  }
  if (dev.xdpProg !== null) {
    extack?.set('unable to custom memory provider to device with XDP program attached');
    return -EEXIST;
  }
  if (params.rxPageSize !== 0 && ((dev.queueMgmtOps.supportedParams ?? 0) & QCFG_RX_PAGE_SIZE) === 0) {
    extack?.set('device does not support: rx_page_size');
    return -EOPNOTSUPP;
  }
  const rxq = dev.rxQueues[idx];
  if (rxq.mpParams !== null) {
    extack?.set('designated queue already memory provider bound');
    return -EEXIST;
  }
  if (rxq.xskPool !== null) {
    extack?.set('designated queue already in use by AF_XDP');
    return -EBUSY;
  }
  const before = currentQueueConfig(dev, idx);
  rxq.mpParams = params;
  const after: QueueConfig = { rxPageSize: 0 };
  let error = netdevQueueConfigValidate(dev, idx, after, extack);
  if (error === 0) error = netdevRxQueueReconfig(dev, idx, before, after);
  if (error < 0) rxq.mpParams = null;
  return error;
}

/**
 * Takes a provider off receive queue `idx` and rebuilds the queue from ordinary pages. Cannot fail: an owner that is not the queue's is a WARN and
 * changes nothing, a failed restart is a WARN. The caller holds the instance lock.
 *
 * @param old - What was installed; compared by ops and private part.
 * @kernel netif_mp_close_rxq — net/core/netdev_rx_queue.c, 7.3
 */
export function netifMpCloseRxq(dev: NetDevice, idx: number, old: MemoryProviderParams): void {
  const log = dev.network?.machine.log;
  if (!(idx >= 0 && idx < dev.realNumRxQueues)) {
    log?.warnOnce(
      `mp-close-range-${dev.ifindex}`,
      `${dev.name}: provider close of rx queue ${idx}, which does not exist`,
    );
    return;
  }
  const rxq = dev.rxQueues[idx];
  const installed = rxq.mpParams;
  // An unregistered device: the provider's uninstall was here first.
  if (!dev.registered && installed === null) return;
  if (installed === null || installed.mpOps !== old.mpOps || installed.mpPriv !== old.mpPriv) {
    log?.warnOnce(`mp-close-owner-${dev.ifindex}`, `${dev.name}: provider close of rx queue ${idx} by another owner`);
    return;
  }
  const before = currentQueueConfig(dev, idx);
  rxq.mpParams = null;
  const after = currentQueueConfig(dev, idx);
  const error = netdevRxQueueReconfig(dev, idx, before, after);
  if (error < 0 && error !== -ENETDOWN) {
    log?.warn(`${dev.name}: restart of rx queue ${idx} without its provider failed: ${error}`);
  }
}

/** Whether packets of the queue will be unreadable: a driver's question before it builds its pools. @kernel netif_rxq_has_unreadable_mp — net/core/netdev_rx_queue.c, 7.3 */
export function netifRxqHasUnreadableMp(dev: NetDevice, idx: number): boolean {
  return idx < dev.rxQueues.length && dev.rxQueues[idx].mpParams !== null;
}

/** The highest receive queue with a provider, plus one; 0 when no queue has one. @kernel dev_get_min_mp_channel_count — net/core/dev.c, 7.3 */
export function devGetMinMpChannelCount(dev: NetDevice): number {
  for (let i = dev.realNumRxQueues - 1; i >= 0; i--) {
    if (dev.rxQueues[i].mpParams !== null) return i + 1;
  }
  return 0;
}

/** The device that does a receive queue's DMA, if it has a DMA mask: the driver's answer for the queue, otherwise the parent. @kernel netdev_queue_get_dma_dev — net/core/netdev_queues.c, 7.3 */
export function netdevQueueGetDmaDev(dev: NetDevice, idx: number): DmaDevice | null {
  const ops = dev.queueMgmtOps;
  const dma = ops?.getDmaDev === undefined ? dev.parent : ops.getDmaDev(idx);
  return dma !== null && dma.dmaMask !== null ? dma : null;
}

/** Tells each provider that its device goes. @kernel dev_memory_provider_uninstall — net/core/dev.c, 7.3 */
export function devMemoryProviderUninstall(dev: NetDevice): void {
  dev.assertLocked();
  for (let i = 0; i < dev.realNumRxQueues; i++) {
    const rxq = dev.rxQueues[i];
    rxq.mpParams?.mpOps.uninstall?.(rxq.mpParams.mpPriv, rxq);
  }
}
