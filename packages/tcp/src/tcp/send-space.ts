/** After an ACK: send what it lets out, and wake who waits for space. @kernel tcp_data_snd_check — net/ipv4/tcp_input.c, 7.3 */

import { TCP_INIT_CWND } from './congestion.ts';
import { pushPendingFrames } from './output.ts';
import type { TcpSock } from './tcp-sock.ts';
import { SEND_SHUTDOWN } from './tcp-states.ts';

/** Truesize of an skb without payload in the write queue: head and bookkeeping. */
const SKB_TRUESIZE_EMPTY = 1088;

export function dataSndCheck(sk: TcpSock): void {
  pushPendingFrames(sk);
  if (sk.noSpace) checkSpace(sk);
}

/** @kernel tcp_check_space — net/ipv4/tcp_input.c, 7.3 */
function checkSpace(sk: TcpSock): void {
  expandSndbuf(sk);
  if (!hasRoom(sk)) return;
  sk.noSpace = false;
  sk.listener?.writable(sk);
}

/** Whether at least a third of the buffer is free. @kernel sk_stream_is_writeable — include/net/sock.h, 7.3 */
export function hasRoom(sk: TcpSock): boolean {
  const free = sk.sndbuf - sk.wmemQueued;
  return free >= sk.wmemQueued >> 1 && free > 0 && isBelowNotsentLowat(sk, 2);
}

/** Whether a new skb may be begun. @kernel sk_stream_memory_free — include/net/sock.h, 7.3 */
export function mayQueueMore(sk: TcpSock): boolean {
  return sk.wmemQueued < sk.sndbuf && isBelowNotsentLowat(sk, 1);
}

/**
 * TCP_NOTSENT_LOWAT: what is not sent yet can still be changed by the application, so keep it little.
 *
 * @param times - who sleeps is woken when no more than half is left.
 * @kernel tcp_stream_memory_free — net/ipv4/tcp.c, 7.3
 */
function isBelowNotsentLowat(sk: TcpSock, times: number): boolean {
  const lowat = sk.notsentLowat === 0 ? sk.stack.sysctl.tcpNotsentLowat : sk.notsentLowat >>> 0;
  return ((sk.writeSeq - sk.sndNxt) >>> 0) * times < lowat;
}

/** As poll asks: a "no" is remembered, so that the listener hears when it becomes a "yes". @kernel tcp_poll — net/ipv4/tcp.c, 7.3 */
export function isWriteable(sk: TcpSock): boolean {
  if ((sk.shutdownMask & SEND_SHUTDOWN) !== 0 || hasRoom(sk)) return true;
  sk.noSpace = true;
  return false;
}

/** Lets the send buffer hold two congestion windows. @kernel tcp_sndbuf_expand — net/ipv4/tcp_input.c, 7.3 */
export function expandSndbuf(sk: TcpSock): void {
  if (sk.sndbufLocked) return;
  const perMss = Math.max(sk.options.mssClamp, sk.mssCache) + 320 + SKB_TRUESIZE_EMPTY;
  const segments = Math.max(TCP_INIT_CWND, sk.cong.cwnd, sk.reordering + 1);
  const wanted = 2 * segments * perMss;
  if (sk.sndbuf < wanted) sk.sndbuf = Math.min(wanted, sk.stack.sysctl.tcpWmemMax);
}
