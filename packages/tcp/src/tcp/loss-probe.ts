/**
 * Tail loss probe (RFC 8985, 7): when the last segments of a burst are lost nothing follows that could show it. So the last one is sent again after two
 * round trips, long before the retransmission timeout, and its SACK tells what is missing.
 *
 * @kernel tcp_send_loss_probe — net/ipv4/tcp_output.c, 7.3
 */
import { currentMss } from './mss.ts';
import { retransmitSkb, TCP_NAGLE_OFF, windowAllows, writeXmit } from './output.ts';
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
  }
  sk.pendingTimer = 0;
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
  if (retransmitSkb(sk, last, 1) !== 0) return false;
  sk.tlpRetrans = true;
  return true;
}

/**
 * What an ACK says about the probe.
 *
 * @param duplicateOnly - nothing new, no data, no SACK.
 * @returns true: the probe repaired a loss, and the window must pay for it.
 * @kernel tcp_process_tlp_ack — net/ipv4/tcp_input.c, 7.3
 */
export function processLossProbeAck(sk: TcpSock, ack: number, dsack: boolean, duplicateOnly: boolean): boolean {
  const ahead = (ack - sk.tlpHighSeq) | 0;
  if (ahead < 0) return false;
  if (!sk.tlpRetrans || dsack) {
    sk.tlpHighSeq = 0;
    return false;
  }
  if (ahead > 0) {
    sk.tlpHighSeq = 0;
    sk.stack.stats.TcpExtTCPLossProbeRecovery++;
    return true;
  }
  // A pure duplicate: both copies arrived.
  if (duplicateOnly) sk.tlpHighSeq = 0;
  return false;
}
