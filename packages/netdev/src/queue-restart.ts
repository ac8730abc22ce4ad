import { ENODATA, EOPNOTSUPP, isErr } from '@netmem/uapi';
import type { NetdevQueueMgmtOps, QueueConfig } from './device-ops.ts';
import type { NetDevice } from './netdevice.ts';
import { netdevQueueConfig } from './queue-config.ts';
import type { NetdevRxQueue } from './rx-queue.ts';

/**
 * Whether the driver really built the queue from its provider: some pool of the device must have picked it up, for this queue.
 *
 * @returns 0, or `-ENODATA` for a driver that left out PP_FLAG_ALLOW_UNREADABLE_NETMEM, `queueIdx` or `netdev`.
 * @kernel page_pool_check_memory_provider — net/core/page_pool_user.c, 7.3
 */
export function pagePoolCheckMemoryProvider(dev: NetDevice, rxq: NetdevRxQueue): number {
  const priv = rxq.mpParams?.mpPriv ?? null;
  if (priv === null) return 0;
  for (const pool of dev.pools) {
    if (pool.mpPriv === priv && pool.params.queueIdx === rxq.index) return 0;
  }
  return -ENODATA;
}

function isComplete(ops: NetdevQueueMgmtOps | null): ops is NetdevQueueMgmtOps {
  const given: Partial<NetdevQueueMgmtOps> | null = ops;
  return (
    given?.memAlloc !== undefined &&
    given.memFree !== undefined &&
    given.start !== undefined &&
    given.stop !== undefined
  );
}

/**
 * Builds one receive queue anew while the others carry traffic. On failure the old queue is back where it was.
 *
 * The kernel also allocates two blobs for the driver and can fail with `-ENOMEM` there; here a driver's state is its own object.
 *
 * @param before - What the live queue was built with, for the way back.
 * @param after - What the new one shall be built with.
 * @returns 0; `-EOPNOTSUPP` unless the driver has all four operations; the errno of `memAlloc`, of the provider check (`-ENODATA`), of `stop`, or of
 * the first `start`, also when going back failed as well (a WARN tells).
 * @kernel netdev_rx_queue_reconfig — net/core/netdev_rx_queue.c, 7.3
 */
export function netdevRxQueueReconfig(dev: NetDevice, idx: number, before: QueueConfig, after: QueueConfig): number {
  const ops = dev.queueMgmtOps;
  if (!isComplete(ops)) return -EOPNOTSUPP;
  dev.assertLocked();

  const fresh = ops.memAlloc(idx, after);
  if (isErr(fresh)) return fresh;
  const missing = pagePoolCheckMemoryProvider(dev, dev.rxQueues[idx]);
  if (missing < 0) {
    ops.memFree(fresh);
    return missing;
  }
  if (!dev.running) {
    // Nothing to exchange: building it was the test whether it can be built. Opening the device builds the real one.
    ops.memFree(fresh);
    return 0;
  }
  const old = ops.stop(idx);
  if (isErr(old)) {
    ops.memFree(fresh);
    return old;
  }
  const error = ops.start(idx, after, fresh);
  if (error < 0) {
    // The driver broke what worked: it has to get back to the state before.
    if (ops.start(idx, before, old) < 0) {
      dev.network?.machine.log.warn(
        `Failed to restart old queue in error path. RX queue ${idx} may be unhealthy.`,
        dev.name,
      );
      ops.memFree(old);
    }
    ops.memFree(fresh);
    return error;
  }
  ops.memFree(old);
  return 0;
}

/**
 * Builds receive queue `idx` anew with the configuration it has.
 *
 * @returns as {@link netdevRxQueueReconfig}.
 * @kernel netdev_rx_queue_restart — net/core/netdev_rx_queue.c, 7.3
 */
export function netdevRxQueueRestart(dev: NetDevice, idx: number): number {
  const config = currentQueueConfig(dev, idx);
  return netdevRxQueueReconfig(dev, idx, config, config);
}

/** What a live queue was built with. */
export function currentQueueConfig(dev: NetDevice, idx: number): QueueConfig {
  const config: QueueConfig = { rxPageSize: 0 };
  netdevQueueConfig(dev, idx, config);
  return config;
}
