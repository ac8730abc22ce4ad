/** Sizes and limits that every driver of the card relies on (Linux: gve.h, gve_dqo.h). */

/** The admin queue is one page. */
export const ADMINQ_PAGE_BYTES = 4096;
/** Bytes of one command. */
export const ADMINQ_SLOT_BYTES = 64;
/** Commands in the page. */
export const ADMINQ_SLOTS = 64;

/** "No queue page list": raw addressing, the only form of DQO-RDA. */
export const RAW_ADDRESSING_QPL_ID = 0xffff_ffff;

/** Bytes of RX_BUFFER_DESC. */
export const RX_BUFFER_DESC_BYTES = 32;
/** Bytes of RX_COMPLETION_DESC. */
export const RX_COMPLETION_DESC_BYTES = 32;
/** Bytes of a slot of the transmit ring, of any kind. */
export const TX_DESC_BYTES = 16;
/** Bytes of TX_COMPLETION_DESC. */
export const TX_COMPLETION_DESC_BYTES = 8;

/** Largest value of the 14-bit packet_len field of a receive completion. */
export const RX_PACKET_LEN_MAX = 0x3fff;
/** Largest value of the 10-bit header_len field of a receive completion. */
export const RX_HEADER_LEN_MAX = 0x3ff;

/** Bytes in one transmit descriptor's buffer; longer fragments take several descriptors. */
export const TX_BUF_SIZE_MAX = 16383;
/** Shortest packet to send. */
export const TX_PACKET_BYTES_MIN = 17;
/** Longest packet to send without TSO. */
export const TX_PACKET_BYTES_MAX = 9728;
/** Data descriptors per packet, or per segment of a TSO packet, where the header counts as one. */
export const TX_DATA_DESCS_MAX = 10;
/** Smallest segment payload. */
export const TSO_MSS_MIN = 88;
/** Largest segment payload. */
export const TSO_MSS_MAX = 9728;
/** Most payload in one TSO packet. */
export const TSO_PAYLOAD_MAX = 262143;
/** Most headers in one TSO packet. */
export const TSO_HEADER_MAX = 255;

/** Bytes of the RSS key. */
export const RSS_KEY_BYTES = 40;
/** Entries of the RSS table. */
export const RSS_LUT_ENTRIES = 128;

/** Packet types that ten bits can say. */
export const PTYPE_COUNT = 1024;
/** One {l3, l4} byte pair per packet type. */
export const PTYPE_MAP_BYTES = 2048;

/** Smallest MTU: what IPv4 demands. */
export const MTU_MIN = 68;
/** What a card on Google's cloud offers as largest MTU. */
export const MTU_MAX_DEFAULT = 8896;

/** Ring minima when MODIFY_RING comes without them. */
export const RX_RING_MIN_DEFAULT = 512;
/** As RX_RING_MIN_DEFAULT, to send. */
export const TX_RING_MIN_DEFAULT = 256;
