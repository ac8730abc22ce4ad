/** Finding a place for an outgoing connection: a local port, and a four-tuple that nobody has. @kernel __inet_hash_connect — net/ipv4/inet_hashtables.c, 7.3 */
import { EADDRNOTAVAIL } from '@netmem/uapi';
import type { InetAddress } from '../stack/inet-address.ts';
import type { PortTable } from './ports.ts';
import type { TcpSock } from './tcp-sock.ts';
import type { TimeWaitSock } from './timewait.ts';

/**
 * Gives `sk` (remote end set) a local port if it has none, and a place in the table.
 *
 * @returns 0; -EADDRNOTAVAIL the four-tuple is taken, or no port is free.
 */
export function hashConnect(sk: TcpSock): number {
  const stack = sk.stack;
  const tcp = stack.tcp;
  sk.nextIsn = null;
  if (sk.localPort !== 0) return place(sk, true) ? 0 : -EADDRNOTAVAIL;
  const { ipLocalPortMin, ipLocalPortMax } = stack.sysctl;
  const range = ipLocalPortMax - ipLocalPortMin + 1;
  const first = tcp.sequences.portOffset(sk.localAddress, sk.remoteAddress, sk.remotePort) % range;
  const step = stack.random.below(8);
  for (let i = 0; i < range; i++) {
    sk.localPort = ipLocalPortMin + ((first + step + i) % range);
    if (isSharable(tcp.ports, sk.localPort) && place(sk, false)) {
      tcp.ports.add(sk);
      return 0;
    }
  }
  sk.localPort = 0;
  return -EADDRNOTAVAIL;
}

/** Only connections may share a port with a connection; who called bind(2) keeps it alone. */
function isSharable(ports: PortTable, port: number): boolean {
  if (!ports.isUsed(port)) return true;
  for (const holder of ports.holders(port)) if (holder.boundPort) return false;
  return true;
}

/** @param chosen - the user chose the port. @kernel __inet_check_established — net/ipv4/inet_hashtables.c, 7.3 */
function place(sk: TcpSock, chosen: boolean): boolean {
  const { table } = sk.stack.tcp;
  const found = table.lookup(sk.remoteAddress, sk.localAddress, (sk.remotePort << 16) | sk.localPort);
  if (found !== null && (found.timewait === null || !replaceTimeWait(found.timewait, sk, chosen))) return false;
  sk.node.setKey(sk.remoteAddress, sk.remotePort, sk.localAddress, sk.localPort);
  table.insert(sk.node, sk.remoteAddress, sk.localAddress);
  return true;
}

/** RFC 6191: with timestamps a TIME_WAIT may be replaced; by who did not ask for just this port, if that is allowed and it is a second old. @kernel tcp_twsk_unique — net/ipv4/tcp_ipv4.c, 7.3 */
function replaceTimeWait(tw: TimeWaitSock, sk: TcpSock, chosen: boolean): boolean {
  const stack = sk.stack;
  const { tcpTwReuse } = stack.sysctl;
  if (!tw.options.hasTsRecent) return false;
  if (!chosen) {
    if (tcpTwReuse === 0 || (tcpTwReuse === 2 && !isLoopback(tw.localAddress))) return false;
    if (((stack.nowMs - tw.options.tsRecentStampMs) | 0) <= 1000) return false;
  }
  sk.nextIsn = (tw.sndNxt + 65535 + 2) | 0;
  stack.tcp.killTimeWait(tw);
  return true;
}

function isLoopback(address: InetAddress): boolean {
  return address.isV4 ? address.w3 >>> 24 === 127 : address.w3 === 1 && address.w0 === 0;
}
