/** Whether the congestion window is used at all: one that is not says nothing about the path (RFC 7661). */
import { TCP_CA_OPEN, TCP_INIT_CWND } from './congestion.ts';
import type { TcpSock } from './tcp-sock.ts';

/** Something left. @param limited - more would have, but for the window. @kernel tcp_cwnd_validate — net/ipv4/tcp_output.c, 7.3 */
export function validateCwnd(sk: TcpSock, limited: boolean): void {
  const cong = sk.cong;
  const { packetsOut } = sk;
  // The strongest signal of a round trip counts: limited by the window, else how much was out.
  const newRound = ((sk.sndUna - cong.cwndUsageSeq) | 0) >= 0;
  if (newRound || limited || (!cong.cwndLimited && packetsOut > cong.maxPacketsOut)) {
    cong.cwndLimited = limited;
    cong.maxPacketsOut = packetsOut;
    cong.cwndUsageSeq = sk.sndNxt;
  }
  const now = sk.stack.nowMs;
  if (cong.isCwndLimited()) {
    cong.cwndUsed = 0;
    cong.cwndStampMs = now;
    return;
  }
  if (packetsOut > cong.cwndUsed) cong.cwndUsed = packetsOut;
  if (sk.stack.sysctl.tcpSlowStartAfterIdle && ((now - cong.cwndStampMs) | 0) >= sk.rtt.rtoMs)
    applicationLimited(sk, now);
}

/** A whole RTO long the application, or the receiver, had less to do than the window allows: come halfway down to what was used. @kernel tcp_cwnd_application_limited — net/ipv4/tcp_output.c, 7.3 */
function applicationLimited(sk: TcpSock, now: number): void {
  const cong = sk.cong;
  if (cong.state === TCP_CA_OPEN && !sk.dead && !sk.noSpace) {
    const used = Math.max(cong.cwndUsed, TCP_INIT_CWND);
    if (used < cong.cwnd) {
      cong.ssthresh = cong.currentSsthresh;
      cong.cwnd = (cong.cwnd + used) >> 1;
    }
    cong.cwndUsed = 0;
  }
  cong.cwndStampMs = now;
}
