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
import type { UdpSock } from '../udp/udp-sock.ts';
import { skBusyLoop } from './busy-poll.ts';
import type { SocketHandle } from './handle.ts';

/** What `poll` reports for a descriptor, as POLL bits. */
export function pollMask(handle: SocketHandle): number {
  const inet = handle.tcp ?? handle.udp;
  if (inet !== null && inet.stack.sysctl.busyPoll > 0) skBusyLoop(inet);
  if (handle.tcp !== null) return tcpPoll(handle.tcp);
  if (handle.udp !== null) return datagramPoll(handle.udp);
  return handle.unix === null ? 0 : handle.unix.poll();
}

/** @kernel tcp_poll — net/ipv4/tcp.c, 7.3 */
function tcpPoll(sock: TcpSock): number {
  if (sock.state === TCP_LISTEN) return sock.acceptQueueLength > 0 ? POLL.IN : 0;
  let mask = 0;
  if (sock.shutdownMask === SHUTDOWN_MASK || sock.state === TCP_CLOSE) mask |= POLL.HUP;
  if ((sock.shutdownMask & RCV_SHUTDOWN) !== 0) mask |= POLL.IN | POLL.RDHUP;
  if (sock.state !== TCP_SYN_SENT && sock.state !== TCP_SYN_RECV) {
    if (isReadable(sock)) mask |= POLL.IN;
    if ((sock.shutdownMask & SEND_SHUTDOWN) !== 0 || sock.writeable) mask |= POLL.OUT;
    if ((sock.urgData & TCP_URG_VALID) !== 0) mask |= POLL.PRI;
  }
  return sock.error === 0 ? mask : mask | POLL.ERR;
}

/**
 * Whether as much is there as SO_RCVLOWAT asks for, or so much that no more will come.
 *
 * @kernel tcp_epollin_ready — include/net/tcp.h, 7.3
 */
function isReadable(sock: TcpSock): boolean {
  const available = (sock.rcvNxt - sock.copiedSeq) | 0;
  if (available <= 0) return false;
  // The urgent byte counts as received, but a read does not return it.
  const skipsUrgent = sock.urgData !== 0 && sock.urgSeq === sock.copiedSeq && !sock.oobInline;
  const target = Math.max(1, sock.rcvlowat) + (skipsUrgent ? 1 : 0);
  return available >= target || isBufferTight(sock) || sock.wnd.remaining(sock.rcvNxt) <= sock.ack.rcvMss;
}

/** Seven eighths of the receive buffer are taken. @kernel tcp_rmem_pressure — include/net/tcp.h, 7.3 */
function isBufferTight(sock: TcpSock): boolean {
  return sock.rmemAlloc > sock.rcvbuf - (sock.rcvbuf >> 3);
}

/** @kernel datagram_poll — net/core/datagram.c, 7.3 */
function datagramPoll(sock: UdpSock): number {
  let mask = sock.error === 0 ? 0 : POLL.ERR;
  if ((sock.shutdownMask & RCV_SHUTDOWN) !== 0) mask |= POLL.RDHUP | POLL.IN;
  if (sock.shutdownMask === SHUTDOWN_MASK) mask |= POLL.HUP;
  if (sock.receiveQueue.peek() !== null) mask |= POLL.IN;
  if (sock.wmemAlloc * 2 <= sock.sndbuf) mask |= POLL.OUT;
  return mask;
}
