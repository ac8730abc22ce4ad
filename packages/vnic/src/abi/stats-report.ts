/**
 * The stats report: a count, then entries of 16 bytes, big-endian. The driver fills it from the front, the card from the
 * back.
 */
import { type Layout, layout } from './layout.ts';

/** The area's head; entries follow. */
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
/** Times that the driver woke a transmit queue. */
export const STAT_TX_WAKE_CNT = 1;
/** Times that the driver stopped a transmit queue. */
export const STAT_TX_STOP_CNT = 2;
/** Frames that the driver sent. */
export const STAT_TX_FRAMES_SENT = 3;
/** Bytes that the driver sent. */
export const STAT_TX_BYTES_SENT = 4;
/** The last completion that the driver saw. */
export const STAT_TX_LAST_COMPLETION_PROCESSED = 5;
/** The next completion that the driver expects. */
export const STAT_RX_NEXT_EXPECTED_SEQUENCE = 6;
/** Buffers that the driver posted. */
export const STAT_RX_BUFFERS_POSTED = 7;
/** Times that a transmit queue timed out. */
export const STAT_TX_TIMEOUT_CNT = 8;
/** Entries that a driver writes per transmit and per receive queue. */
export const DRIVER_TX_STATS = 6;
/** As DRIVER_TX_STATS, per receive queue. */
export const DRIVER_RX_STATS = 2;

// The card's, in this order for every receive queue.
/** All frames dropped that were for the queue. */
export const STAT_RX_QUEUE_DROP_CNT = 65;
/** Frames dropped for want of buffers. */
export const STAT_RX_NO_BUFFERS_POSTED = 66;
/** Frames dropped because they were too long. */
export const STAT_RX_DROPS_PACKET_OVER_MRU = 67;
/** Frames dropped because a checksum was wrong. */
export const STAT_RX_DROPS_INVALID_CHECKSUM = 68;
/** Entries that the card writes per receive queue. */
export const NIC_RX_STATS = 4;
