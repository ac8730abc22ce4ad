import type { Extack } from '@netmem/uapi';
import type { QueueConfig } from './device-ops.ts';
import type { NetDevice } from './netdevice.ts';

/**
 * What receive queue `idx` is to be built with: nothing, then the driver's defaults, then what the queue's provider asks for.
 *
 * @kernel netdev_queue_config — net/core/netdev_config.c, 7.3
 */
export function netdevQueueConfig(dev: NetDevice, idx: number, out: QueueConfig): void {
  out.rxPageSize = 0;
  dev.queueMgmtOps?.defaultQcfg?.(out);
  overlay(dev, idx, out);
}

/**
 * As {@link netdevQueueConfig}, with the driver asked both for its defaults and for the result.
 *
 * @returns 0, or the first errno the driver gave.
 * @kernel netdev_queue_config_validate — net/core/netdev_config.c, 7.3
 */
export function netdevQueueConfigValidate(
  dev: NetDevice,
  idx: number,
  out: QueueConfig,
  extack: Extack | null,
): number {
  const ops = dev.queueMgmtOps;
  out.rxPageSize = 0;
  ops?.defaultQcfg?.(out);
  const error = ops?.validateQcfg?.(idx, out, extack) ?? 0;
  if (error < 0) return error;
  overlay(dev, idx, out);
  return ops?.validateQcfg?.(idx, out, extack) ?? 0;
}

function overlay(dev: NetDevice, idx: number, out: QueueConfig): void {
  const asked = dev.rxQueues[idx].mpParams?.rxPageSize ?? 0;
  if (asked !== 0) out.rxPageSize = asked;
}
