import type { NetdevStatOps, QueueStatsRx, QueueStatsTx } from '@netmem/netdev';
import { STAT_RX_NO_BUFFERS_POSTED, STAT_RX_QUEUE_DROP_CNT } from '@netmem/vnic/abi';
import type { GveDevice } from './gve-device.ts';
import { nicRxStat } from './stats-report.ts';

/** Per-queue statistics for netlink. What the driver cannot know stays unset. */
export function createStatOps(gve: GveDevice): NetdevStatOps {
  return {
    getQueueStatsRx: (idx: number, out: QueueStatsRx): void => {
      const stats = gve.rxStats[idx];
      out.packets = stats.packets;
      out.bytes = stats.bytes;
      out.allocFail = stats.skbAllocFail + stats.bufAllocFail;
      out.hwDrops = nicRxStat(gve, STAT_RX_QUEUE_DROP_CNT, idx);
      out.hwDropOverruns = nicRxStat(gve, STAT_RX_NO_BUFFERS_POSTED, idx);
      out.csumUnnecessary = stats.csumUnnecessary;
      out.csumNone = stats.csumNone;
      out.hwGroPackets = stats.hwGroPackets;
      out.hwGroBytes = stats.hwGroBytes;
      out.hwGroWirePackets = stats.hwGroWirePackets;
      out.hwGroWireBytes = stats.hwGroWireBytes;
    },
    getQueueStatsTx: (idx: number, out: QueueStatsTx): void => {
      const stats = gve.txStats[idx];
      out.packets = stats.packets;
      out.bytes = stats.bytes;
      out.csumNone = stats.csumNone;
      out.needsCsum = stats.needsCsum;
      out.hwGsoPackets = stats.gsoPackets;
      out.hwGsoBytes = stats.gsoBytes;
      out.hwGsoWirePackets = stats.gsoWirePackets;
      out.hwGsoWireBytes = stats.gsoWireBytes;
      out.stop = stats.stop;
      out.wake = stats.wake;
    },
    // Queues that are switched off now still count: statistics never go backwards.
    getBaseStats: (rx: QueueStatsRx, tx: QueueStatsTx): void => {
      rx.packets = 0;
      rx.bytes = 0;
      rx.allocFail = 0;
      tx.packets = 0;
      tx.bytes = 0;
      for (const stats of gve.rxStats.slice(gve.netdev.realNumRxQueues)) {
        rx.packets += stats.packets;
        rx.bytes += stats.bytes;
        rx.allocFail += stats.skbAllocFail + stats.bufAllocFail;
      }
      for (const stats of gve.txStats.slice(gve.netdev.realNumTxQueues)) {
        tx.packets += stats.packets;
        tx.bytes += stats.bytes;
      }
    },
  };
}
