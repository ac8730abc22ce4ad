import type { Machine } from '@netmem/machine';
import type { NetmemTable } from '@netmem/netmem';
import {
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
} from '@netmem/uapi';
import { sockDevmemDontneed } from '../devmem/dontneed.ts';
import type { DevmemCounters } from '../devmem/recvmsg-dmabuf.ts';
import type { TcpSock } from '../tcp/tcp-sock.ts';
import { TCP_CLOSE, TCP_LISTEN } from '../tcp/tcp-states.ts';
import type { SocketHandle } from './handle.ts';

const INT_BYTES = 4;
/** Smallest buffers Linux stores. @kernel SOCK_MIN_RCVBUF — include/net/sock.h, 7.3 */
const SOCK_MIN_RCVBUF = 2304;
const SOCK_MIN_SNDBUF = 4608;
/** net.core.rmem_max and wmem_max: what SO_RCVBUF and SO_SNDBUF are clipped to before they are doubled. Linux ships 212992; people who receive fast raise it. */
export const SYSCTL_RMEM_MAX: number = 16 * 2 ** 20;
/** As {@link SYSCTL_RMEM_MAX}, for sending. */
export const SYSCTL_WMEM_MAX: number = 16 * 2 ** 20;

/** What the option functions need of a stack. */
export interface OptionContext {
  readonly machine: Machine;
  readonly netmem: NetmemTable;
  readonly counters: DevmemCounters;
}

/**
 * `setsockopt` after the descriptor was found.
 *
 * The order of checks is Linux's: a negative length; for level SOL_SOCKET a length below 4 (EINVAL), then four unreadable bytes (EFAULT), both before
 * anybody asks what kind of socket it is.
 *
 * @returns 0, or for SO_DEVMEM_DONTNEED the number of tokens released; -EINVAL, -EFAULT, -EBADF, -ENOPROTOOPT, -EOPNOTSUPP.
 * @kernel sk_setsockopt — net/core/sock.c, 7.3 (partial: options listed in `SO`, `TCP`, `IP` and `IPV6`)
 */
export function setSocketOption(
  context: OptionContext,
  handle: SocketHandle,
  level: number,
  name: number,
  value: Uint8Array | null,
  length: number,
): number {
  const optlen = length | 0;
  if (optlen < 0) return -EINVAL;
  if (level === SOL_SOCKET) {
    if (optlen < INT_BYTES) return -EINVAL;
    if (value === null || value.length < INT_BYTES) return -EFAULT;
    return setSolSocket(context, handle, name, value, optlen);
  }
  if (handle.tcp !== null && level === IPPROTO.TCP) return setTcp(handle, handle.tcp, name, value, optlen);
  const sock = handle.tcp ?? handle.udp;
  if (sock !== null && (level === IPPROTO.IP || level === IPPROTO.IPV6)) return setIp(sock, level, name, value, optlen);
  return -ENOPROTOOPT;
}

function setSolSocket(
  context: OptionContext,
  handle: SocketHandle,
  name: number,
  value: Uint8Array,
  optlen: number,
): number {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  if (name === SO_DEVMEM_DONTNEED) return dontneed(context, handle, view, optlen);
  const int = view.getInt32(0, true);
  const sock = handle.tcp ?? handle.udp;
  switch (name) {
    case SO.LINGER:
      if (optlen < 8) return -EINVAL;
      if (view.byteLength < 8) return -EFAULT;
      handle.lingerNs = int === 0 ? -1 : Math.max(0, view.getInt32(4, true)) * 1e9;
      return 0;
    case SO.ZEROCOPY:
      if (int < 0 || int > 1) return -EINVAL;
      if (handle.tcp === null && handle.udp === null) return -EOPNOTSUPP;
      handle.zerocopy = int === 1;
      return 0;
    case SO.TYPE:
    case SO.PROTOCOL:
    case SO.DOMAIN:
    case SO.ERROR:
    case SO.ACCEPTCONN:
      return -ENOPROTOOPT;
  }
  return sock === null ? -ENOPROTOOPT : setCommon(sock, name, int);
}

