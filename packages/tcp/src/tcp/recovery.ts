/** Fast retransmit and recovery (RFC 5681, 6582 without SACK, 6675 with it), and what a retransmission timeout does. @kernel tcp_fastretrans_alert — net/ipv4/tcp_input.c, 7.3 */
import { TCP_CA_CWR, TCP_CA_DISORDER, TCP_CA_LOSS, TCP_CA_OPEN, TCP_CA_RECOVERY } from './newreno.ts';
import { packetsInFlight } from './output.ts';
import { addRenoSack, markAllLost, markHeadLost, resetRenoSack, updateScoreboard } from './scoreboard.ts';
import type { TcpSock } from './tcp-sock.ts';

/** Whether enough says that something is lost. @kernel tcp_time_to_recover — net/ipv4/tcp_input.c, 7.3 */
function timeToRecover(sk: TcpSock): boolean {
  return sk.lostOut > 0 || sk.sackedOut >= sk.stack.sysctl.tcpReordering;
}

/**
 * An ACK that is not plain progress.
 *
 * @param advanced - it acknowledged new data.
 * @param duplicates - 1 when it is a duplicate ACK.
 * @returns true when lost segments should be sent again now.
 */
export function fastRetransmitAlert(sk: TcpSock, advanced: boolean, duplicates: number): boolean {
  const reno = sk.reno;
  const sackOk = sk.options.sackOk;
  if (sk.packetsOut === 0 && sk.sackedOut > 0) sk.sackedOut = 0;
  const reached = ((sk.sndUna - reno.highSeq) | 0) >= 0;
  if (reno.state === TCP_CA_OPEN) {
    sk.retransStampMs = 0;
  } else if (reached) {
    if (reno.state === TCP_CA_CWR) {
      // Wait for one byte above highSeq: the ACK of the last reduced window must not open the next.
      if (sk.sndUna !== reno.highSeq) leave(sk);
    } else if (reno.state === TCP_CA_RECOVERY) {
      if (!sackOk) resetRenoSack(sk);
      if (holdForReno(sk)) return false;
      leave(sk);
    }
  }
  if (reno.state === TCP_CA_RECOVERY) {
    if (!sackOk) {
      // RFC 6582: a partial ACK tells that the next hole's first segment is lost too.
      if (advanced) markHeadLost(sk);
      else addRenoSack(sk, duplicates);
    }
    updateScoreboard(sk, false);
    return true;
  }
  if (reno.state === TCP_CA_LOSS) return inLoss(sk, advanced, duplicates, reached);
  if (!sackOk) {
    if (advanced) resetRenoSack(sk);
    addRenoSack(sk, duplicates);
    if (sk.sackedOut >= sk.stack.sysctl.tcpReordering) markHeadLost(sk);
  }
  if (!timeToRecover(sk)) {
    tryToOpen(sk);
    return false;
  }
  enterRecovery(sk);
  updateScoreboard(sk, true);
  return true;
}

/** Without SACK, duplicates of the last recovery could start a false one: hold until something above highSeq is acknowledged (RFC 6582, 4). @kernel tcp_try_undo_recovery — net/ipv4/tcp_input.c, 7.3 */
function holdForReno(sk: TcpSock): boolean {
  return sk.sndUna === sk.reno.highSeq && !sk.options.sackOk;
}

function leave(sk: TcpSock): void {
  sk.reno.endReduction(sk.stack.nowMs);
  sk.reno.state = TCP_CA_OPEN;
  sk.retransStampMs = 0;
}

/** @kernel tcp_process_loss — net/ipv4/tcp_input.c, 7.3 */
function inLoss(sk: TcpSock, advanced: boolean, duplicates: number, reached: boolean): boolean {
  const sackOk = sk.options.sackOk;
  if (reached) {
    if (!sackOk) resetRenoSack(sk);
    if (holdForReno(sk)) return false;
    sk.reno.state = TCP_CA_OPEN;
    sk.retransStampMs = 0;
    return false;
  }
  if (!sackOk) {
    if (duplicates > 0 && ((sk.sndNxt - sk.reno.highSeq) | 0) > 0) addRenoSack(sk, duplicates);
    else if (advanced) resetRenoSack(sk);
  } else {
    updateScoreboard(sk, false);
  }
  return true;
}

/** @kernel tcp_try_to_open — net/ipv4/tcp_input.c, 7.3 */
function tryToOpen(sk: TcpSock): void {
  const reno = sk.reno;
  if (sk.retransOut === 0) sk.retransStampMs = 0;
  if (reno.state === TCP_CA_CWR) return;
  const disorder = sk.sackedOut > 0 || sk.lostOut > 0 || sk.retransOut > 0;
  if (disorder && reno.state === TCP_CA_OPEN) reno.state = TCP_CA_DISORDER;
  else if (!disorder && reno.state === TCP_CA_DISORDER) reno.state = TCP_CA_OPEN;
}

/** @kernel tcp_enter_recovery — net/ipv4/tcp_input.c, 7.3 */
function enterRecovery(sk: TcpSock): void {
  const stats = sk.stack.stats;
  if (sk.options.sackOk) stats.TcpExtTCPSackRecovery++;
  else stats.TcpExtTCPRenoRecovery++;
  if (!sk.reno.inReduction) sk.reno.initReduction(sk.sndNxt);
  else sk.reno.highSeq = sk.sndNxt;
  sk.reno.state = TCP_CA_RECOVERY;
}

/** A retransmission timeout: everything is lost, start slowly. @kernel tcp_enter_loss — net/ipv4/tcp_input.c, 7.3 */
export function enterLoss(sk: TcpSock): void {
  markAllLost(sk);
  const firstTimeout = sk.retransmits === 0;
  sk.reno.enterLoss(sk.sndUna, sk.sndNxt, packetsInFlight(sk), firstTimeout, sk.stack.nowMs);
}
