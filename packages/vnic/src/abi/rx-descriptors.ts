/** Receive rings of DQO-RDA, little-endian (Linux: gve_desc_dqo.h). */
import { type Layout, layout } from './layout.ts';

/** Driver → card. */
export const RX_BUFFER_DESC: Layout<'bufId' | 'bufAddr' | 'headerBufAddr'> = layout('rx_buffer_desc', 'little', 32, {
  bufId: [0, 'u16'],
  bufAddr: [8, 'u64'],
  headerBufAddr: [16, 'u64'],
});

/** Card → driver. A name gives the offset of the unit that holds the field; the masks below cut it out. */
export const RX_COMPLETION_DESC: Layout<
  | 'rxdid'
  | 'loopback'
  | 'ipv6ExAdd'
  | 'rxError'
  | 'packetType'
  | 'ipHdrErr'
  | 'udpLenErr'
  | 'rawCsInvalid'
  | 'packetLen'
  | 'generation'
  | 'bufferQueueId'
  | 'headerLen'
  | 'rsc'
  | 'splitHeader'
  | 'descriptorDone'
  | 'endOfPacket'
  | 'headerBufferOverflow'
  | 'l3L4Processed'
  | 'csumIpErr'
  | 'csumL4Err'
  | 'csumExternalIpErr'
  | 'csumExternalUdpErr'
  | 'statusError1'
  | 'tsSubNsecsLow'
  | 'bufId'
  | 'rawCs'
  | 'rscSegLen'
  | 'hash'
  | 'ts'
> = layout('rx_completion_desc', 'little', 32, {
  rxdid: [0, 'u8', 0, 4],
  loopback: [1, 'u8', 0, 1],
  ipv6ExAdd: [1, 'u8', 1, 1],
  rxError: [1, 'u8', 2, 1],
  packetType: [2, 'u16', 0, 10],
  ipHdrErr: [2, 'u16', 10, 1],
  udpLenErr: [2, 'u16', 11, 1],
  rawCsInvalid: [2, 'u16', 12, 1],
  packetLen: [4, 'u16', 0, 14],
  generation: [4, 'u16', 14, 1],
  bufferQueueId: [4, 'u16', 15, 1],
  headerLen: [6, 'u16', 0, 10],
  rsc: [6, 'u16', 10, 1],
  splitHeader: [6, 'u16', 11, 1],
  descriptorDone: [8, 'u8', 0, 1],
  endOfPacket: [8, 'u8', 1, 1],
  headerBufferOverflow: [8, 'u8', 2, 1],
  l3L4Processed: [8, 'u8', 3, 1],
  csumIpErr: [8, 'u8', 4, 1],
  csumL4Err: [8, 'u8', 5, 1],
  csumExternalIpErr: [8, 'u8', 6, 1],
  csumExternalUdpErr: [8, 'u8', 7, 1],
  statusError1: [9, 'u8'],
  tsSubNsecsLow: [11, 'u8'],
  bufId: [12, 'u16'],
  rawCs: [14, 'u16'],
  rscSegLen: [14, 'u16'],
  hash: [16, 'u32'],
  ts: [28, 'u32'],
});

/** What the low four bits of the byte at `rxdid` say. */
export const RX_COMPLETION_RXDID = 1;
// Bits of the byte at `ipv6ExAdd`.
/** The packet came from this very system. */
export const RX_COMPLETION_LOOPBACK: number = 1 << 0;
/** IPv6 with a routing or destination options header: the checksum verdict is not to be used. */
export const RX_COMPLETION_IPV6_EX_ADD: number = 1 << 1;
/** The packet is not valid; this card never says so. */
export const RX_COMPLETION_RX_ERROR: number = 1 << 2;
// Bits of the 16-bit unit at `packetType`.
/** The packet type, an index of the map that GET_PTYPE_MAP fills. */
export const RX_COMPLETION_PACKET_TYPE = 0x3ff;
/** The IP header is malformed; this card leaves that to the packet type. */
export const RX_COMPLETION_IP_HDR_ERR: number = 1 << 10;
/** The UDP length is wrong; as RX_COMPLETION_IP_HDR_ERR. */
export const RX_COMPLETION_UDP_LEN_ERR: number = 1 << 11;
/** rawCs holds no sum. */
export const RX_COMPLETION_RAW_CS_INVALID: number = 1 << 12;
// Bits of the 16-bit unit at `packetLen`.
/** Bytes written to this packet buffer, split headers not counted. */
export const RX_COMPLETION_PACKET_LEN = 0x3fff;
/** 1 on the driver's first lap round the ring, 0 on its second, and so on. */
export const RX_COMPLETION_GENERATION: number = 1 << 14;
// Bits of the 16-bit unit at `headerLen`.
/** Bytes written to the header buffer. */
export const RX_COMPLETION_HEADER_LEN = 0x3ff;
/** The packet was merged from several; rscSegLen says the size of the parts. */
export const RX_COMPLETION_RSC: number = 1 << 10;
/** headerLen bytes of headers are in the header buffer. */
export const RX_COMPLETION_SPLIT_HEADER: number = 1 << 11;
// Bits of the byte at `descriptorDone`.
/** Set in every completion. */
export const RX_COMPLETION_DESCRIPTOR_DONE: number = 1 << 0;
/** The packet's last buffer. */
export const RX_COMPLETION_END_OF_PACKET: number = 1 << 1;
/** The headers did not fit, so the packet was not split. */
export const RX_COMPLETION_HEADER_BUFFER_OVERFLOW: number = 1 << 2;
/** Checksums were looked at; the bits below are the verdict. */
export const RX_COMPLETION_L3_L4_PROCESSED: number = 1 << 3;
/** The IPv4 header checksum is wrong. */
export const RX_COMPLETION_CSUM_IP_ERR: number = 1 << 4;
/** The layer 4 checksum is wrong. */
export const RX_COMPLETION_CSUM_L4_ERR: number = 1 << 5;
/** A tunnel's IPv4 header checksum is wrong; this card knows no tunnels. */
export const RX_COMPLETION_CSUM_EXTERNAL_IP_ERR: number = 1 << 6;
/** A tunnel's UDP checksum is wrong; as above. */
export const RX_COMPLETION_CSUM_EXTERNAL_UDP_ERR: number = 1 << 7;
/** Bit of the byte at `tsSubNsecsLow`: `ts` holds the low 32 bits of the card's clock. */
export const RX_COMPLETION_TS_VALID: number = 1 << 0;

/**
 * Byte offset of the 32-bit word that the card publishes last: packet_len, generation, buffer queue, header_len, rsc and
 * split_header. The generation bit lies in it, so a driver that has seen the bit may read all the rest.
 */
export const RX_COMPLETION_PUBLISHED_WORD = 4;
