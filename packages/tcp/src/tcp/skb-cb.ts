/**
 * What TCP keeps in an sk_buff's 16 control words (`skb.cb`) while the skb sits in one of its queues.
 * @kernel tcp_skb_cb — include/net/tcp.h, 7.3
 */

/** Sequence number of the first payload byte (int32). A SYN counts one before the payload. */
export const CB_SEQ = 0;
/** SEQ + payload + SYN + FIN (int32). */
export const CB_END_SEQ = 1;
/** TCPHDR_* bits of the segment. A FIN is the last sequence number, END_SEQ - 1. */
export const CB_FLAGS = 2;
/** Received: acknowledgment number (int32). Sent: bit set of TCPCB_*. */
export const CB_ACK_SEQ = 3;
export const CB_SACKED = 3;
/** Received: urgent pointer field. Sent: segments this skb counts for (gso_segs). */
export const CB_URG = 4;
export const CB_PCOUNT = 4;
/** Sent: value of `TcpSock.delivered` when it left last: whether a round trip has gone since something. */
export const CB_DELIVERED = 5;
/** Sent: time of the last transmission in microseconds, int32, wraps. */
export const CB_SENT_US = 6;
/** Sent: payload per segment that CB_PCOUNT counts with. */
export const CB_SEG_BYTES = 8;
/** Non-zero: nothing may be appended to this skb (MSG_EOR, urgent). */
export const CB_EOR = 7;

/** The receiver selectively acknowledged this skb. */
export const TCPCB_SACKED_ACKED = 0x01;
/** Sent again and not yet acknowledged. */
export const TCPCB_SACKED_RETRANS = 0x02;
/** Presumed lost. */
export const TCPCB_LOST = 0x04;
/** Was retransmitted at some time: gives no RTT sample (Karn). */
export const TCPCB_EVER_RETRANS = 0x80;
/** Either of the two. @kernel TCPCB_RETRANS — include/net/tcp.h, 7.3 */
export const TCPCB_RETRANS: number = TCPCB_SACKED_RETRANS | TCPCB_EVER_RETRANS;
