import type { NetmemTable } from '@netmem/netmem';
import {
  AF_INET6,
  AF_UNIX,
  EBADF,
  EFAULT,
  EINVAL,
  ENOPROTOOPT,
  EOPNOTSUPP,
  IP,
  IPPROTO,
  IPV6,
  SO,
  SO_DEVMEM_DONTNEED,
  SOL_SOCKET,
  TCP,
  UDP,
} from '@netmem/uapi';
import { sockDevmemDontneed } from '../devmem/dontneed.ts';
import type { DevmemCounters } from '../devmem/recvmsg-dmabuf.ts';
import type { Sysctl } from '../stack/sysctl.ts';
import { setKeepalive } from '../tcp/keepalive.ts';
import type { TcpSock } from '../tcp/tcp-sock.ts';
import { TCP_LISTEN } from '../tcp/tcp-states.ts';
import type { UdpSock } from '../udp/udp-sock.ts';
import { busyPollOption, setBusyPollOption } from './busy-poll.ts';
import type { SocketHandle } from './handle.ts';
import { keepOption, keptOption, SOCK_MIN_RCVBUF, SOCK_MIN_SNDBUF, storedBuffer } from './kept-options.ts';
import { getCongestion, getTcpOption, setTcpOption } from './tcp-options.ts';
import { setTimestampingOption, timestampingFlags } from './timestamping-options.ts';

const INT_BYTES = 4;
const LINGER_BYTES = 8;
const INT_MAX = 0x7fffffff;
/** @kernel INET_ECN_MASK — include/net/inet_ecn.h, 7.3 */
const INET_ECN_MASK = 3;

/** What the option functions need of a stack. */
export interface OptionContext {
  readonly sysctl: Sysctl;
  readonly netmem: NetmemTable;
  readonly counters: DevmemCounters;
}

type InetSock = TcpSock | UdpSock;

/**
 * `setsockopt` after the descriptor was found.
 *
 * The order of checks is Linux's: a negative length; for level SOL_SOCKET a length below 4 (EINVAL), then four unreadable bytes (EFAULT), both before
 * anybody asks what kind of socket it is. Only MPTCP sorts options out before it looks at the value.
 *
 * @param value - The caller's memory; what lies behind its end is not mapped. Null: nothing is.
 * @param optlen - As the caller states it, negative and oversized values included.
 * @returns 0, or for SO_DEVMEM_DONTNEED the number of tokens released; -EINVAL, -EFAULT, -EBADF, -ENOPROTOOPT, -EOPNOTSUPP.
 * @kernel sk_setsockopt — net/core/sock.c, 7.3 (partial: options listed in `SO`, `TCP`, `IP` and `IPV6`)
 */
export function setSocketOption(
  context: OptionContext,
  handle: SocketHandle,
  level: number,
  name: number,
  value: Uint8Array | null,
  optlen: number,
): number {
  const length = optlen | 0;
  if (length < 0) return -EINVAL;
  if (level === SOL_SOCKET) return setSolSocket(context, handle, name, value, length);
  if (handle.family === AF_UNIX) return -EOPNOTSUPP;
  if (level === IPPROTO.TCP && handle.tcp !== null) return setTcpOption(handle, handle.tcp, name, value, length);
  if (level === IPPROTO.UDP && handle.udp !== null) return setUdp(handle.udp, name, value, length);
  const sock = handle.tcp ?? handle.udp;
  if (sock === null) return -ENOPROTOOPT;
  if (level === IPPROTO.IP) return setIp(sock, name, value, length);
  return level === IPPROTO.IPV6 && handle.family === AF_INET6 ? setIpv6(sock, name, value, length) : -ENOPROTOOPT;
}

