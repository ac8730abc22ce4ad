/**
 * Taking a reduction back that turns out to have been for nothing: every retransmission is reported as a duplicate (D-SACK, RFC 3708), or the first ACK
 * echoes a timestamp from before the retransmission (Eifel, RFC 3522).
 *
 * @kernel tcp_may_undo — net/ipv4/tcp_input.c, 7.3
 */

import { TCP_CA_LOSS, TCP_CA_OPEN } from './congestion.ts';
import { ecnWithdrawCwr } from './ecn.ts';
import { rackOnDsackUndo, rackOnRecovered } from './rack.ts';
import { CB_SACKED, TCPCB_EVER_RETRANS, TCPCB_LOST } from './skb-cb.ts';
import type { TcpSock } from './tcp-sock.ts';
import { TCP_SYN_SENT } from './tcp-states.ts';

/** Remembers where a recovery starts. @kernel tcp_init_undo — net/ipv4/tcp_input.c, 7.3 */
export function initUndo(sk: TcpSock): void {
  const cong = sk.cong;
  cong.undoValid = true;
  cong.undoMarker = sk.sndUna;
  // What was sent again and is still out may be reported as a duplicate later, a tail loss probe too.
  const out = sk.retransOut + (sk.tlpHighSeq !== 0 && sk.tlpRetrans ? 1 : 0);
  // 0 means that all of them were superfluous; that there are none yet is another matter.
  cong.undoRetrans = out > 0 ? out : -1;
}

/** `count` segments were sent again. */
export function countRetransmission(sk: TcpSock, count: number): void {
  const cong = sk.cong;
  cong.undoRetrans = Math.max(cong.undoRetrans, 0) + count;
}

/** `count` segments, up to `right`, arrived twice. */
export function countDuplicates(sk: TcpSock, right: number, count: number): void {
  const cong = sk.cong;
  if (!cong.undoValid || cong.undoRetrans <= 0 || ((right - cong.undoMarker) | 0) <= 0) return;
  cong.undoRetrans = Math.max(0, cong.undoRetrans - count);
}

/** The ACK answers what left before the first retransmission. @kernel tcp_packet_delayed — net/ipv4/tcp_input.c, 7.3 */
export function isPacketDelayed(sk: TcpSock): boolean {
  const options = sk.options;
  if (sk.retransStampMs !== 0) {
    return options.sawTstamp && options.rcvTsecr !== 0 && ((options.rcvTsecr - sk.retransStampMs) | 0) < 0;
  }
  // Nothing was sent again, so what is acknowledged was only late; but for two cases in which the stamp is cleared all the same.
  if (!options.sackOk && ((sk.sndUna - sk.cong.highSeq) | 0) >= 0) return false;
  return sk.state !== TCP_SYN_SENT;
}

/** Whether the recovery was for nothing. */
function mayUndo(sk: TcpSock): boolean {
  return sk.cong.undoValid && (sk.cong.undoRetrans === 0 || isPacketDelayed(sk));
}

/** Restores window and threshold. @param unmark - what was marked lost is not. @kernel tcp_undo_cwnd_reduction — net/ipv4/tcp_input.c, 7.3 */
export function undoReduction(sk: TcpSock, unmark: boolean): void {
  const cong = sk.cong;
  if (unmark) {
    for (let skb = sk.rtxQueue.first; skb !== null; skb = skb.next) skb.cb[CB_SACKED] &= ~TCPCB_LOST;
    sk.lostOut = 0;
  }
  if (cong.priorSsthresh > 0) {
    cong.cwnd = cong.control.undoCwnd();
    if (cong.priorSsthresh > cong.ssthresh) {
      cong.ssthresh = cong.priorSsthresh;
      ecnWithdrawCwr(sk);
    }
  }
  cong.cwndStampMs = sk.stack.nowMs;
  cong.undoValid = false;
  // What is still out is judged anew.
  sk.rack.advanced = true;
}

/** If D-SACKs alone say that every retransmission was superfluous. @kernel tcp_try_undo_dsack — net/ipv4/tcp_input.c, 7.3 */
export function tryUndoDsack(sk: TcpSock): boolean {
  if (!sk.cong.undoValid || sk.cong.undoRetrans !== 0) return false;
  rackOnDsackUndo(sk);
  undoReduction(sk, false);
  sk.stack.stats.TcpExtTCPDSACKUndo++;
  return true;
}

/** A timeout was for nothing: on as before. @param frto - an ACK of what was sent once says so (RFC 5682). @kernel tcp_try_undo_loss — net/ipv4/tcp_input.c, 7.3 */
export function tryUndoLoss(sk: TcpSock, frto: boolean): boolean {
  if (!frto && !mayUndo(sk)) return false;
  const stats = sk.stack.stats;
  undoReduction(sk, true);
  stats.TcpExtTCPLossUndo++;
  if (frto) stats.TcpExtTCPSpuriousRTOs++;
  sk.retransmits = 0;
  if (isKeptFromReopening(sk)) return true;
  if (frto || sk.options.sackOk) sk.cong.setState(TCP_CA_OPEN);
  return true;
}

/** At the end of a recovery: was it needed? @returns true: stay in it. @kernel tcp_try_undo_recovery — net/ipv4/tcp_input.c, 7.3 */
export function tryUndoRecovery(sk: TcpSock): boolean {
  const { cong, stack } = sk;
  if (mayUndo(sk)) {
    undoReduction(sk, false);
    if (cong.state === TCP_CA_LOSS) stack.stats.TcpExtTCPLossUndo++;
    else stack.stats.TcpExtTCPFullUndo++;
  } else {
    rackOnRecovered(sk);
  }
  if (isKeptFromReopening(sk)) return true;
  cong.setState(TCP_CA_OPEN);
  return false;
}

/**
 * Without SACK, late duplicates could start a false recovery: hold until something above highSeq is acknowledged (RFC 6582, 4).
 *
 * @kernel tcp_is_non_sack_preventing_reopen — net/ipv4/tcp_input.c, 7.3
 */
function isKeptFromReopening(sk: TcpSock): boolean {
  if (sk.sndUna !== sk.cong.highSeq || sk.options.sackOk) return false;
  if (!anyRetransDone(sk)) sk.retransStampMs = 0;
  return true;
}

/** Something that was sent again is not acknowledged yet. @kernel tcp_any_retrans_done — net/ipv4/tcp_input.c, 7.3 */
export function anyRetransDone(sk: TcpSock): boolean {
  const head = sk.rtxQueue.first;
  return sk.retransOut > 0 || (head !== null && (head.cb[CB_SACKED] & TCPCB_EVER_RETRANS) !== 0);
}
