/**
 * Taking a reduction back that turns out to have been for nothing: every retransmission is reported as a duplicate (D-SACK, RFC 3708), or the first ACK
 * echoes a timestamp from before the retransmission (Eifel, RFC 3522).
 *
 * @kernel tcp_may_undo — net/ipv4/tcp_input.c, 7.3
 */

import { TCP_CA_OPEN } from './newreno.ts';
import { CB_SACKED, TCPCB_LOST } from './skb-cb.ts';
import type { TcpSock } from './tcp-sock.ts';

/** Remembers where a recovery starts. Before the window is touched. @kernel tcp_init_undo — net/ipv4/tcp_input.c, 7.3 */
export function initUndo(sk: TcpSock): void {
  const reno = sk.reno;
  reno.undoValid = true;
  reno.undoMarker = sk.sndUna;
  // Nothing was sent again yet: the first retransmission starts the count.
  reno.undoRetrans = sk.retransOut > 0 ? sk.retransOut : -1;
}

/** A segment of `count` was sent again. */
export function countRetransmission(sk: TcpSock, count: number): void {
  const reno = sk.reno;
  reno.undoRetrans = Math.max(reno.undoRetrans, 0) + count;
}

/** A D-SACK named `left … right`. */
export function onDuplicateReport(sk: TcpSock, left: number, right: number): void {
  const reno = sk.reno;
  if (!reno.undoValid || reno.undoRetrans <= 0 || ((right - reno.undoMarker) | 0) <= 0) return;
  const segments = Math.max(1, Math.ceil(((right - left) | 0) / Math.max(1, sk.mssCache)));
  reno.undoRetrans = Math.max(0, reno.undoRetrans - segments);
}

/** The ACK answers what left before the retransmission. @kernel tcp_packet_delayed — net/ipv4/tcp_input.c, 7.3 */
export function isPacketDelayed(sk: TcpSock): boolean {
  const options = sk.options;
  if (sk.retransStampMs === 0 || !options.sawTstamp || options.rcvTsecr === 0) return false;
  return ((options.rcvTsecr - sk.retransStampMs) | 0) < 0;
}

/** Whether the recovery was for nothing. */
export function mayUndo(sk: TcpSock): boolean {
  return sk.reno.undoValid && (sk.reno.undoRetrans === 0 || isPacketDelayed(sk));
}

/** Whether D-SACKs alone say so. @kernel tcp_try_undo_dsack — net/ipv4/tcp_input.c, 7.3 */
export function mayUndoByDsack(sk: TcpSock): boolean {
  return sk.reno.undoValid && sk.reno.undoRetrans === 0;
}

/** Restores window and threshold. @param unmark - what was marked lost is not. @kernel tcp_undo_cwnd_reduction — net/ipv4/tcp_input.c, 7.3 */
export function undoReduction(sk: TcpSock, unmark: boolean): void {
  const reno = sk.reno;
  if (unmark) {
    for (let skb = sk.rtxQueue.first; skb !== null; skb = skb.next) skb.cb[CB_SACKED] &= ~TCPCB_LOST;
    sk.lostOut = 0;
  }
  if (reno.priorSsthresh > 0) {
    reno.cwnd = Math.max(reno.cwnd, reno.priorCwnd);
    reno.ssthresh = Math.max(reno.ssthresh, reno.priorSsthresh);
  }
  reno.cwndStampMs = sk.stack.nowMs;
  reno.undoValid = false;
  sk.rack.advanced = true;
}

/** A timeout was for nothing: on as before. @kernel tcp_try_undo_loss — net/ipv4/tcp_input.c, 7.3 */
export function tryUndoLoss(sk: TcpSock): boolean {
  if (!mayUndo(sk)) return false;
  undoReduction(sk, true);
  sk.stack.stats.TcpExtTCPLossUndo++;
  sk.retransmits = 0;
  if (sk.options.sackOk) sk.reno.state = TCP_CA_OPEN;
  return true;
}
