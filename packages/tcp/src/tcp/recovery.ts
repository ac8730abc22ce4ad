/**
 * Fast retransmit and recovery, and what a retransmission timeout does: RFC 5681 and 6582 without SACK, RFC 8985 (rack.ts) with it.
 *
 * @kernel tcp_fastretrans_alert — net/ipv4/tcp_input.c, 7.3
 */
import {
  type AckState,
  FLAG_DATA_SACKED,
  FLAG_ECE,
  FLAG_LOST_RETRANS,
  FLAG_ORIG_SACK_ACKED,
  FLAG_SACK_RENEGING,
  FLAG_SET_XMIT_TIMER,
  FLAG_SND_UNA_ADVANCED,
  REXMIT_LOST,
  REXMIT_NEW,
} from './ack-state.ts';
import { TCP_CA_CWR, TCP_CA_DISORDER, TCP_CA_LOSS, TCP_CA_OPEN, TCP_CA_RECOVERY } from './congestion.ts';
import { enterCwr, initCwndReduction } from './cwnd-reduction.ts';
import { ecnQueueCwr } from './ecn.ts';
import { leftOut, packetsInFlight } from './in-flight.ts';
import { markHeadLost, markSkbLost } from './mark-lost.ts';
import { windowEnd } from './output.ts';
import { rackMarkLost, rackTimeoutUs } from './rack.ts';
import { addRenoSack, checkSackReordering, resetRenoSack } from './reordering.ts';
import { CB_SACKED, TCPCB_SACKED_ACKED } from './skb-cb.ts';
import type { TcpSock } from './tcp-sock.ts';
import {
  anyRetransDone,
  initUndo,
  isPacketDelayed,
  tryUndoDsack,
  tryUndoLoss,
  tryUndoRecovery,
  undoReduction,
} from './undo.ts';
import { ICSK_TIME_RETRANS, resetXmitTimer } from './xmit-timer.ts';

/** A peer that threw away what it had reported is timed out after a sixteenth of `srttUs`, a half round trip, but not sooner than this. */
const RENEGING_MIN_MS = 10;

/**
 * An ACK that is not plain progress. Sets `state.rexmit`.
 *
 * @param priorUna - acknowledged before it.
 * @param duplicates - 1 when it is a duplicate ACK.
 */
export function fastRetransmitAlert(sk: TcpSock, priorUna: number, duplicates: number, state: AckState): void {
  const cong = sk.cong;
  const ece = state.has(FLAG_ECE);
  if (sk.packetsOut === 0 && sk.sackedOut > 0) sk.sackedOut = 0;
  // A mark is never taken back.
  if (ece) cong.priorSsthresh = 0;
  if (isReneging(sk, state)) return;
  if (leaveState(sk)) return;
  if (cong.state === TCP_CA_RECOVERY) {
    if (!inRecovery(sk, priorUna, duplicates, state)) return;
    if (sk.cong.state !== TCP_CA_RECOVERY) {
      // Taken back. If a loss is plain all the same, another begins.
      if (sk.lostOut === 0) return;
      enterRecovery(sk, ece);
    }
  } else {
    if (cong.state === TCP_CA_LOSS) {
      processLoss(sk, duplicates, state);
      identifyLoss(sk, state);
      // Goes on below if the timeout was for nothing, or a retransmission is lost too.
      if (sk.cong.state !== TCP_CA_OPEN && !state.has(FLAG_LOST_RETRANS)) return;
    }
    if (!sk.options.sackOk) {
      if (state.has(FLAG_SND_UNA_ADVANCED)) resetRenoSack(sk);
      addRenoSack(sk, duplicates);
    }
    if (cong.state <= TCP_CA_DISORDER) tryUndoDsack(sk);
    identifyLoss(sk, state);
    if (sk.lostOut === 0) {
      tryToOpen(sk, ece);
      return;
    }
    enterRecovery(sk, ece);
  }
  state.rexmit = REXMIT_LOST;
}

/** The peer threw away what it had reported. Time out soon, instead of waiting for it. @kernel tcp_check_sack_reneging — net/ipv4/tcp_input.c, 7.3 */
function isReneging(sk: TcpSock, state: AckState): boolean {
  if (!state.has(FLAG_SACK_RENEGING) || !state.has(FLAG_SND_UNA_ADVANCED)) return false;
  resetXmitTimer(sk, ICSK_TIME_RETRANS, Math.max(Math.ceil(sk.rtt.srttUs / 16_000), RENEGING_MIN_MS));
  state.flag &= ~FLAG_SET_XMIT_TIMER;
  return true;
}