function setSolSocket(
  context: OptionContext,
  handle: SocketHandle,
  name: number,
  value: Uint8Array | null,
  length: number,
): number {
  // @kernel mptcp_setsockopt_sol_socket: what is not in its list is refused before anything else.
  if (handle.other === 'mptcp' && (name === SO_DEVMEM_DONTNEED || name === SO.ZEROCOPY)) return -EOPNOTSUPP;
  if (length < INT_BYTES) return -EINVAL;
  if (value === null || value.length < INT_BYTES) return -EFAULT;
  if (name === SO_DEVMEM_DONTNEED) return dontneed(context, handle, value, length);
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const int = view.getInt32(0, true);
  switch (name) {
    case SO.TIMESTAMPING:
    case SO.TIMESTAMPING_NEW:
      return setTimestampingOption(handle, name, view, length);
    case SO.LINGER:
      return setLinger(handle, view, length);
    case SO.ZEROCOPY:
      if (handle.tcp === null && handle.udp === null) return -EOPNOTSUPP;
      if (int < 0 || int > 1) return -EINVAL;
      handle.zerocopy = int === 1;
      return 0;
    case SO.TYPE:
    case SO.PROTOCOL:
    case SO.DOMAIN:
    case SO.ERROR:
      return -ENOPROTOOPT;
  }
  const polling = setBusyPollOption(handle, name, int);
  if (polling !== -ENOPROTOOPT) return polling;
  const sock = handle.tcp ?? handle.udp;
  const result = sock === null ? -ENOPROTOOPT : setCommon(context.sysctl, sock, name, int);
  return result === -ENOPROTOOPT ? keepOption(context.sysctl, handle, name, int) : result;
}

/** @kernel sock_devmem_dontneed — net/core/sock.c, 7.3 */
function dontneed(context: OptionContext, handle: SocketHandle, tokens: Uint8Array, length: number): number {
  if (handle.tcp === null) return -EBADF;
  const released = sockDevmemDontneed(handle.tokens, context.netmem, tokens, length);
  if (released > 0) context.counters.tokensReleased += released;
  return released;
}

function setLinger(handle: SocketHandle, view: DataView, length: number): number {
  if (length < LINGER_BYTES) return -EINVAL;
  if (view.byteLength < LINGER_BYTES) return -EFAULT;
  handle.lingerNs = view.getInt32(0, true) === 0 ? -1 : view.getUint32(4, true) * 1e9;
  return 0;
}

function setCommon(sysctl: Sysctl, sock: InetSock, name: number, int: number): number {
  switch (name) {
    case SO.REUSEADDR:
      sock.reuseAddress = int !== 0;
      return 0;
    case SO.REUSEPORT:
      sock.reusePort = int !== 0;
      return 0;
    case SO.RCVBUF:
      // Compared as u32: a negative value asks for the most there is.
      setReceiveBuffer(sock, Math.min(int >>> 0, sysctl.rmemMax));
      return 0;
    case SO.RCVBUFFORCE:
      setReceiveBuffer(sock, Math.max(0, int));
      return 0;
    case SO.SNDBUF:
      setSendBuffer(sock, Math.min(int >>> 0, sysctl.wmemMax));
      return 0;
    case SO.SNDBUFFORCE:
      setSendBuffer(sock, Math.max(0, int));
      return 0;
  }
  if (!('keepalive' in sock)) return -ENOPROTOOPT;
  switch (name) {
    case SO.KEEPALIVE:
      setKeepalive(sock, int !== 0);
      return 0;
    case SO.OOBINLINE:
      sock.oobInline = int !== 0;
      return 0;
    case SO.RCVLOWAT:
      setReceiveLowWater(sysctl, sock, int);
      return 0;
    default:
      return -ENOPROTOOPT;
  }
}

/** The buffer holds bookkeeping as well, hence twice what was asked. @kernel __sock_set_rcvbuf — net/core/sock.c, 7.3 */
function setReceiveBuffer(sock: InetSock, bytes: number): void {
  sock.rcvbuf = storedBuffer(bytes, SOCK_MIN_RCVBUF);
  if ('rcvbufLocked' in sock) sock.rcvbufLocked = true;
}

function setSendBuffer(sock: InetSock, bytes: number): void {
  sock.sndbuf = storedBuffer(bytes, SOCK_MIN_SNDBUF);
  if (!('sndbufLocked' in sock)) return;
  sock.sndbufLocked = true;
  // Whoever waits for room may have it now.
  sock.listener?.writable(sock);
}

/** @kernel tcp_set_rcvlowat — net/ipv4/tcp.c, 7.3 */
function setReceiveLowWater(sysctl: Sysctl, sock: TcpSock, int: number): void {
  // More than half the buffer would never be there at once.
  const cap = (sock.rcvbufLocked ? sock.rcvbuf : sysctl.tcpRmemMax) >> 1;
  const bytes = Math.min(int < 0 ? INT_MAX : int, cap);
  sock.rcvlowat = Math.max(1, bytes);
  sock.listener?.readable(sock);
  if (sock.rcvbufLocked) return;
  const space = sock.wnd.spaceFor(bytes);
  if (space <= sock.rcvbuf) return;
  sock.rcvbuf = space;
  if (sock.wnd.clamp > 0 && sock.wnd.clamp < bytes) sock.wnd.clamp = bytes;
}

