/** What both sides of a handshake set up when it is complete. @kernel tcp_init_transfer — net/ipv4/tcp_input.c, 7.3 */

import { currentMss } from './mss.ts';
import { TCP_CA_OPEN, TCP_INFINITE_SSTHRESH, TCP_INIT_CWND } from './newreno.ts';
import { expandSndbuf } from './send-space.ts';
import type { TcpSock } from './tcp-sock.ts';
import { initBufferSpace } from './window.ts';

export function initTransfer(sk: TcpSock): void {
  currentMss(sk);
  const reno = sk.reno;
  // A SYN that was lost more than once says that the path is bad (RFC 5681, 3.1).
  reno.cwnd = sk.totalRetrans > 1 ? 1 : TCP_INIT_CWND;
  reno.ssthresh = TCP_INFINITE_SSTHRESH;
  reno.state = TCP_CA_OPEN;
  reno.cwndStampMs = sk.stack.nowMs;
  sk.retransStampMs = 0;
  expandSndbuf(sk);
  initBufferSpace(sk);
}
