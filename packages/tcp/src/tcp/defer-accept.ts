/**
 * TCP_DEFER_ACCEPT: a listener that serves only who speaks first. The ACK that would complete the handshake is dropped, so that the first data do it; who
 * stays silent is asked again at the end, and accepted then all the same. The time is kept as a number of SYN|ACKs, which come ever more seldom.
 */
import type { RequestSock } from './request.ts';
import { TCP_TIMEOUT_INIT_MS } from './rtt.ts';
import type { TcpSock } from './tcp-sock.ts';

/** Most that the count holds: it is a byte. */
const MAX_RETRANS = 255;
const FIRST_S: number = TCP_TIMEOUT_INIT_MS / 1000;
/** Longest time between two SYN|ACKs. @kernel TCP_RTO_MAX — include/net/tcp.h, 7.3 */
const TCP_RTO_MAX_S = 120;

/** SYN|ACKs that `seconds` take. @kernel secs_to_retrans — net/ipv4/tcp.c, 7.3 */
export function secsToRetrans(seconds: number): number {
  if (seconds <= 0) return 0;
  let count = 1;
  let interval = FIRST_S;
  for (let period = interval; seconds > period && count < MAX_RETRANS; period += interval) {
    count++;
    interval = Math.min(interval * 2, TCP_RTO_MAX_S);
  }
  return count;
}

/** Seconds that so many SYN|ACKs take. @kernel retrans_to_secs — net/ipv4/tcp.c, 7.3 */
export function retransToSecs(count: number): number {
  let period = 0;
  let interval = FIRST_S;
  for (let i = 0; i < count; i++) {
    period += interval;
    interval = Math.min(interval * 2, TCP_RTO_MAX_S);
  }
  return period;
}

/** SYN|ACKs that may stay without an answer. */
function mostTimeouts(listener: TcpSock): number {
  return listener.synRetries > 0 ? listener.synRetries : listener.stack.sysctl.tcpSynackRetries;
}

/** Whether the bare ACK of a handshake is to be dropped. */
export function defersAccept(request: RequestSock): boolean {
  return request.timeouts < request.listener.deferAccept;
}

/** The timer fired: whether the request is given up. @kernel syn_ack_recalc — net/ipv4/inet_connection_sock.c, 7.3 */
export function isRequestExpired(request: RequestSock): boolean {
  const { deferAccept } = request.listener;
  if (request.timeouts < mostTimeouts(request.listener)) return false;
  return deferAccept === 0 || !request.acked || request.timeouts >= deferAccept;
}

/** Whether another SYN|ACK leaves: not while only data are missing, but once at the end. */
export function isSynAckDue(request: RequestSock): boolean {
  const { deferAccept } = request.listener;
  return deferAccept === 0 || !request.acked || request.timeouts >= deferAccept - 1;
}
