/**
 * Fast retransmit and recovery, and what a retransmission timeout does: RFC 5681 and 6582 without SACK, RFC 8985 (rack.ts) with it.
 *
 * @kernel tcp_fastretrans_alert — net/ipv4/tcp_input.c, 7.3
 */
import { ecnQueueCwr } from './ecn.ts';
import { markHeadLost, markSkbLost } from './mark-lost.ts';
import { TCP_CA_CWR, TCP_CA_DISORDER, TCP_CA_LOSS, TCP_CA_OPEN, TCP_CA_RECOVERY } from './newreno.ts';
import { packetsInFlight } from './output.ts';
import { rackMarkLost, rackOnRecovered, rackTimeoutUs } from './rack.ts';
import { addRenoSack, resetRenoSack } from './scoreboard.ts';
import { CB_SACKED, TCPCB_EVER_RETRANS, TCPCB_SACKED_ACKED } from './skb-cb.ts';
import type { TcpSock } from './tcp-sock.ts';
import { initUndo, isPacketDelayed, mayUndo, mayUndoByDsack, tryUndoLoss, undoReduction } from './undo.ts';

/**
 * An ACK that is not plain progress.
 *
 * @param advanced - it acknowledged new data.
 * @param duplicates - 1 when it is a duplicate ACK.
 * @param echo - it echoes a router's mark.
 * @returns true when lost segments should be sent again now.
 */
export function fastRetransmitAlert(sk: TcpSock, advanced: boolean, duplicates: number, echo: boolean): boolean {
  const reno = sk.reno;
  const sackOk = sk.options.sackOk;
  if (sk.packetsOut === 0 && sk.sackedOut > 0) sk.sackedOut = 0;
  // A mark is never taken back.
  if (echo) reno.priorSsthresh = 0;
  if (reno.state === TCP_CA_OPEN) {
    sk.retransStampMs = 0;
  } else if (((sk.sndUna - reno.highSeq) | 0) >= 0) {
    if (reno.state === TCP_CA_CWR) {
      // Wait for one byte above highSeq: the ACK of the last reduced window must not open the next.
      if (sk.sndUna !== reno.highSeq) leave(sk);
    } else if (reno.state === TCP_CA_RECOVERY) {
      if (!sackOk) resetRenoSack(sk);
      if (tryUndoRecovery(sk)) return false;
      reno.endReduction(sk.stack.nowMs);
    }
  }
  if (reno.state === TCP_CA_RECOVERY) {
    if (!inRecovery(sk, advanced, duplicates)) return false;
  } else if (reno.state === TCP_CA_LOSS) {
    processLoss(sk, advanced, duplicates);
    identifyLoss(sk, advanced);
    if (sk.reno.state !== TCP_CA_OPEN) return true;
  } else {
    if (!sackOk) {
      if (advanced) resetRenoSack(sk);
      addRenoSack(sk, duplicates);
    }
    if (reno.state <= TCP_CA_DISORDER && mayUndoByDsack(sk)) takeBackByDsack(sk);
    identifyLoss(sk, advanced);
  }
  if (reno.state !== TCP_CA_RECOVERY) {
    if (sk.lostOut === 0) {
      tryToOpen(sk, echo);
      return false;
    }
    enterRecovery(sk, echo);
  }
  return true;
}

/** @returns false when recovery ended or has nothing to say to this ACK. */
function inRecovery(sk: TcpSock, advanced: boolean, duplicates: number): boolean {
  const sackOk = sk.options.sackOk;
  if (!advanced) {
    if (!sackOk) addRenoSack(sk, duplicates);
  } else if (sk.reno.undoValid && isPacketDelayed(sk)) {
    // A partial ACK of what left before the retransmissions: wait until they are accounted for.
    if (sk.retransOut > 0) return false;
    undoReduction(sk, true);
    sk.stack.stats.TcpExtTCPPartialUndo++;
    keepOpen(sk);
    return false;
  }
  if (mayUndoByDsack(sk)) {
    takeBackByDsack(sk);
    keepOpen(sk);
    return false;
  }
  identifyLoss(sk, advanced);
  return true;
}

function takeBackByDsack(sk: TcpSock): void {
  undoReduction(sk, false);
  sk.stack.stats.TcpExtTCPDSACKUndo++;
}

/** Marks what the ACK proves lost. @kernel tcp_identify_packet_loss — net/ipv4/tcp_input.c, 7.3 */
function identifyLoss(sk: TcpSock, advanced: boolean): void {
  if (sk.rtxQueue.first === null) return;
  if (sk.options.sackOk) {
    sk.reoTimer = rackMarkLost(sk);
    return;
  }
  const state = sk.reno.state;
  // RFC 6582: in recovery, a partial ACK tells that the next hole's first segment is lost too.
  const hole = state === TCP_CA_RECOVERY && advanced;
  if (hole || (state < TCP_CA_RECOVERY && sk.sackedOut >= sk.reordering)) markHeadLost(sk);
}