/** @kernel sock_devmem_dontneed — net/core/sock.c, 7.3 */
function dontneed(context: OptionContext, handle: SocketHandle, view: DataView, optlen: number): number {
  if (handle.other === 'mptcp') return -EOPNOTSUPP;
  if (handle.tcp === null) return -EBADF;
  if (view.byteLength < optlen && optlen % 8 === 0) return -EFAULT;
  const released = sockDevmemDontneed(handle.tokens, context.netmem, view, optlen);
  if (released > 0) context.counters.tokensReleased += released;
  return released;
}

function setCommon(sock: TcpSock | NonNullable<SocketHandle['udp']>, name: number, int: number): number {
  switch (name) {
    case SO.REUSEADDR:
      sock.reuseAddress = int !== 0;
      return 0;
    case SO.REUSEPORT:
      sock.reusePort = int !== 0;
      return 0;
    case SO.RCVBUF:
    case SO.RCVBUFFORCE:
      sock.rcvbuf = Math.max(Math.min(int >>> 0, SYSCTL_RMEM_MAX) * 2, SOCK_MIN_RCVBUF);
      if ('rcvbufLocked' in sock) sock.rcvbufLocked = true;
      return 0;
    case SO.SNDBUF:
    case SO.SNDBUFFORCE:
      sock.sndbuf = Math.max(Math.min(int >>> 0, SYSCTL_WMEM_MAX) * 2, SOCK_MIN_SNDBUF);
      if ('sndbufLocked' in sock) sock.sndbufLocked = true;
      return 0;
  }
  return 'keepalive' in sock ? setStreamOnly(sock, name, int) : -ENOPROTOOPT;
}

function setStreamOnly(sock: TcpSock, name: number, int: number): number {
  switch (name) {
    case SO.KEEPALIVE:
      sock.keepalive = int !== 0;
      return 0;
    case SO.OOBINLINE:
      sock.oobInline = int !== 0;
      return 0;
    case SO.RCVLOWAT:
      // @kernel sock_setsockopt SO_RCVLOWAT: a negative value is the largest, zero is one.
      sock.rcvlowat = int < 0 ? 0x7fffffff : Math.max(1, int);
      return 0;
    default:
      return -ENOPROTOOPT;
  }
}

/** @kernel do_tcp_setsockopt — net/ipv4/tcp.c, 7.3 (partial: options listed in `TCP`) */
function setTcp(handle: SocketHandle, sock: TcpSock, name: number, value: Uint8Array | null, optlen: number): number {
  if (optlen < INT_BYTES) return -EINVAL;
  if (value === null || value.length < INT_BYTES) return -EFAULT;
  const int = new DataView(value.buffer, value.byteOffset, value.byteLength).getInt32(0, true);
  switch (name) {
    case TCP.NODELAY:
      sock.setNodelay(int !== 0);
      return 0;
    case TCP.CORK:
      sock.setCork(int !== 0);
      return 0;
    case TCP.QUICKACK:
      sock.setQuickack(int);
      return 0;
    case TCP.MAXSEG:
      if (int !== 0 && (int < 48 || int > 32_767)) return -EINVAL;
      sock.userMss = int;
      return 0;
    case TCP.SYNCNT:
      if (int < 1 || int > 127) return -EINVAL;
      sock.synRetries = int;
      return 0;
    case TCP.LINGER2:
      sock.linger2Ms = int < 0 ? -1 : int > 120 ? 120_000 : int * 1000;
      return 0;
    case TCP.WINDOW_CLAMP:
      return sock.setWindowClamp(int);
    case TCP.USER_TIMEOUT:
      if (int < 0) return -EINVAL;
      sock.userTimeoutMs = int;
      return 0;
    case TCP.INQ:
      if (int < 0 || int > 1) return -EINVAL;
      handle.inq = int === 1;
      return 0;
    default:
      return -ENOPROTOOPT;
  }
}

