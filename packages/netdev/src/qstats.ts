import { EOPNOTSUPP, type NegativeErrno } from '@netmem/uapi';
import type { NetDevice } from './netdevice.ts';

/** A counter left at this value is not reported. The kernel's is all ones. @kernel NETDEV_STAT_NOT_SET — net/core/netdev-genl.c, 7.3 */
export const NETDEV_STAT_NOT_SET = -1;

// ynl names by field; the order is that of the attributes.
const RX_NAMES = {
  packets: 'rx-packets',
  bytes: 'rx-bytes',
  allocFail: 'rx-alloc-fail',
  hwDrops: 'rx-hw-drops',
  hwDropOverruns: 'rx-hw-drop-overruns',
  csumComplete: 'rx-csum-complete',
  csumUnnecessary: 'rx-csum-unnecessary',
  csumNone: 'rx-csum-none',
  csumBad: 'rx-csum-bad',
  hwGroPackets: 'rx-hw-gro-packets',
  hwGroBytes: 'rx-hw-gro-bytes',
  hwGroWirePackets: 'rx-hw-gro-wire-packets',
  hwGroWireBytes: 'rx-hw-gro-wire-bytes',
  hwDropRatelimits: 'rx-hw-drop-ratelimits',
} as const;
const TX_NAMES = {
  packets: 'tx-packets',
  bytes: 'tx-bytes',
  hwDrops: 'tx-hw-drops',
  hwDropErrors: 'tx-hw-drop-errors',
  csumNone: 'tx-csum-none',
  needsCsum: 'tx-needs-csum',
  hwGsoPackets: 'tx-hw-gso-packets',
  hwGsoBytes: 'tx-hw-gso-bytes',
  hwGsoWirePackets: 'tx-hw-gso-wire-packets',
  hwGsoWireBytes: 'tx-hw-gso-wire-bytes',
  hwDropRatelimits: 'tx-hw-drop-ratelimits',
  stop: 'tx-stop',
  wake: 'tx-wake',
} as const;

/** Counters of a receive queue. @kernel struct netdev_queue_stats_rx — include/net/netdev_queues.h, 7.3 */
export type QueueStatsRx = { -readonly [field in keyof typeof RX_NAMES]: number };
/** Counters of a transmit queue. @kernel struct netdev_queue_stats_tx — include/net/netdev_queues.h, 7.3 */
export type QueueStatsTx = { -readonly [field in keyof typeof TX_NAMES]: number };
/** Counters by their ynl name (`rx-packets`), those that are set. */
export type QueueStatsReply = Readonly<Record<string, number>>;

/** What one queue counted. */
export interface PerQueueStats {
  readonly type: 'rx' | 'tx';
  readonly id: number;
  readonly stats: QueueStatsReply;
}

type Counters = Record<string, number>;

function unset<T extends object>(names: T): { [field in keyof T]: number } {
  const counters: Counters = {};
  for (const field of Object.keys(names)) counters[field] = NETDEV_STAT_NOT_SET;
  return counters as { [field in keyof T]: number };
}

function reply(names: Readonly<Record<string, string>>, counters: Counters, into: Counters): Counters {
  for (const [field, name] of Object.entries(names)) {
    if (counters[field] !== NETDEV_STAT_NOT_SET) into[name] = counters[field];
  }
  return into;
}

// A counter is summed only when both sides have it: the base decides what a device reports. @kernel netdev_nl_stats_add — net/core/netdev-genl.c, 7.3
function add(sum: Counters, more: Counters): void {
  for (const field of Object.keys(sum)) {
    if (sum[field] !== NETDEV_STAT_NOT_SET && more[field] !== NETDEV_STAT_NOT_SET) sum[field] += more[field];
  }
}

function rxStats(dev: NetDevice, idx: number): QueueStatsRx {
  const stats = unset(RX_NAMES);
  dev.statOps?.getQueueStatsRx?.(idx, stats);
  return stats;
}

function txStats(dev: NetDevice, idx: number): QueueStatsTx {
  const stats = unset(TX_NAMES);
  dev.statOps?.getQueueStatsTx?.(idx, stats);
  return stats;
}

/**
 * Counters of each real queue; queues with nothing set are left out, and a device that is down has none.
 *
 * @returns `-EOPNOTSUPP` when the driver has no queue statistics.
 * @kernel netdev_nl_stats_by_queue — net/core/netdev-genl.c, 7.3
 */
export function queueStats(dev: NetDevice): PerQueueStats[] | NegativeErrno {
  if (dev.statOps === null) return -EOPNOTSUPP;
  const found: PerQueueStats[] = [];
  if (!dev.running) return found;
  for (let id = 0; id < dev.realNumRxQueues; id++) {
    const stats = reply(RX_NAMES, rxStats(dev, id), {});
    if (Object.keys(stats).length > 0) found.push({ type: 'rx', id, stats });
  }
  for (let id = 0; id < dev.realNumTxQueues; id++) {
    const stats = reply(TX_NAMES, txStats(dev, id), {});
    if (Object.keys(stats).length > 0) found.push({ type: 'tx', id, stats });
  }
  return found;
}

/**
 * Counters of the device: the base plus every real queue, up or down.
 *
 * @returns null when the driver reports no base; `-EOPNOTSUPP` when it has no queue statistics.
 * @kernel netdev_nl_stats_by_netdev — net/core/netdev-genl.c, 7.3
 */
export function deviceStats(dev: NetDevice): QueueStatsReply | null | NegativeErrno {
  const ops = dev.statOps;
  if (ops === null) return -EOPNOTSUPP;
  if (ops.getBaseStats === undefined) return null;
  const rx = unset(RX_NAMES);
  const tx = unset(TX_NAMES);
  ops.getBaseStats(rx, tx);
  for (let id = 0; id < dev.realNumRxQueues; id++) add(rx, rxStats(dev, id));
  for (let id = 0; id < dev.realNumTxQueues; id++) add(tx, txStats(dev, id));
  const sums = reply(TX_NAMES, tx, reply(RX_NAMES, rx, {}));
  return Object.keys(sums).length > 0 ? sums : null;
}
