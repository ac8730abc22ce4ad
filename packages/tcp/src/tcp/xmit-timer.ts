/** The retransmission timer and the zero-window probe timer, which share one Timer as in Linux. */
import type { TcpSock } from './tcp-sock.ts';

/** Values of `TcpSock.pendingTimer`. @kernel ICSK_TIME_RETRANS — include/net/inet_connection_sock.h, 7.3 */
export const ICSK_TIME_RETRANS = 1;
export const ICSK_TIME_PROBE0 = 3;

/** Starts or moves it. */
export function resetXmitTimer(sk: TcpSock, what: number, ms: number): void {
  sk.pendingTimer = what;
  sk.retransmitTimer.mod(sk.stack.clock.nowNs + Math.min(ms, sk.stack.sysctl.tcpRtoMaxMs) * 1e6);
}

/** Nothing to wait for. The Timer itself may still run: it finds `pendingTimer` 0. */
export function clearXmitTimer(sk: TcpSock): void {
  sk.pendingTimer = 0;
}

/** Restarts the retransmission timer after an ACK moved on. @kernel tcp_rearm_rto — net/ipv4/tcp_input.c, 7.3 */
export function rearmRto(sk: TcpSock): void {
  if (sk.packetsOut === 0) clearXmitTimer(sk);
  else resetXmitTimer(sk, ICSK_TIME_RETRANS, sk.rtt.rtoMs);
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
