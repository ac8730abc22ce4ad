/**
 * Loss detection by time (RFC 8985): a segment is lost when one sent after it was delivered and more than a reordering window has passed since. Finds lost
 * retransmissions and the ends of bursts, which counting duplicates cannot.
 *
 * @kernel tcp_rack_detect_loss — net/ipv4/tcp_recovery.c, 7.3
 */
import type { SkBuff } from '@netmem/netdev';
import { markSkbLost } from './mark-lost.ts';
import { TCP_CA_RECOVERY } from './newreno.ts';
import {
  CB_END_SEQ,
  CB_SACKED,
  CB_SENT_US,
  TCPCB_EVER_RETRANS,
  TCPCB_LOST,
  TCPCB_SACKED_ACKED,
  TCPCB_SACKED_RETRANS,
} from './skb-cb.ts';
import type { TcpSock } from './tcp-sock.ts';
import { ICSK_TIME_REO_TIMEOUT, resetXmitTimer } from './xmit-timer.ts';

/** Slack of the shortest timers: two ticks. @kernel TCP_TIMEOUT_MIN — include/net/tcp.h, 7.3 */
export const TCP_TIMEOUT_MIN_US = 2000;

/** @kernel tcp_rack — include/linux/tcp.h, 7.3 */
export class Rack {
  /** When the latest-sent of all delivered segments left (µs, int32), its end, and its round trip. */
  sentUs: number = 0;
  endSeq: number = 0;
  rttUs: number = 0;
  /** Something was delivered since the last look. */
  advanced: boolean = false;
  /** Segments were seen out of order: then a duplicate proves less. */
  reorderSeen: boolean = false;
  /** Reordering window in quarters of the least RTT; D-SACKs widen it, a number of recoveries narrows it again. */
  steps: number = 1;
  persist: number = 0;
  /** A window is widened once a round trip. */
  stepSeq: number = 0;
}

/** Recoveries that a widened window lasts. @kernel TCP_RACK_RECOVERY_THRESH — net/ipv4/tcp_recovery.c, 7.3 */
const RECOVERY_THRESH = 16;

/** `skb` was delivered. @kernel tcp_rack_advance — net/ipv4/tcp_recovery.c, 7.3 */
export function rackAdvance(sk: TcpSock, skb: SkBuff): void {
  const rack = sk.rack;
  const sentUs = skb.cb[CB_SENT_US];
  const endSeq = skb.cb[CB_END_SEQ];
  const rttUs = (sk.stack.nowUs - sentUs) | 0;
  if ((skb.cb[CB_SACKED] & TCPCB_EVER_RETRANS) !== 0 && isFirstCopy(sk, rttUs)) return;
  rack.advanced = true;
  rack.rttUs = rttUs;
  if (isSentAfter(sentUs, rack.sentUs, endSeq, rack.endSeq)) {
    rack.sentUs = sentUs;
    rack.endSeq = endSeq;
  }
}

/**
 * Whether the answer to a segment that was sent again is to an earlier copy: it echoes a timestamp from before, or came sooner than any answer before.
 *
 * @kernel tcp_skb_spurious_retrans — net/ipv4/tcp_input.c, 7.3
 */
function isFirstCopy(sk: TcpSock, rttUs: number): boolean {
  const { options, rtt, stack } = sk;
  if (options.sawTstamp && options.rcvTsecr !== 0) {
    const sentMs = stack.nowMs - Math.floor(rttUs / 1000);
    if (((options.rcvTsecr - sentMs) | 0) < 0) return true;
  }
  return rtt.minRttUs >= 0 && rttUs < rtt.minRttUs;
}

/** @kernel tcp_skb_sent_after — include/net/tcp.h, 7.3 */
function isSentAfter(time: number, otherTime: number, seq: number, otherSeq: number): boolean {
  const later = (time - otherTime) | 0;
  return later > 0 || (later === 0 && ((seq - otherSeq) | 0) > 0);
}

/** How long a later delivery may be overtaken. @kernel tcp_rack_reo_wnd — net/ipv4/tcp_recovery.c, 7.3 */
function reorderWindowUs(sk: TcpSock): number {
  const rack = sk.rack;
  if (!rack.reorderSeen) {
    if (sk.reno.state >= TCP_CA_RECOVERY || sk.sackedOut >= sk.reordering) return 0;
  }
  return Math.min((Math.max(0, sk.rtt.minRttUs) >> 2) * rack.steps, sk.rtt.srttUs >> 3);
}

/** µs until the segment counts as lost; 0 or less: it does. @kernel tcp_rack_skb_timeout — net/ipv4/tcp_recovery.c, 7.3 */
export function rackTimeoutUs(sk: TcpSock, skb: SkBuff, windowUs: number): number {
  return sk.rack.rttUs + windowUs - ((sk.stack.nowUs - skb.cb[CB_SENT_US]) | 0);
}

/** Marks what is lost. @returns µs to the next that may become so; 0 none. */
function detectLoss(sk: TcpSock): number {
  const rack = sk.rack;
  const windowUs = reorderWindowUs(sk);
  let timeoutUs = 0;
  for (let skb = sk.rtxQueue.first; skb !== null; skb = skb.next) {
    const sacked = skb.cb[CB_SACKED];
    if ((sacked & TCPCB_SACKED_ACKED) !== 0) continue;
    if ((sacked & TCPCB_LOST) !== 0 && (sacked & TCPCB_SACKED_RETRANS) === 0) continue;
    if (!isSentAfter(rack.sentUs, skb.cb[CB_SENT_US], rack.endSeq, skb.cb[CB_END_SEQ])) continue;
    const left = rackTimeoutUs(sk, skb, windowUs);
    if (left <= 0) markSkbLost(sk, skb);
    else timeoutUs = Math.max(timeoutUs, left);
  }
  return timeoutUs;
}

/** After an ACK: marks what it proves lost, and comes back for the rest. @returns whether the timer is taken. @kernel tcp_rack_mark_lost — net/ipv4/tcp_recovery.c, 7.3 */
export function rackMarkLost(sk: TcpSock): boolean {
  if (!sk.rack.advanced) return false;
  sk.rack.advanced = false;
  const timeoutUs = detectLoss(sk);
  if (timeoutUs === 0) return false;
  resetXmitTimer(sk, ICSK_TIME_REO_TIMEOUT, Math.ceil((timeoutUs + TCP_TIMEOUT_MIN_US) / 1000));
  return true;
}

/** The reordering window is over: marks what has become lost. */
export function rackTimedOut(sk: TcpSock): void {
  detectLoss(sk);
}

/** A D-SACK: something was sent twice for nothing, so wait longer. @kernel tcp_rack_update_reo_wnd — net/ipv4/tcp_recovery.c, 7.3 */
export function rackOnDuplicate(sk: TcpSock): void {
  const rack = sk.rack;
  if (((sk.sndUna - rack.stepSeq) | 0) < 0) return;
  rack.steps = Math.min(255, rack.steps + 1);
  rack.persist = RECOVERY_THRESH;
  rack.stepSeq = sk.sndNxt;
}

/** A recovery ended. */
export function rackOnRecovered(sk: TcpSock): void {
  const rack = sk.rack;
  if (rack.persist > 0) rack.persist--;
  if (rack.persist === 0) rack.steps = 1;
}
