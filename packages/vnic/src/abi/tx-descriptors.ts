/** Transmit rings of DQO, little-endian (Linux: gve_desc_dqo.h). */
import { type Layout, layout } from './layout.ts';

/** Byte that tells a slot's kind, in every kind of slot. */
export const TX_DESC_DTYPE_AT = 8;
/** Mask of the kind in that byte. */
export const TX_DESC_DTYPE = 0x1f;
/** TX_PACKET_DESC. */
export const TX_DTYPE_PACKET = 0x0c;
/** TX_TSO_CONTEXT_DESC, in front of the packet that is to be segmented. */
export const TX_DTYPE_TSO_CONTEXT = 0x05;
/** TX_GENERAL_CONTEXT_DESC, behind a TSO context and in front of the packet. */
export const TX_DTYPE_GENERAL_CONTEXT = 0x04;

/** One buffer of a packet. */
export const TX_PACKET_DESC: Layout<
  'bufAddr' | 'dtype' | 'endOfPacket' | 'checksumOffloadEnable' | 'reportEvent' | 'complTag' | 'bufSize'
> = layout('tx_pkt_desc', 'little', 16, {
  bufAddr: [0, 'u64'],
  dtype: [8, 'u8', 0, 5],
  endOfPacket: [8, 'u8', 5, 1],
  checksumOffloadEnable: [8, 'u8', 6, 1],
  reportEvent: [8, 'u8', 7, 1],
  complTag: [12, 'u16'],
  bufSize: [14, 'u16', 0, 14],
});
// Bits of the byte at `dtype`.
/** The packet's last descriptor: its tag is the packet's. */
export const TX_PACKET_END_OF_PACKET: number = 1 << 5;
/** The card makes the TCP or UDP checksum; it finds the place itself. */
export const TX_PACKET_CHECKSUM_OFFLOAD_ENABLE: number = 1 << 6;
/** The card writes a descriptor completion when it has fetched up to here. */
export const TX_PACKET_REPORT_EVENT: number = 1 << 7;
/** Mask of the 16-bit unit at `bufSize`. */
export const TX_PACKET_BUF_SIZE = 0x3fff;

/** `tsoTotalLen` counts layer 4 payload bytes. */
export const TX_TSO_CONTEXT_DESC: Layout<
  'tsoTotalLen' | 'flex10' | 'mss' | 'headerLen' | 'flex11' | 'dtype' | 'tso' | 'flex0' | 'flex5'
> = layout('tx_tso_context_desc', 'little', 16, {
  tsoTotalLen: [0, 'u32', 0, 24],
  flex10: [3, 'u8'],
  mss: [4, 'u16', 0, 14],
  headerLen: [6, 'u8'],
  flex11: [7, 'u8'],
  dtype: [8, 'u8', 0, 5],
  tso: [8, 'u8', 5, 1],
  flex0: [10, 'u8'],
  flex5: [11, 'bytes[5]'],
});
/** Mask of the 32-bit unit at `tsoTotalLen`. */
export const TX_TSO_TOTAL_LEN = 0xff_ffff;
/** Mask of the 16-bit unit at `mss`. */
export const TX_TSO_MSS = 0x3fff;
/** Bit of the byte at `dtype` that must be set in a TSO context. */
export const TX_TSO_CONTEXT_TSO: number = 1 << 5;

/** Metadata for the fabric, which this card takes and ignores. */
export const TX_GENERAL_CONTEXT_DESC: Layout<'flex4' | 'dtype' | 'flex0'> = layout(
  'tx_general_context_desc',
  'little',
  16,
  { flex4: [0, 'bytes[8]'], dtype: [8, 'u8', 0, 5], flex0: [12, 'bytes[4]'] },
);

/** `completionTag` for types 1, 2 and 3, `txHead` for type 4. */
export const TX_COMPLETION_DESC: Layout<'id' | 'type' | 'generation' | 'completionTag' | 'txHead'> = layout(
  'tx_completion_desc',
  'little',
  8,
  {
    id: [0, 'u16', 0, 11],
    type: [0, 'u16', 11, 3],
    generation: [0, 'u16', 15, 1],
    completionTag: [2, 'u16'],
    txHead: [2, 'u16'],
  },
);
// Bits of the 16-bit unit at `id`.
/** The transmit queue's number. */
export const TX_COMPLETION_ID = 0x7ff;
/** Lowest bit of the type. */
export const TX_COMPLETION_TYPE_SHIFT = 11;
/** Largest type, before shifting. */
export const TX_COMPLETION_TYPE = 0x7;
/** As RX_COMPLETION_GENERATION. */
export const TX_COMPLETION_GENERATION: number = 1 << 15;

/** A slow path took the packet; this card has none. */
export const TX_COMPLETION_TYPE_MISS = 1;
/** The buffers of the packet with that tag are done. */
export const TX_COMPLETION_TYPE_PACKET = 2;
/** Ends a missed packet. */
export const TX_COMPLETION_TYPE_REINJECTION = 3;
/** Ring slots up to txHead are free again. */
export const TX_COMPLETION_TYPE_DESC = 4;

/** Byte offset of the 32-bit word that the card publishes: it holds all that a transmit completion says. */
export const TX_COMPLETION_PUBLISHED_WORD = 0;
