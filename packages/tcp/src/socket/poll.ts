import { POLL } from '@netmem/uapi';
import type { TcpSock } from '../tcp/tcp-sock.ts';
import {
  RCV_SHUTDOWN,
  SEND_SHUTDOWN,
  SHUTDOWN_MASK,
  TCP_CLOSE,
  TCP_LISTEN,
  TCP_SYN_RECV,
  TCP_SYN_SENT,
} from '../tcp/tcp-states.ts';
import { TCP_URG_VALID } from '../tcp/urgent.ts';
import type { SocketHandle } from './handle.ts';

/** What `poll` reports for a descriptor, as POLL bits. */
export function pollMask(handle: SocketHandle): number {
  if (handle.tcp !== null) return tcpPoll(handle.tcp);
  const udp = handle.udp;
  if (udp === null) return 0;
  return (udp.receiveQueue.peek() === null ? 0 : POLL.IN) | (udp.error === 0 ? 0 : POLL.ERR) | POLL.OUT;
}

/** @kernel tcp_poll — net/ipv4/tcp.c, 7.3 */
function tcpPoll(sock: TcpSock): number {
  if (sock.state === TCP_LISTEN) return sock.acceptQueueLength > 0 ? POLL.IN : 0;
  let mask = 0;
  if (sock.shutdownMask === SHUTDOWN_MASK || sock.state === TCP_CLOSE) mask |= POLL.HUP;
  if ((sock.shutdownMask & RCV_SHUTDOWN) !== 0) mask |= POLL.IN | POLL.RDHUP;
  if (sock.state !== TCP_SYN_SENT && sock.state !== TCP_SYN_RECV) {
    if (((sock.rcvNxt - sock.copiedSeq) | 0) >= sock.rcvlowat) mask |= POLL.IN;
    if ((sock.shutdownMask & SEND_SHUTDOWN) !== 0 || sock.writeable) mask |= POLL.OUT;
    if ((sock.urgData & TCP_URG_VALID) !== 0) mask |= POLL.PRI;
  }
  return sock.error === 0 ? mask : mask | POLL.ERR;
}