/** At the end of a recovery: was it needed? @returns true: stay in it. @kernel tcp_try_undo_recovery — net/ipv4/tcp_input.c, 7.3 */
function tryUndoRecovery(sk: TcpSock): boolean {
  const { reno, stack } = sk;
  if (mayUndo(sk)) {
    undoReduction(sk, false);
    if (reno.state === TCP_CA_LOSS) stack.stats.TcpExtTCPLossUndo++;
    else stack.stats.TcpExtTCPFullUndo++;
  } else {
    rackOnRecovered(sk);
  }
  // Without SACK, late duplicates could start a false recovery: hold until something above highSeq is acknowledged (RFC 6582, 4).
  if (sk.sndUna === reno.highSeq && !sk.options.sackOk) {
    if (!anyRetransDone(sk)) sk.retransStampMs = 0;
    return true;
  }
  reno.endReduction(stack.nowMs);
  reno.state = TCP_CA_OPEN;
  sk.retransStampMs = 0;
  return false;
}

function leave(sk: TcpSock): void {
  sk.reno.endReduction(sk.stack.nowMs);
  sk.reno.state = TCP_CA_OPEN;
  sk.retransStampMs = 0;
}

/** @kernel tcp_process_loss — net/ipv4/tcp_input.c, 7.3 */
function processLoss(sk: TcpSock, advanced: boolean, duplicates: number): void {
  const sackOk = sk.options.sackOk;
  if (advanced && tryUndoLoss(sk)) return;
  if (((sk.sndUna - sk.reno.highSeq) | 0) >= 0) {
    if (!sackOk) resetRenoSack(sk);
    tryUndoRecovery(sk);
    return;
  }
  if (sackOk) return;
  if (duplicates > 0 && ((sk.sndNxt - sk.reno.highSeq) | 0) > 0) addRenoSack(sk, duplicates);
  else if (advanced) resetRenoSack(sk);
}

/** Something that was sent again is not acknowledged yet. @kernel tcp_any_retrans_done — net/ipv4/tcp_input.c, 7.3 */
function anyRetransDone(sk: TcpSock): boolean {
  const head = sk.rtxQueue.first;
  return sk.retransOut > 0 || (head !== null && (head.cb[CB_SACKED] & TCPCB_EVER_RETRANS) !== 0);
}

/** @kernel tcp_try_keep_open — net/ipv4/tcp_input.c, 7.3 */
function keepOpen(sk: TcpSock): void {
  const reno = sk.reno;
  const disorder = sk.sackedOut > 0 || sk.lostOut > 0 || anyRetransDone(sk);
  const state = disorder ? TCP_CA_DISORDER : TCP_CA_OPEN;
  if (reno.state !== state) {
    reno.state = state;
    reno.highSeq = sk.sndNxt;
  }
}

/** @kernel tcp_try_to_open — net/ipv4/tcp_input.c, 7.3 */
function tryToOpen(sk: TcpSock, echo: boolean): void {
  if (!anyRetransDone(sk)) sk.retransStampMs = 0;
  if (echo) enterCwr(sk);
  if (sk.reno.state !== TCP_CA_CWR) keepOpen(sk);
}

/** @kernel tcp_enter_recovery — net/ipv4/tcp_input.c, 7.3 */
export function enterRecovery(sk: TcpSock, echo: boolean = false): void {
  const { reno, stack } = sk;
  if (sk.options.sackOk) stack.stats.TcpExtTCPSackRecovery++;
  else stack.stats.TcpExtTCPRenoRecovery++;
  reno.priorSsthresh = 0;
  initUndo(sk);
  if (!reno.inReduction) {
    if (!echo) reno.priorSsthresh = reno.currentSsthresh;
    reno.initReduction(sk.sndNxt);
    ecnQueueCwr(sk);
    sk.tlpHighSeq = 0;
  }
  reno.highSeq = sk.sndNxt;
  reno.state = TCP_CA_RECOVERY;
}

/** A router marked: reduce as for a loss, send nothing again. @kernel tcp_enter_cwr — net/ipv4/tcp_input.c, 7.3 */
function enterCwr(sk: TcpSock): void {
  const { reno } = sk;
  reno.priorSsthresh = 0;
  if (reno.state >= TCP_CA_CWR) return;
  reno.enterCwr(sk.sndNxt);
  ecnQueueCwr(sk);
  sk.tlpHighSeq = 0;
}

/** A tail loss probe repaired a loss: one reduction for it, at once. */
export function payForLossProbe(sk: TcpSock): void {
  const reno = sk.reno;
  if (reno.state > TCP_CA_DISORDER) return;
  reno.initReduction(sk.sndNxt);
  ecnQueueCwr(sk);
  reno.state = TCP_CA_CWR;
  reno.endReduction(sk.stack.nowMs);
  keepOpen(sk);
}

/** A retransmission timeout: start slowly. @kernel tcp_enter_loss — net/ipv4/tcp_input.c, 7.3 */
export function enterLoss(sk: TcpSock): void {
  markAllLost(sk);
  const fresh = sk.reno.isNewLoss(sk.sndUna, sk.retransmits === 0);
  if (fresh) initUndo(sk);
  // A path that times out may have been thought to reorder: forget it.
  if (sk.reno.state <= TCP_CA_DISORDER && sk.sackedOut >= sk.stack.sysctl.tcpReordering) {
    sk.reordering = Math.min(sk.reordering, sk.stack.sysctl.tcpReordering);
  }
  sk.reno.enterLoss(sk.sndNxt, packetsInFlight(sk), fresh, sk.stack.nowMs);
  sk.tlpHighSeq = 0;
  ecnQueueCwr(sk);
}

/**
 * After a timeout everything that is not selectively acknowledged and did not leave just now counts as lost; if even the oldest segment is, the peer took back what it said (it may,
 * RFC 2018, 8) and nothing it said counts.
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
