/** Reducing the congestion window without a timeout, and how such a reduction ends. */
import { TCP_CA_CWR } from './congestion.ts';
import { ecnQueueCwr } from './ecn.ts';
import type { TcpSock } from './tcp-sock.ts';

/** @kernel tcp_init_cwnd_reduction — net/ipv4/tcp_input.c, 7.3 */
export function initCwndReduction(sk: TcpSock): void {
  sk.cong.initReduction(sk.sndNxt);
  sk.tlpHighSeq = 0;
  ecnQueueCwr(sk);
}

/** A router marked, or a local queue was full: reduce as for a loss, send nothing again. @kernel tcp_enter_cwr — net/ipv4/tcp_input.c, 7.3 */
export function enterCwr(sk: TcpSock): void {
  const cong = sk.cong;
  cong.priorSsthresh = 0;
  if (cong.state >= TCP_CA_CWR) return;
  cong.undoValid = false;
  initCwndReduction(sk);
  cong.setState(TCP_CA_CWR);
}
