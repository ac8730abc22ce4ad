import {
  NIC_RX_STATS,
  readU64be,
  STAT_RX_BUFFERS_POSTED,
  STAT_RX_NEXT_EXPECTED_SEQUENCE,
  STAT_TX_BYTES_SENT,
  STAT_TX_FRAMES_SENT,
  STAT_TX_LAST_COMPLETION_PROCESSED,
  STAT_TX_STOP_CNT,
  STAT_TX_TIMEOUT_CNT,
  STAT_TX_WAKE_CNT,
  STATS_REPORT,
  STATS_REPORT_ENTRY,
  writeU64be,
} from '@netmem/vnic/abi';
import type { GveDevice } from './gve-device.ts';

/** Fills the driver's part of the report, from the front, and says so in its count. */
export function writeDriverStats(gve: GveDevice): void {
  const report = gve.resources?.statsReport;
  if (report === undefined) return;
  const { view, base } = report.region;
  gve.stats.statsReportTriggers++;
  let at = base + STATS_REPORT.stats;
  const entry = (name: number, queue: number, value: number): void => {
    view.setUint32(at + STATS_REPORT_ENTRY.statName, name);
    view.setUint32(at + STATS_REPORT_ENTRY.queueId, queue);
    writeU64be(view, at + STATS_REPORT_ENTRY.value, value);
    at += STATS_REPORT_ENTRY.$.sizeBytes;
  };
  for (const ring of gve.tx) {
    entry(STAT_TX_WAKE_CNT, ring.index, ring.stats.wake);
    entry(STAT_TX_STOP_CNT, ring.index, ring.stats.stop);
    entry(STAT_TX_FRAMES_SENT, ring.index, ring.stats.packets);
    entry(STAT_TX_BYTES_SENT, ring.index, ring.stats.bytes);
    entry(STAT_TX_LAST_COMPLETION_PROCESSED, ring.index, ring.completionHead);
    entry(STAT_TX_TIMEOUT_CNT, ring.index, 0);
  }
  for (const ring of gve.rx) {
    entry(STAT_RX_NEXT_EXPECTED_SEQUENCE, ring.index, ring.completionHead);
    entry(STAT_RX_BUFFERS_POSTED, ring.index, ring.stats.posted);
  }
  const written = base + STATS_REPORT.writtenCount;
  writeU64be(view, written, readU64be(view, written) + 1);
}

/**
 * One of the card's own counters for a receive queue, as last reported; 0 before the first report. The card's part is right-aligned in the area.
 *
 * @param name - A STAT_RX_ number from 65 on.
 */
export function nicRxStat(gve: GveDevice, name: number, queue: number): number {
  const report = gve.resources?.statsReport;
  if (report === undefined) return 0;
  const { view, base } = report.region;
  const size = STATS_REPORT_ENTRY.$.sizeBytes;
  const end = base + report.length;
  for (let at = end - gve.rx.length * NIC_RX_STATS * size; at < end; at += size) {
    const same = view.getUint32(at + STATS_REPORT_ENTRY.statName) === name;
    if (same && view.getUint32(at + STATS_REPORT_ENTRY.queueId) === queue) {
      return readU64be(view, at + STATS_REPORT_ENTRY.value);
    }
  }
  return 0;
}