function setIp(
  sock: TcpSock | NonNullable<SocketHandle['udp']>,
  level: number,
  name: number,
  value: Uint8Array | null,
  optlen: number,
): number {
  if (value === null || value.length === 0) return -EFAULT;
  if (optlen < 1) return -EINVAL;
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const int = optlen >= INT_BYTES && value.length >= INT_BYTES ? view.getInt32(0, true) : view.getUint8(0);
  if (level === IPPROTO.IP) {
    if (name === IP.TTL) {
      if (int !== -1 && (int < 1 || int > 255)) return -EINVAL;
      sock.ttl = int;
      return 0;
    }
    if (name !== IP.TOS) return -ENOPROTOOPT;
    sock.tos = int & 0xff;
    return 0;
  }
  if (name === IPV6.V6ONLY) {
    if (sock.localPort !== 0) return -EINVAL;
    sock.v6only = int !== 0;
    return 0;
  }
  if (name === IPV6.UNICAST_HOPS) {
    if (int < -1 || int > 255) return -EINVAL;
    sock.ttl = int;
    return 0;
  }
  return -ENOPROTOOPT;
}

/**
 * `getsockopt` after the descriptor was found: writes the value, little endian, clipped to the room there is.
 *
 * @returns bytes written; -ENOPROTOOPT for what cannot be got, the three devmem options among it.
 * @kernel sk_getsockopt — net/core/sock.c, 7.3 (partial: options listed in `SO`, `TCP`, `IP` and `IPV6`)
 */
export function getSocketOption(handle: SocketHandle, level: number, name: number, value: Uint8Array): number {
  if (level === SOL_SOCKET && name === SO.LINGER) {
    const on = handle.lingerNs >= 0 ? 1 : 0;
    return writeInts(value, [on, on === 1 ? handle.lingerNs / 1e9 : 0]);
  }
  const int = level === SOL_SOCKET ? getSolSocket(handle, name) : getProtocol(handle, level, name);
  return int === null ? -ENOPROTOOPT : writeInts(value, [int]);
}

function writeInts(value: Uint8Array, ints: readonly number[]): number {
  const encoded = new Uint8Array(Int32Array.from(ints).buffer);
  const length = Math.min(value.length, encoded.length);
  value.set(encoded.subarray(0, length));
  return length;
}

function getSolSocket(handle: SocketHandle, name: number): number | null {
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
      return sock === null ? 0 : -sock.takeError();
    case SO.REUSEADDR:
      return sock?.reuseAddress === true ? 1 : 0;
    case SO.REUSEPORT:
      return sock?.reusePort === true ? 1 : 0;
    case SO.RCVBUF:
      return sock?.rcvbuf ?? 0;
    case SO.SNDBUF:
      return sock?.sndbuf ?? 0;
    case SO.INCOMING_NAPI_ID:
      return sock?.napiId ?? 0;
    case SO.KEEPALIVE:
      return handle.tcp?.keepalive === true ? 1 : 0;
    case SO.OOBINLINE:
      return handle.tcp?.oobInline === true ? 1 : 0;
    case SO.RCVLOWAT:
      return handle.tcp?.rcvlowat ?? 1;
    default:
      return null;
  }
}

function getProtocol(handle: SocketHandle, level: number, name: number): number | null {
  const sock = handle.tcp ?? handle.udp;
  if (sock !== null && level === IPPROTO.IP) return name === IP.TTL ? sock.ttl : name === IP.TOS ? sock.tos : null;
  if (sock !== null && level === IPPROTO.IPV6) {
    return name === IPV6.V6ONLY ? Number(sock.v6only) : name === IPV6.UNICAST_HOPS ? sock.ttl : null;
  }
  const tcp = handle.tcp;
  if (tcp === null || level !== IPPROTO.TCP) return null;
  switch (name) {
    case TCP.NODELAY:
      return Number(tcp.nodelay);
    case TCP.CORK:
      return Number(tcp.cork);
    case TCP.QUICKACK:
      return tcp.quickack;
    case TCP.MAXSEG:
      return tcp.state === TCP_CLOSE && tcp.userMss > 0 ? tcp.userMss : tcp.mss;
    case TCP.SYNCNT:
      return tcp.synRetries;
    case TCP.LINGER2:
      return tcp.linger2Ms < 0 ? -1 : tcp.linger2Ms / 1000;
    case TCP.USER_TIMEOUT:
      return tcp.userTimeoutMs;
    case TCP.INQ:
      return Number(handle.inq);
    default:
      return null;
  }
}
