import { EFAULT, EINVAL, ENOPROTOOPT, TCP } from '@netmem/uapi';
import type { Sysctl } from '../stack/sysctl.ts';
import { setCongestionControl } from '../tcp/congestion-algorithms.ts';
import { retransToSecs, secsToRetrans } from '../tcp/defer-accept.ts';
import {
  keepaliveIntvlMs,
  keepaliveProbes,
  keepaliveTimeMs,
  setKeepcnt,
  setKeepidle,
  setKeepintvl,
} from '../tcp/keepalive.ts';
import type { TcpSock } from '../tcp/tcp-sock.ts';
import { TCP_CLOSE, TCP_LISTEN } from '../tcp/tcp-states.ts';
import type { SocketHandle } from './handle.ts';

const INT_BYTES = 4;
/** @kernel TCP_CA_NAME_MAX — include/net/tcp.h, 7.3 */
const TCP_CA_NAME_MAX = 16;
/** What TCP_MAXSEG takes: options of 60 + 60 bytes and 8 of payload, and a window without scaling. @kernel TCP_MIN_MSS — include/net/tcp.h, 7.3 */
const TCP_MIN_MSS = 88;
const MAX_TCP_WINDOW = 32_767;
/** @kernel MAX_TCP_SYNCNT — include/net/tcp.h, 7.3 */
const MAX_TCP_SYNCNT = 127;
/** @kernel TCP_FIN_TIMEOUT_MAX — include/net/tcp.h, 7.3 */
const TCP_FIN_TIMEOUT_MAX_S = 120;

/**
 * One option of level IPPROTO_TCP.
 *
 * @returns 0; -EINVAL `length` below 4, or a value out of range; -EFAULT four bytes cannot be read; -ENOENT TCP_CONGESTION's name is none; -ENOPROTOOPT.
 * @kernel do_tcp_setsockopt — net/ipv4/tcp.c, 7.3 (partial: options listed in `TCP`)
 */
export function setTcpOption(
  handle: SocketHandle,
  sock: TcpSock,
  name: number,
  value: Uint8Array | null,
  length: number,
): number {
  if (name === TCP.CONGESTION) return setCongestion(sock, value, length);
  if (length < INT_BYTES) return -EINVAL;
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
      if (int !== 0 && (int < TCP_MIN_MSS || int > MAX_TCP_WINDOW)) return -EINVAL;
      sock.userMss = int;
      return 0;
    case TCP.SYNCNT:
      if (int < 1 || int > MAX_TCP_SYNCNT) return -EINVAL;
      sock.synRetries = int;
      return 0;
    case TCP.KEEPIDLE:
      return setKeepidle(sock, int);
    case TCP.KEEPINTVL:
      return setKeepintvl(sock, int);
    case TCP.KEEPCNT:
      return setKeepcnt(sock, int);
    case TCP.LINGER2:
      sock.linger2Ms = int < 0 ? -1 : Math.min(int, TCP_FIN_TIMEOUT_MAX_S) * 1000;
      return 0;
    case TCP.WINDOW_CLAMP:
      return sock.setWindowClamp(int);
    case TCP.USER_TIMEOUT:
      if (int < 0) return -EINVAL;
      sock.userTimeoutMs = int;
      return 0;
    case TCP.NOTSENT_LOWAT:
      sock.notsentLowat = int;
      // Whoever waits for room may have it now.
      sock.listener?.writable(sock);
      return 0;
    case TCP.DEFER_ACCEPT:
      sock.deferAccept = secsToRetrans(int);
      return 0;
    case TCP.INQ:
      if (int < 0 || int > 1) return -EINVAL;
      handle.inq = int === 1;
      return 0;
    default:
      return -ENOPROTOOPT;
  }
}

/** TCP_CONGESTION: the name ends at a NUL, at the length, or after 15 bytes. */
function setCongestion(sock: TcpSock, value: Uint8Array | null, length: number): number {
  if (length < 1) return -EINVAL;
  if (value === null) return -EFAULT;
  const most = Math.min(TCP_CA_NAME_MAX - 1, length);
  let name = '';
  for (let i = 0; i < most; i++) {
    const code = value[i];
    if (code === undefined) return -EFAULT;
    if (code === 0) break;
    name += String.fromCharCode(code);
  }
  return setCongestionControl(sock, name);
}

/** TCP_CONGESTION: the name, with NULs up to 16 bytes. @returns bytes written. */
export function getCongestion(sock: TcpSock, value: Uint8Array): number {
  const { name } = sock.cong.control;
  const length = Math.min(value.length, TCP_CA_NAME_MAX);
  for (let i = 0; i < length; i++) value[i] = i < name.length ? name.charCodeAt(i) : 0;
  return length;
}

/** The value of an option of level IPPROTO_TCP; null when it cannot be got. @kernel do_tcp_getsockopt — net/ipv4/tcp.c, 7.3 (partial: options listed in `TCP`) */
export function getTcpOption(sysctl: Sysctl, handle: SocketHandle, sock: TcpSock, name: number): number | null {
  switch (name) {
    case TCP.NODELAY:
      return Number(sock.nodelay);
    case TCP.CORK:
      return Number(sock.cork);
    case TCP.QUICKACK:
      return sock.quickack;
    case TCP.MAXSEG:
      if (sock.userMss > 0 && (sock.state === TCP_CLOSE || sock.state === TCP_LISTEN)) return sock.userMss;
      return sock.mss;
    case TCP.SYNCNT:
      return sock.synRetries === 0 ? sysctl.tcpSynRetries : sock.synRetries;
    case TCP.KEEPIDLE:
      return keepaliveTimeMs(sock) / 1000;
    case TCP.KEEPINTVL:
      return keepaliveIntvlMs(sock) / 1000;
    case TCP.KEEPCNT:
      return keepaliveProbes(sock);
    case TCP.LINGER2:
      return sock.linger2Ms < 0 ? -1 : Math.floor((sock.linger2Ms || sysctl.tcpFinTimeoutMs) / 1000);
    case TCP.WINDOW_CLAMP:
      return sock.wnd.clamp;
    case TCP.USER_TIMEOUT:
      return sock.userTimeoutMs;
    case TCP.NOTSENT_LOWAT:
      return sock.notsentLowat;
    case TCP.DEFER_ACCEPT:
      return retransToSecs(sock.deferAccept);
    case TCP.INQ:
      return Number(handle.inq);
    default:
      return null;
  }
}
