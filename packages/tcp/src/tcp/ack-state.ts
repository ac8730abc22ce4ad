/** What is known about the ACK in hand, gathered while it is taken in. @kernel tcp_sacktag_state — net/ipv4/tcp_input.c, 7.3 */
import type { SkBuff } from '@netmem/netdev';
import { CB_DELIVERED, CB_END_SEQ, CB_SENT_US } from './skb-cb.ts';

/** What the caller of `tcpAck` knows or wants, and what it finds out. @kernel FLAG_DATA — net/ipv4/tcp_input.c, 7.3 */
export const FLAG_DATA = 0x01;
/** The segment's window was taken. */
export const FLAG_WIN_UPDATE = 0x02;
/** New data are acknowledged; something that was sent again is; our SYN is. */
export const FLAG_DATA_ACKED = 0x04;
export const FLAG_RETRANS_DATA_ACKED = 0x08;
export const FLAG_SYN_ACKED = 0x10;
/** New data are reported by SACK. */
export const FLAG_DATA_SACKED = 0x20;
/** A router's mark is echoed. */
export const FLAG_ECE = 0x40;
/** A retransmission was found lost. */
export const FLAG_LOST_RETRANS = 0x80;
export const FLAG_SLOWPATH = 0x100;
/** What was sent once, before the recovery, arrived. */
export const FLAG_ORIG_SACK_ACKED = 0x200;
export const FLAG_SND_UNA_ADVANCED = 0x400;
/** It carries a D-SACK that is believed. */
export const FLAG_DSACKING_ACK = 0x800;
/** The retransmission timer starts anew. */
export const FLAG_SET_XMIT_TIMER = 0x1000;
/** The oldest segment is reported by SACK and not acknowledged: the peer threw it away. */
export const FLAG_SACK_RENEGING = 0x2000;
export const FLAG_UPDATE_TS_RECENT = 0x4000;
export const FLAG_NO_CHALLENGE_ACK = 0x8000;
/** One small segment: perhaps the answer waited for data to ride on. */
export const FLAG_ACK_MAYBE_DELAYED = 0x10000;
/** The D-SACK is about a tail loss probe. */
export const FLAG_DSACK_TLP = 0x20000;
/** The segment was a SYN|ACK: its window is not scaled. */
export const FLAG_SYN = 0x100000;

export const FLAG_ACKED: number = FLAG_DATA_ACKED | FLAG_SYN_ACKED;
export const FLAG_NOT_DUP: number = FLAG_DATA | FLAG_WIN_UPDATE | FLAG_ACKED;
export const FLAG_CA_ALERT: number = FLAG_DATA_SACKED | FLAG_ECE | FLAG_DSACKING_ACK;
export const FLAG_FORWARD_PROGRESS: number = FLAG_ACKED | FLAG_DATA_SACKED;

/** What lost segments may leave after the ACK. @kernel REXMIT_NONE — net/ipv4/tcp_input.c, 7.3 */
export const REXMIT_NONE = 0;
export const REXMIT_LOST = 1;
/** New data first: they show whether a timeout was for nothing. */
export const REXMIT_NEW = 2;

export class AckState {
  /** FLAG_* bits. */
  flag: number = 0;
  /** REXMIT_*. */
  rexmit: number = REXMIT_NONE;
  /** Start of the lowest skb, sent once, that a later one was reported before. */
  reord: number = 0;
  /** When the oldest and the newest of those newly reported by SACK left, µs; only of skbs that were sent once. */
  hasSackUs: boolean = false;
  firstSackUs: number = 0;
  lastSackUs: number = 0;
  /** Segments delivered out of order, superfluous ones included. */
  sackDelivered: number = 0;
  /** Round trip of the newest segment delivered, µs; -1 not measured. */
  rttUs: number = -1;
  /** `TcpSock.delivered` when the newest segment delivered left; 0 none. */
  priorDelivered: number = 0;
  #newestUs: number = 0;
  #newestEnd: number = 0;

  begin(flag: number): void {
    this.flag = flag;
    this.rexmit = REXMIT_NONE;
    this.hasSackUs = false;
    this.sackDelivered = 0;
    this.rttUs = -1;
    this.priorDelivered = 0;
  }

  has(flags: number): boolean {
    return (this.flag & flags) !== 0;
  }

  /** `skb` is delivered, for the first time. @kernel tcp_rate_skb_delivered — net/ipv4/tcp_rate.c, 7.3 (partial: what RACK needs, no rates) */
  skbDelivered(skb: SkBuff): void {
    const sentUs = skb.cb[CB_SENT_US];
    const endSeq = skb.cb[CB_END_SEQ];
    if (this.priorDelivered !== 0 && !isSentAfter(sentUs, this.#newestUs, endSeq, this.#newestEnd)) return;
    this.priorDelivered = skb.cb[CB_DELIVERED];
    this.#newestUs = sentUs;
    this.#newestEnd = endSeq;
  }
}

/** @kernel tcp_skb_sent_after — include/net/tcp.h, 7.3 */
export function isSentAfter(time: number, otherTime: number, seq: number, otherSeq: number): boolean {
  const later = (time - otherTime) | 0;
  return later > 0 || (later === 0 && ((seq - otherSeq) | 0) > 0);
}
