/** How connections end: resets, errors, and giving everything back. */
import { SKB_DROP_REASON } from '@netmem/netdev';
import { ECONNREFUSED, ECONNRESET, EPIPE, ETIMEDOUT } from '@netmem/uapi';
import { replaceFlags } from '../stack/timestamping.ts';
import { acceptableSeq, transmitBare } from './segment.ts';
import type { TcpSock } from './tcp-sock.ts';
import {
  SHUTDOWN_MASK,
  TCP_CLOSE,
  TCP_CLOSE_WAIT,
  TCP_ESTABLISHED,
  TCP_FIN_WAIT1,
  TCP_FIN_WAIT2,
  TCP_LISTEN,
  TCP_SYN_RECV,
  TCP_SYN_SENT,
  TCPHDR_ACK,
  TCPHDR_RST,
} from './tcp-states.ts';
import { purgeWriteQueues } from './write-queue.ts';
import { clearXmitTimer } from './xmit-timer.ts';

/** Changes the state and the gauges that follow it. @kernel tcp_set_state — net/ipv4/tcp.c, 7.3 */
export function setState(sk: TcpSock, state: number): void {
  const old = sk.state;
  const stats = sk.stack.stats;
  const counted = old === TCP_ESTABLISHED || old === TCP_CLOSE_WAIT;
  const counts = state === TCP_ESTABLISHED || state === TCP_CLOSE_WAIT;
  if (counts && !counted) stats.TcpCurrEstab++;
  if (counted && !counts) stats.TcpCurrEstab--;
  if (state === TCP_CLOSE && counted) stats.TcpEstabResets++;
  sk.state = state;
  if (state === TCP_CLOSE) sk.stack.tcp.unhash(sk);
}

/** The protocol is finished with the sock: closed, and freed if the user is gone too. @kernel tcp_done — net/ipv4/tcp.c, 7.3 */
export function doneSock(sk: TcpSock): void {
  if (sk.state === TCP_SYN_SENT || sk.state === TCP_SYN_RECV) sk.stack.stats.TcpAttemptFails++;
  setState(sk, TCP_CLOSE);
  clearXmitTimer(sk);
  sk.delackTimer.del();
  sk.sockTimer.del();
  sk.shutdownMask = SHUTDOWN_MASK;
  if (sk.dead) destroySock(sk);
  else sk.listener?.stateChanged(sk);
}

/** Gives back ports, queues, timers and the user's tables. Once. @kernel inet_csk_destroy_sock — net/ipv4/inet_connection_sock.c, 7.3 */
export function destroySock(sk: TcpSock): void {
  if (sk.destroyedOnce) return;
  sk.destroyedOnce = true;
  sk.state = TCP_CLOSE;
  sk.stack.tcp.unhash(sk);
  sk.stack.tcp.unbind(sk);
  sk.retransmitTimer.del();
  sk.delackTimer.del();
  sk.sockTimer.del();
  purgeReceiveQueues(sk);
  purgeWriteQueues(sk);
  replaceFlags(sk, 0);
  const listener = sk.listener;
  sk.listener = null;
  listener?.destroyed(sk);
  sk.stack.tcp.sockDestroyed();
}

/** Frees what was received and not read. */
export function purgeReceiveQueues(sk: TcpSock): void {
  sk.receiveQueue.purge(SKB_DROP_REASON.NOT_SPECIFIED);
  purgeOfo(sk);
  sk.rmemAlloc = 0;
}

/** Frees what waits out of order. */
export function purgeOfo(sk: TcpSock): void {
  while (sk.ofo.length > 0) {
    const skb = sk.ofo.remove(0);
    sk.rmemAlloc -= skb.truesize;
    skb.free(SKB_DROP_REASON.NOT_SPECIFIED);
  }
}

/** Sets the error that the next call of the application finds. */
export function setError(sk: TcpSock, error: number): void {
  sk.error = error;
}

/** The peer reset the connection. @kernel tcp_reset — net/ipv4/tcp_input.c, 7.3 */
export function resetReceived(sk: TcpSock): void {
  if (sk.state === TCP_CLOSE) return;
  let error = ECONNRESET;
  if (sk.state === TCP_SYN_SENT) error = ECONNREFUSED;
  else if (sk.state === TCP_CLOSE_WAIT) error = EPIPE;
  setError(sk, error);
  purgeWriteQueues(sk);
  doneSock(sk);
}

/** Gives up after too many retransmissions. @kernel tcp_write_err — net/ipv4/tcp_timer.c, 7.3 */
export function writeError(sk: TcpSock): void {
  setError(sk, sk.errorSoft !== 0 ? sk.errorSoft : ETIMEDOUT);
  sk.stack.stats.TcpExtTCPAbortOnTimeout++;
  purgeWriteQueues(sk);
  doneSock(sk);
}

/** Sends RST for a live connection. @kernel tcp_send_active_reset — net/ipv4/tcp_output.c, 7.3 */
export function sendActiveReset(sk: TcpSock): void {
  sk.stack.stats.TcpOutRsts++;
  if (transmitBare(sk, TCPHDR_ACK | TCPHDR_RST, acceptableSeq(sk)) < 0) sk.stack.stats.TcpExtTCPAbortFailed++;
}

/** Whether a peer would know what a RST is about. @kernel tcp_need_reset — net/ipv4/tcp.c, 7.3 */
export function needsReset(state: number): boolean {
  return (
    state === TCP_ESTABLISHED ||
    state === TCP_CLOSE_WAIT ||
    state === TCP_FIN_WAIT1 ||
    state === TCP_FIN_WAIT2 ||
    state === TCP_SYN_RECV
  );
}

/** Ends the connection from this side with RST. @kernel tcp_abort — net/ipv4/tcp.c, 7.3 */
export function abortSock(sk: TcpSock, error: number): void {
  if (sk.state === TCP_CLOSE) return;
  if (sk.state === TCP_LISTEN) {
    sk.stack.tcp.stopListening(sk);
    doneSock(sk);
    return;
  }
  setError(sk, error);
  if (needsReset(sk.state)) sendActiveReset(sk);
  purgeWriteQueues(sk);
  doneSock(sk);
}
