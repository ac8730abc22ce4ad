/** The retransmission timer and the zero-window probe timer, which share one Timer as in Linux. */
import { TCP_CA_CWR, TCP_CA_OPEN } from './congestion.ts';
import { TCP_TIMEOUT_INIT_MS } from './rtt.ts';
import { CB_SENT_US } from './skb-cb.ts';
import type { TcpSock } from './tcp-sock.ts';

/** Values of `TcpSock.pendingTimer`. @kernel ICSK_TIME_RETRANS — include/net/inet_connection_sock.h, 7.3 */
export const ICSK_TIME_RETRANS = 1;
export const ICSK_TIME_PROBE0 = 3;
export const ICSK_TIME_LOSS_PROBE = 5;
export const ICSK_TIME_REO_TIMEOUT = 6;

/** Starts or moves it. */
export function resetXmitTimer(sk: TcpSock, what: number, ms: number): void {
  sk.pendingTimer = what;
  sk.retransmitTimer.mod(sk.stack.clock.nowNs + Math.min(ms, sk.stack.sysctl.tcpRtoMaxMs) * 1e6);
}

/** Nothing to wait for. The Timer itself may still run: it finds `pendingTimer` 0. */
export function clearXmitTimer(sk: TcpSock): void {
  sk.pendingTimer = 0;
}

/** Milliseconds left until the RTO of the oldest segment. @kernel tcp_rto_delta_us — include/net/tcp.h, 7.3 */
export function rtoDeltaMs(sk: TcpSock): number {
  const head = sk.rtxQueue.first;
  if (head === null) return 0;
  return sk.rtt.rtoMs - ((sk.stack.nowUs - head.cb[CB_SENT_US]) | 0) / 1000;
}

/** Restarts the retransmission timer. If a shorter one ran in its place, the time that went by counts. @kernel tcp_rearm_rto — net/ipv4/tcp_input.c, 7.3 */
export function rearmRto(sk: TcpSock): void {
  if (sk.packetsOut === 0) {
    clearXmitTimer(sk);
    return;
  }
  let ms = sk.rtt.rtoMs;
  if (sk.pendingTimer === ICSK_TIME_REO_TIMEOUT || sk.pendingTimer === ICSK_TIME_LOSS_PROBE) {
    ms = Math.max(Math.ceil(rtoDeltaMs(sk)), 1);
  }
  resetXmitTimer(sk, ICSK_TIME_RETRANS, ms);
}

/** Time to the next zero-window probe. @kernel tcp_probe0_when — include/net/tcp.h, 7.3 */
export function probe0WhenMs(sk: TcpSock): number {
  const { tcpRtoMinMs, tcpRtoMaxMs } = sk.stack.sysctl;
  const backoff = Math.min(Math.max(0, 31 - Math.clz32(Math.trunc(tcpRtoMaxMs / tcpRtoMinMs))) + 1, sk.backoff);
  return Math.min(Math.max(sk.rtt.rtoMs, tcpRtoMinMs) * 2 ** backoff, tcpRtoMaxMs);
}

/** Data wait, nothing is in flight and no timer runs: probe, or the peer's lost window update would end the conversation. @kernel tcp_check_probe_timer — include/net/tcp.h, 7.3 */
export function checkProbeTimer(sk: TcpSock): void {
  if (sk.packetsOut === 0 && sk.pendingTimer === 0) {
    resetXmitTimer(sk, ICSK_TIME_PROBE0, Math.max(sk.rtt.rtoMs, sk.stack.sysctl.tcpRtoMinMs));
  }
}

/**
 * Starts the probe timer where a probe makes sense.
 *
 * @param advancing - an ACK moved on: a new RTO would start now.
 * @returns whether it runs.
 * @kernel tcp_schedule_loss_probe — net/ipv4/tcp_output.c, 7.3
 */
export function scheduleLossProbe(sk: TcpSock, advancing: boolean): boolean {
  const { tcpEarlyRetrans, tcpRtoMinMs } = sk.stack.sysctl;
  const state = sk.cong.state;
  if (tcpEarlyRetrans !== 3 || sk.packetsOut === 0 || !sk.options.sackOk) return false;
  if (state !== TCP_CA_OPEN && state !== TCP_CA_CWR) return false;
  let ms = TCP_TIMEOUT_INIT_MS;
  // A lone segment may be waiting for a delayed ACK.
  if (sk.rtt.srttUs > 0) ms = (sk.rtt.srttUs >> 2) / 1000 + (sk.packetsOut === 1 ? tcpRtoMinMs : 2);
  const rto = advancing ? sk.rtt.rtoMs : rtoDeltaMs(sk);
  if (rto > 0) ms = Math.min(ms, rto);
  resetXmitTimer(sk, ICSK_TIME_LOSS_PROBE, Math.ceil(ms));
  return true;
}

/** After an ACK that moved on: a loss probe, or the RTO anew. @kernel tcp_set_xmit_timer — net/ipv4/tcp_input.c, 7.3 */
export function setXmitTimer(sk: TcpSock): void {
  if (!scheduleLossProbe(sk, true)) rearmRto(sk);
}
