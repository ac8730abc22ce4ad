/** bind(2) and the choice of ports. @kernel __inet_bind — net/ipv4/af_inet.c, 7.3 */
import { AF_INET, EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EINVAL } from '@netmem/uapi';
import type { InetAddress } from '../stack/inet-address.ts';
import type { TcpSock } from './tcp-sock.ts';
import { TCP_CLOSE } from './tcp-states.ts';

/** @see TcpSock.bind */
export function bindSock(sk: TcpSock, address: InetAddress, port: number): number {
  const stack = sk.stack;
  if (sk.family === AF_INET && !address.isV4) return -EAFNOSUPPORT;
  if (sk.v6only && address.isV4 && !address.isAny) return -EINVAL;
  const { addresses } = stack;
  // Nothing can arrive there, but Linux lets it be bound, and a socket that connects takes the device's address then.
  const shared = address.isV4 && (address.isMulticast || addresses.isBroadcast4(address.w3));
  if (!address.isAny && !shared && !addresses.isLocal(address)) return -EADDRNOTAVAIL;
  if (sk.state !== TCP_CLOSE || sk.localPort !== 0) return -EINVAL;
  const result = takePort(sk, address, port);
  if (result < 0) return result;
  sk.localAddress.copyFrom(address);
  sk.boundAddress = !address.isAny && !shared;
  sk.boundPort = true;
  return 0;
}

/** Takes `port`, or a free one for 0. @returns 0, -EADDRINUSE. @kernel inet_csk_get_port — net/ipv4/inet_connection_sock.c, 7.3 */
export function takePort(sk: TcpSock, address: InetAddress, port: number): number {
  const { ports } = sk.stack.tcp;
  let chosen = port;
  if (port === 0) {
    const { ipLocalPortMin, ipLocalPortMax } = sk.stack.sysctl;
    const range = ipLocalPortMax - ipLocalPortMin + 1;
    const first = sk.stack.random.below(range);
    for (let i = 0; i < range && chosen === 0; i++) {
      const candidate = ipLocalPortMin + ((first + i) % range);
      if (!ports.conflicts(sk, address, candidate)) chosen = candidate;
    }
    if (chosen === 0) return -EADDRINUSE;
  } else if (ports.conflicts(sk, address, port)) {
    return -EADDRINUSE;
  }
  sk.localPort = chosen;
  ports.add(sk);
  return 0;
}