/** @kernel udp_lib_setsockopt — net/ipv4/udp.c, 7.3 (partial: UDP_CORK) */
function setUdp(sock: UdpSock, name: number, value: Uint8Array | null, length: number): number {
  if (length < INT_BYTES) return -EINVAL;
  if (value === null || value.length < INT_BYTES) return -EFAULT;
  if (name !== UDP.CORK) return -ENOPROTOOPT;
  sock.cork = readIntOrByte(value, length) !== 0;
  // Whether what was gathered could leave, nobody is told.
  if (!sock.cork) sock.pushPending();
  return 0;
}

/** @kernel do_ip_setsockopt — net/ipv4/ip_sockglue.c, 7.3 (partial: IP_TTL and IP_TOS) */
function setIp(sock: InetSock, name: number, value: Uint8Array | null, length: number): number {
  if (name !== IP.TTL && name !== IP.TOS) return -ENOPROTOOPT;
  if (length >= 1 && (value === null || value.length < Math.min(length, INT_BYTES))) return -EFAULT;
  const int = value === null || length < 1 ? 0 : readIntOrByte(value, length);
  if (name === IP.TOS) {
    // The ECN bits of a stream are the protocol's. @kernel __ip_sock_set_tos — net/ipv4/ip_sockglue.c, 7.3
    sock.tos = 'keepalive' in sock ? (int & 0xff & ~INET_ECN_MASK) | (sock.tos & INET_ECN_MASK) : int & 0xff;
    return 0;
  }
  if (length < 1 || (int !== -1 && (int < 1 || int > 255))) return -EINVAL;
  sock.ttl = int;
  return 0;
}

/** An int, or a byte where the caller gave no more. */
function readIntOrByte(value: Uint8Array, length: number): number {
  if (length < INT_BYTES) return value[0] as number;
  return new DataView(value.buffer, value.byteOffset, value.byteLength).getInt32(0, true);
}

/** @kernel do_ipv6_setsockopt — net/ipv6/ipv6_sockglue.c, 7.3 (partial: IPV6_V6ONLY and IPV6_UNICAST_HOPS) */
function setIpv6(sock: InetSock, name: number, value: Uint8Array | null, length: number): number {
  if (name !== IPV6.V6ONLY && name !== IPV6.UNICAST_HOPS) return -ENOPROTOOPT;
  if (value !== null && length >= INT_BYTES && value.length < INT_BYTES) return -EFAULT;
  if (length < INT_BYTES) return -EINVAL;
  // No memory at all is a 0, at this level alone.
  const int = value === null ? 0 : readIntOrByte(value, length);
  if (name === IPV6.V6ONLY) {
    if (sock.localPort !== 0) return -EINVAL;
    sock.v6only = int !== 0;
    return 0;
  }
  if (int < -1 || int > 255) return -EINVAL;
  sock.hopLimit = int;
  return 0;
}

/**
 * `getsockopt` after the descriptor was found: writes the value, little endian, clipped to the room there is.
 *
 * @returns bytes written; -ENOPROTOOPT for what cannot be got, the three devmem options among it; -EOPNOTSUPP for a level the socket does not have,
 * where Linux does not say -ENOPROTOOPT, as on IPv6 sockets.
 * @kernel sk_getsockopt — net/core/sock.c, 7.3 (partial: options listed in `SO`, `TCP`, `IP` and `IPV6`)
 */
export function getSocketOption(
  context: OptionContext,
  handle: SocketHandle,
  level: number,
  name: number,
  value: Uint8Array,
): number {
  if (level === SOL_SOCKET && name === SO.LINGER) {
    const on = handle.lingerNs >= 0 ? 1 : 0;
    return writeInts(value, [on, on === 1 ? handle.lingerNs / 1e9 : 0]);
  }
  if (level === SOL_SOCKET && (name === SO.TIMESTAMPING || name === SO.TIMESTAMPING_NEW)) {
    return writeInts(value, [timestampingFlags(handle, name), 0]);
  }
  if (!hasLevel(handle, level)) return handle.family === AF_INET6 ? -ENOPROTOOPT : -EOPNOTSUPP;
  if (level === IPPROTO.TCP && name === TCP.CONGESTION && handle.tcp !== null) return getCongestion(handle.tcp, value);
  const int =
    level === SOL_SOCKET ? getSolSocket(context.sysctl, handle, name) : getProtocol(context, handle, level, name);
  if (int === null) return -ENOPROTOOPT;
  if (level !== IPPROTO.IP || value.length === 0 || value.length >= INT_BYTES || int < 0)
    return writeInts(value, [int]);
  // Who has no room for an int gets a byte. @kernel do_ip_getsockopt — net/ipv4/ip_sockglue.c, 7.3
  value[0] = int;
  return 1;
}

