import { EALREADY, ECONNABORTED, EINPROGRESS, EINVAL, EISCONN, SHUT_RD, SHUT_RDWR } from '@netmem/uapi';
import type { InetAddress } from '../stack/inet-address.ts';
import type { TcpSock } from '../tcp/tcp-sock.ts';
import { TCP_CLOSE, TCP_LISTEN, TCP_SYN_RECV, TCP_SYN_SENT } from '../tcp/tcp-states.ts';
import { type SocketHandle, SS_CONNECTED, SS_CONNECTING, SS_DISCONNECTING, SS_UNCONNECTED } from './handle.ts';

/**
 * Starts a connection, or says how the one under way does. `address` is a negative errno when it could not be read: looked at only where Linux looks
 * at the address.
 *
 * @returns -EINPROGRESS the SYN is out; 0 established, told once; -EALREADY still under way; -EISCONN; -EINVAL shut down while connecting; why the
 * connection failed, -ECONNABORTED when nobody knows, after which the socket can connect again; what `TcpSock.connect` says.
 * @kernel __inet_stream_connect — net/ipv4/af_inet.c, 7.3
 */
export function streamConnect(handle: SocketHandle, tcp: TcpSock, address: InetAddress | number, port: number): number {
  let pending = -EALREADY;
  switch (handle.state) {
    case SS_CONNECTED:
      return -EISCONN;
    case SS_CONNECTING:
      break;
    case SS_UNCONNECTED: {
      if (tcp.state !== TCP_CLOSE) return -EISCONN;
      if (typeof address === 'number') return address;
      const error = tcp.connect(address, port);
      if (error < 0) return error;
      handle.state = SS_CONNECTING;
      pending = -EINPROGRESS;
      break;
    }
    default:
      return -EINVAL;
  }
  if (tcp.state === TCP_SYN_SENT || tcp.state === TCP_SYN_RECV) return pending;
  if (tcp.state !== TCP_CLOSE) {
    handle.state = SS_CONNECTED;
    return 0;
  }
  const error = tcp.takeError() || -ECONNABORTED;
  disconnect(handle, tcp);
  return error;
}

/** `connect` to AF_UNSPEC: back to an unconnected socket. @returns 0 or what `TcpSock.disconnect` says. */
export function disconnect(handle: SocketHandle, tcp: TcpSock): number {
  const error = tcp.disconnect();
  handle.state = error < 0 ? SS_DISCONNECTING : SS_UNCONNECTED;
  return error;
}

/** @returns 0; -EINVAL a bad `how`; -ENOTCONN. @kernel inet_shutdown — net/ipv4/af_inet.c, 7.3 */
export function streamShutdown(handle: SocketHandle, tcp: TcpSock, how: number): number {
  if (!(how >= SHUT_RD && how <= SHUT_RDWR)) return -EINVAL;
  const before = tcp.state;
  if (handle.state === SS_CONNECTING) {
    const underWay = before === TCP_SYN_SENT || before === TCP_SYN_RECV || before === TCP_CLOSE;
    handle.state = underWay ? SS_DISCONNECTING : SS_CONNECTED;
  }
  const result = tcp.shutdown(how);
  // The protocol disconnects a connect that is under way, and a listener that will not receive any more.
  if ((before === TCP_SYN_SENT || before === TCP_LISTEN) && tcp.state === TCP_CLOSE) handle.state = SS_UNCONNECTED;
  return result;
}
