/**
 * Loss detection by time (RFC 8985): a segment is lost when one sent after it was delivered and more than a reordering window has passed since. Finds lost
 * retransmissions and the ends of bursts, which counting duplicates cannot.
 *
 * @kernel tcp_rack_detect_loss — net/ipv4/tcp_recovery.c, 7.3
 */
import type { SkBuff } from '@netmem/netdev';
import { isSentAfter } from './ack-state.ts';
import { TCP_CA_RECOVERY } from './congestion.ts';
import { markSkbLost } from './mark-lost.ts';
import {
  CB_END_SEQ,
  CB_SACKED,
  CB_SENT_US,
  TCPCB_LOST,
  TCPCB_RETRANS,
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
  /** A D-SACK showed a retransmission that reordering may have caused. */
  dsackSeen: boolean = false;
  /** Reordering window in quarters of the least RTT; D-SACKs widen it, a number of recoveries narrows it again. */
  steps: number = 1;
  persist: number = 0;
  /** A window is widened once a round trip: `TcpSock.delivered` when it was. */
  lastDelivered: number = 0;

  /** For another connection. */
  reset(): void {
    this.sentUs = 0;
    this.endSeq = 0;
    this.rttUs = 0;
    this.advanced = false;
    this.dsackSeen = false;
    this.steps = 1;
    this.persist = 0;
    this.lastDelivered = 0;
  }
}

/** Recoveries that a widened window lasts. @kernel TCP_RACK_RECOVERY_THRESH — include/linux/tcp.h, 7.3 */
const TCP_RACK_RECOVERY_THRESH = 16;
const MAX_STEPS = 0xff;

/** Something was delivered. @param sacked - its TCPCB_* bits as they were. @kernel tcp_rack_advance — net/ipv4/tcp_recovery.c, 7.3 */
export function rackAdvance(sk: TcpSock, sacked: number, endSeq: number, sentUs: number): void {
  const rack = sk.rack;
  const rttUs = (sk.stack.nowUs - sentUs) | 0;
  // Sooner than any answer before: it is to an earlier copy.
  if ((sacked & TCPCB_RETRANS) !== 0 && (sk.rtt.minRttUs < 0 || rttUs < sk.rtt.minRttUs)) return;
  rack.advanced = true;
  rack.rttUs = rttUs;
  if (isSentAfter(sentUs, rack.sentUs, endSeq, rack.endSeq)) {
    rack.sentUs = sentUs;
    rack.endSeq = endSeq;
  }
}

/** Whether the ACK of a segment that was sent again echoes a timestamp from before that. @kernel tcp_skb_spurious_retrans — net/ipv4/tcp_input.c, 7.3 */
export function isSpuriousRetrans(sk: TcpSock, skb: SkBuff): boolean {
  if ((skb.cb[CB_SACKED] & TCPCB_RETRANS) === 0) return false;
  const { options, stack } = sk;
  if (!options.sawTstamp || options.rcvTsecr === 0) return false;
  const ageUs = (stack.nowUs - skb.cb[CB_SENT_US]) | 0;
  const sentMs = Math.trunc((Math.trunc(stack.clock.nowNs / 1e3) - ageUs) / 1e3) | 0;
  return ((options.rcvTsecr - sentMs) | 0) < 0;
}

/** How long a later delivery may be overtaken. @kernel tcp_rack_reo_wnd — net/ipv4/tcp_recovery.c, 7.3 */
function reorderWindowUs(sk: TcpSock): number {
  if (sk.reordSeen === 0) {
    if (sk.cong.state >= TCP_CA_RECOVERY || sk.sackedOut >= sk.reordering) return 0;
  }
  const quarterUs = sk.rtt.minRttUs < 0 ? 0x3fffffff : sk.rtt.minRttUs >> 2;
  return Math.min(quarterUs * sk.rack.steps, sk.rtt.srttUs >> 3);
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

/**
 * D-SACKs say that something was sent twice for nothing, so wait longer: once a round trip.
 *
 * @param priorDelivered - `TcpSock.delivered` when the newest segment that this ACK delivers left; 0 it delivers none.
 * @kernel tcp_rack_update_reo_wnd — net/ipv4/tcp_recovery.c, 7.3
 */
export function rackUpdateReoWnd(sk: TcpSock, priorDelivered: number): void {
  if (priorDelivered === 0) return;
  const rack = sk.rack;
  if (((priorDelivered - rack.lastDelivered) | 0) < 0) rack.dsackSeen = false;
  if (rack.dsackSeen) {
    rack.steps = Math.min(MAX_STEPS, rack.steps + 1);
    rack.dsackSeen = false;
    rack.lastDelivered = sk.delivered;
    rack.persist = TCP_RACK_RECOVERY_THRESH;
  } else if (rack.persist === 0) {
    rack.steps = 1;
  }
}

/** A recovery was needed: the widened window lasts for one less. */
export function rackOnRecovered(sk: TcpSock): void {
  if (sk.rack.persist > 0) sk.rack.persist--;
}

/** D-SACKs undid a recovery: it lasts for one more. */
export function rackOnDsackUndo(sk: TcpSock): void {
  sk.rack.persist = Math.min(TCP_RACK_RECOVERY_THRESH, sk.rack.persist + 1);
}
