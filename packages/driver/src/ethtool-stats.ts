import {
  STAT_RX_DROPS_INVALID_CHECKSUM,
  STAT_RX_DROPS_PACKET_OVER_MRU,
  STAT_RX_NO_BUFFERS_POSTED,
  STAT_RX_QUEUE_DROP_CNT,
} from '@netmem/vnic/abi';
import type { GveDevice } from './gve-device.ts';
import type { RxQueueStats, TxQueueStats } from './queue-stats.ts';
import { nicRxStat } from './stats-report.ts';

type Named<T> = readonly (readonly [name: string, read: (stats: T) => number])[];

/** Per receive queue, as `name[queue]`. The names are gve's. */
const RX: Named<RxQueueStats> = [
  ['rx_posted_desc', (s) => s.posted],
  ['rx_completed_desc', (s) => s.completed],
  ['rx_packets', (s) => s.packets],
  ['rx_bytes', (s) => s.bytes],
  ['rx_hsplit_pkt', (s) => s.hsplitPackets],
  ['rx_hsplit_bytes', (s) => s.hsplitBytes],
  ['rx_hsplit_unsplit_pkt', (s) => s.unsplitPackets],
  ['rx_cont_packet_cnt', (s) => s.continuationBuffers],
  ['rx_copybreak_pkt', (s) => s.copybreakPackets],
  ['rx_skb_alloc_fail', (s) => s.skbAllocFail],
  ['rx_buf_alloc_fail', (s) => s.bufAllocFail],
  ['rx_desc_err_dropped_pkt', (s) => s.descErrDropped],
  ['rx_unreadable_header_dropped_pkt', (s) => s.unreadableHeaderDropped],
  ['rx_starvation_kick', (s) => s.starvationKicks],
];

const NIC_RX: readonly (readonly [name: string, stat: number])[] = [
  ['rx_queue_drop_cnt', STAT_RX_QUEUE_DROP_CNT],
  ['rx_no_buffers_posted', STAT_RX_NO_BUFFERS_POSTED],
  ['rx_drops_packet_over_mru', STAT_RX_DROPS_PACKET_OVER_MRU],
  ['rx_drops_invalid_checksum', STAT_RX_DROPS_INVALID_CHECKSUM],
];

const TX: Named<TxQueueStats> = [
  ['tx_posted_desc', (s) => s.posted],
  ['tx_completed_desc', (s) => s.completed],
  ['tx_packets', (s) => s.packets],
  ['tx_bytes', (s) => s.bytes],
  ['tx_wake', (s) => s.wake],
  ['tx_stop', (s) => s.stop],
  ['tx_dropped', (s) => s.dropped],
  ['tx_dma_mapping_error', (s) => s.dmaMappingErrors],
];

const sum = <T>(all: readonly T[], read: (stats: T) => number): number =>
  all.reduce((total, stats) => total + read(stats), 0);

/** Of the whole device. */
const GLOBAL: Named<GveDevice> = [
  ['rx_packets', (g) => sum(g.rxStats, (s) => s.packets)],
  ['tx_packets', (g) => sum(g.txStats, (s) => s.packets)],
  ['rx_bytes', (g) => sum(g.rxStats, (s) => s.bytes)],
  ['tx_bytes', (g) => sum(g.txStats, (s) => s.bytes)],
  ['rx_dropped', (g) => sum(g.rxStats, (s) => s.skbAllocFail + s.descErrDropped + s.unreadableHeaderDropped)],
  ['tx_dropped', (g) => sum(g.txStats, (s) => s.dropped)],
  ['rx_skb_alloc_fail', (g) => sum(g.rxStats, (s) => s.skbAllocFail)],
  ['rx_buf_alloc_fail', (g) => sum(g.rxStats, (s) => s.bufAllocFail)],
  ['rx_desc_err_dropped_pkt', (g) => sum(g.rxStats, (s) => s.descErrDropped)],
  ['rx_hsplit_unsplit_pkt', (g) => sum(g.rxStats, (s) => s.unsplitPackets)],
  ['interface_up_cnt', (g) => g.stats.interfaceUp],
  ['interface_down_cnt', (g) => g.stats.interfaceDown],
  ['reset_cnt', (g) => g.stats.resets],
  ['dma_mapping_error', (g) => sum(g.txStats, (s) => s.dmaMappingErrors)],
  ['stats_report_trigger_cnt', (g) => g.stats.statsReportTriggers],
  ['adminq_prod_cnt', (g) => g.adminq.commands],
  ['adminq_cmd_fail', (g) => g.adminq.failures],
  ['adminq_timeouts', (g) => g.adminq.timeouts],
];

/** Names in the order of {@link readStats}; they follow the number of queues. */
export function statNames(gve: GveDevice): readonly string[] {
  const names = GLOBAL.map(([name]) => name);
  for (let queue = 0; queue < gve.netdev.realNumRxQueues; queue++) {
    for (const [name] of RX) names.push(`${name}[${queue}]`);
    for (const [name] of NIC_RX) names.push(`${name}[${queue}]`);
  }
  for (let queue = 0; queue < gve.netdev.realNumTxQueues; queue++) {
    for (const [name] of TX) names.push(`${name}[${queue}]`);
  }
  return names;
}

export function readStats(gve: GveDevice, out: Float64Array): void {
  let at = 0;
  for (const [, read] of GLOBAL) out[at++] = read(gve);
  for (let queue = 0; queue < gve.netdev.realNumRxQueues; queue++) {
    for (const [, read] of RX) out[at++] = read(gve.rxStats[queue]);
    for (const [, stat] of NIC_RX) out[at++] = nicRxStat(gve, stat, queue);
  }
  for (let queue = 0; queue < gve.netdev.realNumTxQueues; queue++) {
    for (const [, read] of TX) out[at++] = read(gve.txStats[queue]);
  }
}
