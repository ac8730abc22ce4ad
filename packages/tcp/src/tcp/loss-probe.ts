/**
 * Tail loss probe (RFC 8985, 7): when the last segments of a burst are lost nothing follows that could show it. So the last one is sent again after two
 * round trips, long before the retransmission timeout, and its SACK tells what is missing.
 *
 * @kernel tcp_send_loss_probe — net/ipv4/tcp_output.c, 7.3
 */
import { type AckState, FLAG_DATA_SACKED, FLAG_DSACK_TLP, FLAG_NOT_DUP, FLAG_SND_UNA_ADVANCED } from './ack-state.ts';
import { TCP_CA_CWR } from './congestion.ts';
import { initCwndReduction } from './cwnd-reduction.ts';
import { currentMss } from './mss.ts';
import { resendSkb, TCP_NAGLE_OFF, windowAllows, writeXmit } from './output.ts';
import { keepOpen } from './recovery.ts';
import { pcountOf } from './segment.ts';
import type { TcpSock } from './tcp-sock.ts';
import { fragmentSkb } from './write-queue.ts';
import { rearmRto } from './xmit-timer.ts';

/** Sends new data if there are any, else the last segment again; then the RTO takes over. */
export function sendLossProbe(sk: TcpSock): void {
  // One probe per episode.
  if (sk.tlpHighSeq === 0 && probe(sk)) {
    // 0 means "none": a number that is 0 stands one further, which ends the episode one byte late.
    sk.tlpHighSeq = sk.sndNxt === 0 ? 1 : sk.sndNxt;
    sk.stack.stats.TcpExtTCPLossProbes++;
    // A whole RTO from now.
    sk.pendingTimer = 0;
  }
  rearmRto(sk);
}

function probe(sk: TcpSock): boolean {
  sk.tlpRetrans = false;
  const mss = currentMss(sk);
  const unsent = sk.writeQueue.first;
  if (unsent !== null && windowAllows(sk, unsent, mss)) {
    const before = sk.packetsOut;
    writeXmit(sk, mss, TCP_NAGLE_OFF, true, true);
    return sk.packetsOut > before;
  }
  let last = sk.rtxQueue.last;
  if (last === null) return false;
  const keep = (pcountOf(last) - 1) * mss;
  if (keep > 0 && last.len > keep) {
    if (!fragmentSkb(sk, sk.rtxQueue, last, keep, mss)) return false;
    last = last.next ?? last;
  }
  // Not counted as a retransmission that is out: whether it was one the ACK tells.
  if (resendSkb(sk, last, 1) !== 0) return false;
  sk.tlpRetrans = true;
  return true;
}

/** What an ACK says about the probe. If that repaired a loss, the window pays for it. @kernel tcp_process_tlp_ack — net/ipv4/tcp_input.c, 7.3 */
export function processLossProbeAck(sk: TcpSock, ack: number, state: AckState): void {
  const ahead = (ack - sk.tlpHighSeq) | 0;
  if (ahead < 0) return;
  if (!sk.tlpRetrans || state.has(FLAG_DSACK_TLP)) {
    sk.tlpHighSeq = 0;
  } else if (ahead > 0) {
    initCwndReduction(sk);
    sk.cong.setState(TCP_CA_CWR);
    sk.cong.endReduction(sk.stack.nowMs);
    keepOpen(sk);
    sk.stack.stats.TcpExtTCPLossProbeRecovery++;
  } else if (!state.has(FLAG_SND_UNA_ADVANCED | FLAG_NOT_DUP | FLAG_DATA_SACKED)) {
    // A pure duplicate: both copies arrived.
    sk.tlpHighSeq = 0;
  }
}
