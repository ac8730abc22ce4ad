/** What both sides of a handshake set up when it is complete. @kernel tcp_init_transfer — net/ipv4/tcp_input.c, 7.3 */

import { TCP_CA_OPEN, TCP_INFINITE_SSTHRESH, TCP_INIT_CWND } from './congestion.ts';
import { initCongestionControl } from './congestion-algorithms.ts';
import { currentMss } from './mss.ts';
import { expandSndbuf } from './send-space.ts';
import type { TcpSock } from './tcp-sock.ts';
import { initBufferSpace } from './window.ts';

export function initTransfer(sk: TcpSock): void {
  currentMss(sk);
  const cong = sk.cong;
  // A SYN that was lost more than once says that the path is bad (RFC 5681, 3.1).
  cong.cwnd = sk.totalRetrans > 1 ? 1 : TCP_INIT_CWND;
  cong.ssthresh = TCP_INFINITE_SSTHRESH;
  cong.setState(TCP_CA_OPEN);
  cong.cwndStampMs = sk.stack.nowMs;
  initCongestionControl(sk);
  sk.retransStampMs = 0;
  expandSndbuf(sk);
  initBufferSpace(sk);
}