/** Everything that was out when the state began is acknowledged: it may end. @returns true: it goes on, and this ACK is dealt with. */
function leaveState(sk: TcpSock): boolean {
  const cong = sk.cong;
  if (cong.state === TCP_CA_OPEN) {
    sk.retransStampMs = 0;
  } else if (((sk.sndUna - cong.highSeq) | 0) >= 0) {
    if (cong.state === TCP_CA_CWR) {
      // Wait for one byte above highSeq: CWR must have reached the receiver.
      if (sk.sndUna !== cong.highSeq) {
        cong.endReduction(sk.stack.nowMs);
        cong.setState(TCP_CA_OPEN);
      }
    } else if (cong.state === TCP_CA_RECOVERY) {
      if (!sk.options.sackOk) resetRenoSack(sk);
      if (tryUndoRecovery(sk)) return true;
      cong.endReduction(sk.stack.nowMs);
    }
  }
  return false;
}

/** @returns false when this ACK has nothing to be sent. */
function inRecovery(sk: TcpSock, priorUna: number, duplicates: number, state: AckState): boolean {
  if (!state.has(FLAG_SND_UNA_ADVANCED)) {
    if (!sk.options.sackOk) addRenoSack(sk, duplicates);
  } else if (tryUndoPartial(sk, priorUna)) {
    return false;
  }
  if (tryUndoDsack(sk)) tryToOpen(sk, state.has(FLAG_ECE));
  identifyLoss(sk, state);
  return true;
}

/** A partial ACK of what left before the retransmissions: the hole was filled by what was only late. @returns true: wait until they are accounted for. @kernel tcp_try_undo_partial — net/ipv4/tcp_input.c, 7.3 */
function tryUndoPartial(sk: TcpSock, priorUna: number): boolean {
  if (!sk.cong.undoValid || !isPacketDelayed(sk)) return false;
  checkSackReordering(sk, priorUna, true);
  if (sk.retransOut > 0) return true;
  if (!anyRetransDone(sk)) sk.retransStampMs = 0;
  undoReduction(sk, true);
  sk.stack.stats.TcpExtTCPPartialUndo++;
  keepOpen(sk);
  return false;
}

/** Marks what the ACK proves lost. @kernel tcp_identify_packet_loss — net/ipv4/tcp_input.c, 7.3 */
function identifyLoss(sk: TcpSock, state: AckState): void {
  if (sk.rtxQueue.first === null) return;
  if (sk.options.sackOk) {
    const before = sk.retransOut;
    // A running reordering timer knows better when to look again.
    if (rackMarkLost(sk)) state.flag &= ~FLAG_SET_XMIT_TIMER;
    if (before > sk.retransOut) state.flag |= FLAG_LOST_RETRANS;
    return;
  }
  const ca = sk.cong.state;
  // RFC 6582: in recovery, a partial ACK tells that the next hole's first segment is lost too.
  const hole = ca === TCP_CA_RECOVERY && state.has(FLAG_SND_UNA_ADVANCED);
  if (hole || (ca < TCP_CA_RECOVERY && sk.sackedOut >= sk.reordering)) markHeadLost(sk);
}

/** An ACK after a timeout: was it for nothing (RFC 5682)? What next? @kernel tcp_process_loss — net/ipv4/tcp_input.c, 7.3 */
function processLoss(sk: TcpSock, duplicates: number, state: AckState): void {
  const cong = sk.cong;
  const advanced = state.has(FLAG_SND_UNA_ADVANCED);
  const recovered = ((sk.sndUna - cong.highSeq) | 0) >= 0;
  if (advanced && tryUndoLoss(sk, false)) return;
  if (cong.frto && probeTimeout(sk, duplicates, advanced && !recovered, state)) return;
  if (recovered) {
    tryUndoRecovery(sk);
    return;
  }
  if (!sk.options.sackOk) {
    if (((sk.sndNxt - cong.highSeq) | 0) > 0 && duplicates > 0) addRenoSack(sk, duplicates);
    else if (advanced) resetRenoSack(sk);
  }
  state.rexmit = REXMIT_LOST;
}