/** Whether anybody looks at options of a level: on IPv6 sockets also IPv4's. */
function hasLevel(handle: SocketHandle, level: number): boolean {
  if (level === SOL_SOCKET) return true;
  if (handle.family === AF_UNIX) return false;
  if (level === IPPROTO.IPV6) return handle.family === AF_INET6;
  return (
    level === IPPROTO.IP ||
    (level === IPPROTO.TCP && handle.tcp !== null) ||
    (level === IPPROTO.UDP && handle.udp !== null)
  );
}

function writeInts(value: Uint8Array, ints: readonly number[]): number {
  const encoded = new Uint8Array(Int32Array.from(ints).buffer);
  const length = Math.min(value.length, encoded.length);
  value.set(encoded.subarray(0, length));
  return length;
}

function getSolSocket(sysctl: Sysctl, handle: SocketHandle, name: number): number | null {
  const sock = handle.tcp ?? handle.udp;
  switch (name) {
    case SO.TYPE:
      return handle.type;
    case SO.PROTOCOL:
      return handle.protocol;
    case SO.DOMAIN:
      return handle.family;
    case SO.ACCEPTCONN:
      return handle.tcp?.state === TCP_LISTEN ? 1 : 0;
    case SO.ZEROCOPY:
      return handle.zerocopy ? 1 : 0;
    case SO.ERROR:
      return sock === null ? 0 : takeAnyError(sock);
    case SO.INCOMING_NAPI_ID:
      return sock?.napiId ?? 0;
  }
  return (
    (sock === null ? null : getCommon(sock, name)) ?? busyPollOption(handle, name) ?? keptOption(sysctl, handle, name)
  );
}

/** What `setCommon` sets. */
function getCommon(sock: InetSock, name: number): number | null {
  switch (name) {
    case SO.REUSEADDR:
      return Number(sock.reuseAddress);
    case SO.REUSEPORT:
      return Number(sock.reusePort);
    case SO.RCVBUF:
      return sock.rcvbuf;
    case SO.SNDBUF:
      return sock.sndbuf;
  }
  if (!('keepalive' in sock)) return null;
  switch (name) {
    case SO.KEEPALIVE:
      return Number(sock.keepalive);
    case SO.OOBINLINE:
      return Number(sock.oobInline);
    case SO.RCVLOWAT:
      return sock.rcvlowat;
    default:
      return null;
  }
}

/** SO_ERROR also tells, once, of an ICMP error that did not end the connection. */
function takeAnyError(sock: InetSock): number {
  const error = -sock.takeError();
  if (error !== 0 || !('errorSoft' in sock)) return error;
  const soft = sock.errorSoft;
  sock.errorSoft = 0;
  return soft;
}

function getProtocol(context: OptionContext, handle: SocketHandle, level: number, name: number): number | null {
  const sock = handle.tcp ?? handle.udp;
  if (sock === null) return null;
  const { ipDefaultTtl } = context.sysctl;
  const ttl = sock.ttl < 0 ? ipDefaultTtl : sock.ttl;
  const hops = sock.hopLimit < 0 ? ipDefaultTtl : sock.hopLimit;
  if (level === IPPROTO.IP) return name === IP.TTL ? ttl : name === IP.TOS ? sock.tos : null;
  if (level === IPPROTO.IPV6 && handle.family === AF_INET6) {
    return name === IPV6.V6ONLY ? Number(sock.v6only) : name === IPV6.UNICAST_HOPS ? hops : null;
  }
  if (level === IPPROTO.UDP && handle.udp !== null) return name === UDP.CORK ? Number(handle.udp.cork) : null;
  if (level !== IPPROTO.TCP || handle.tcp === null) return null;
  return getTcpOption(context.sysctl, handle, handle.tcp, name);
}
