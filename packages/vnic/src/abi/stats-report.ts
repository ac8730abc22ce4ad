/**
 * The stats report: a count, then entries of 16 bytes, big-endian. The driver fills it from the front, the card from the
 * back (gvnic.md §3.6).
 */
import { type Layout, layout } from './layout.ts';

export const STATS_REPORT: Layout<'writtenCount' | 'stats'> = layout('stats_report', 'big', 8, {
  writtenCount: [0, 'u64'],
  stats: [8, 'bytes[0]'],
});

/** A name of 0 means "not written yet". */
export const STATS_REPORT_ENTRY: Layout<'statName' | 'queueId' | 'value'> = layout('stats', 'big', 16, {
  statName: [0, 'u32'],
  queueId: [4, 'u32'],
  value: [8, 'u64'],
});

// The driver's.
export const STAT_TX_WAKE_CNT = 1;
export const STAT_TX_STOP_CNT = 2;
export const STAT_TX_FRAMES_SENT = 3;
export const STAT_TX_BYTES_SENT = 4;
export const STAT_TX_LAST_COMPLETION_PROCESSED = 5;
export const STAT_RX_NEXT_EXPECTED_SEQUENCE = 6;
export const STAT_RX_BUFFERS_POSTED = 7;
export const STAT_TX_TIMEOUT_CNT = 8;
/** Entries that a driver writes per transmit and per receive queue. */
export const DRIVER_TX_STATS = 6;
export const DRIVER_RX_STATS = 2;

// The card's, in this order for every receive queue.
export const STAT_RX_QUEUE_DROP_CNT = 65;
export const STAT_RX_NO_BUFFERS_POSTED = 66;
export const STAT_RX_DROPS_PACKET_OVER_MRU = 67;
export const STAT_RX_DROPS_INVALID_CHECKSUM = 68;
export const NIC_RX_STATS = 4;