/** F-RTO: after the first ACK new data leave instead of old; if those arrive before anything else was sent again, nothing was lost. @returns true: this ACK is dealt with. */
function probeTimeout(sk: TcpSock, duplicates: number, partial: boolean, state: AckState): boolean {
  const cong = sk.cong;
  // Not all is lost: what was sent once arrived.
  if (state.has(FLAG_ORIG_SACK_ACKED) && tryUndoLoss(sk, true)) return true;
  if (((sk.sndNxt - cong.highSeq) | 0) > 0) {
    if (state.has(FLAG_DATA_SACKED) || duplicates > 0) cong.frto = false;
  } else if (partial) {
    cong.highSeq = sk.sndNxt;
    if (sk.writeQueue.first !== null && ((windowEnd(sk) - sk.sndNxt) | 0) > 0) {
      state.rexmit = REXMIT_NEW;
      return true;
    }
    cong.frto = false;
  }
  return false;
}

/** @kernel tcp_try_keep_open — net/ipv4/tcp_input.c, 7.3 */
export function keepOpen(sk: TcpSock): void {
  const cong = sk.cong;
  const state = leftOut(sk) > 0 || anyRetransDone(sk) ? TCP_CA_DISORDER : TCP_CA_OPEN;
  if (cong.state === state) return;
  cong.setState(state);
  cong.highSeq = sk.sndNxt;
}

/** @kernel tcp_try_to_open — net/ipv4/tcp_input.c, 7.3 */
function tryToOpen(sk: TcpSock, ece: boolean): void {
  if (!anyRetransDone(sk)) sk.retransStampMs = 0;
  if (ece) enterCwr(sk);
  if (sk.cong.state !== TCP_CA_CWR) keepOpen(sk);
}

/** @kernel tcp_enter_recovery — net/ipv4/tcp_input.c, 7.3 */
export function enterRecovery(sk: TcpSock, ece: boolean): void {
  const { cong, stack } = sk;
  // For undo, the clock starts with the first retransmission of this recovery.
  if (!anyRetransDone(sk)) sk.retransStampMs = 0;
  if (sk.options.sackOk) stack.stats.TcpExtTCPSackRecovery++;
  else stack.stats.TcpExtTCPRenoRecovery++;
  cong.priorSsthresh = 0;
  initUndo(sk);
  if (!cong.inReduction) {
    if (!ece) cong.priorSsthresh = cong.currentSsthresh;
    initCwndReduction(sk);
  }
  cong.setState(TCP_CA_RECOVERY);
}

/** A retransmission timeout: start slowly. @kernel tcp_enter_loss — net/ipv4/tcp_input.c, 7.3 */
export function enterLoss(sk: TcpSock): void {
  const { cong, stack } = sk;
  const firstRecovery = cong.state < TCP_CA_RECOVERY;
  markAllLost(sk);
  if (cong.isNewLoss(sk.sndUna, sk.retransmits === 0)) {
    cong.rememberForUndo();
    initUndo(sk);
  }
  // A path that times out may have been thought to reorder: forget it.
  const { tcpReordering } = stack.sysctl;
  if (cong.state <= TCP_CA_DISORDER && sk.sackedOut >= tcpReordering) {
    sk.reordering = Math.min(sk.reordering, tcpReordering);
  }
  cong.enterLoss(sk.sndNxt, packetsInFlight(sk), stack.nowMs);
  sk.tlpHighSeq = 0;
  ecnQueueCwr(sk);
  cong.frto = stack.sysctl.tcpFrto > 0 && (firstRecovery || sk.retransmits > 0);
}

/**
 * After a timeout everything that is not selectively acknowledged and did not leave just now counts as lost; if even the oldest segment is, the peer took
 * back what it said (it may, RFC 2018, 8) and nothing it said counts.
 *
 * @kernel tcp_timeout_mark_lost — net/ipv4/tcp_input.c, 7.3
 */
function markAllLost(sk: TcpSock): void {
  const head = sk.rtxQueue.first;
  const reneged = head !== null && (head.cb[CB_SACKED] & TCPCB_SACKED_ACKED) !== 0;
  if (reneged) {
    sk.stack.stats.TcpExtTCPSACKReneging++;
    sk.sackedOut = 0;
  } else if (!sk.options.sackOk) {
    resetRenoSack(sk);
  }
  for (let skb = head; skb !== null; skb = skb.next) {
    if (reneged) skb.cb[CB_SACKED] &= ~TCPCB_SACKED_ACKED;
    // What left only just now may still arrive.
    else if (sk.options.sackOk && skb !== head && rackTimeoutUs(sk, skb, 0) > 0) continue;
    markSkbLost(sk, skb);
  }
}
