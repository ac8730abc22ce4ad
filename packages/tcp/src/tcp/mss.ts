/** Segment sizes: from the path's MTU, the peer's MSS and the options that every segment carries. */
import { isFresh, resolve } from '../stack/ip-output.ts';
import {
  MAX_TCP_OPTION_SPACE,
  TCP_MIN_MSS,
  TCP_MSS_DEFAULT,
  TCPOLEN_SACK_BASE_ALIGNED,
  TCPOLEN_SACK_PERBLOCK,
  TCPOLEN_TSTAMP_ALIGNED,
} from './options.ts';
import type { TcpSock } from './tcp-sock.ts';

const TCP_HEADER = 20;
/** Most bytes of a super-segment with its headers. @kernel GSO_LEGACY_MAX_SIZE — include/linux/netdevice.h, 7.3 */
const GSO_MAX_SIZE = 65536;
const MAX_TCP_HEADER = 320;

/** IP header bytes for the peer's family. */
export function ipHeaderBytes(sk: TcpSock): number {
  return sk.remoteAddress.isV4 ? 20 : 40;
}

/** Makes sure that `sk.dst` is usable. @returns 0, -ENETUNREACH, -EHOSTUNREACH, -ENOBUFS. @kernel inet_csk_rebuild_route — net/ipv4/inet_connection_sock.c, 7.3 */
export function ensureRoute(sk: TcpSock): number {
  if (isFresh(sk.stack, sk.dst)) return 0;
  const result = resolve(sk.stack, sk.remoteAddress, sk.boundDevice, sk.dst);
  if (result < 0) return result;
  if (sk.dst.mtu !== sk.pmtu && sk.pmtu !== 0) syncMss(sk, sk.dst.mtu);
  return 0;
}

/** MSS to announce: what fits the device's MTU, less if the user said so. @kernel tcp_advertise_mss — net/ipv4/tcp_output.c, 7.3 */
export function advertiseMss(sk: TcpSock, mtu: number): number {
  const mss = mtu - ipHeaderBytes(sk) - TCP_HEADER;
  return sk.userMss > 0 ? Math.min(mss, sk.userMss) : mss;
}

/** MSS for a path MTU, options of every segment taken off. @kernel tcp_mtu_to_mss — net/ipv4/tcp_output.c, 7.3 */
function mtuToMss(sk: TcpSock, mtu: number): number {
  const mss = Math.min(mtu - ipHeaderBytes(sk) - TCP_HEADER, sk.options.mssClamp);
  return Math.max(mss, sk.stack.sysctl.tcpMinSndMss) - (sk.headerLength - TCP_HEADER);
}

/** Takes a path MTU into use. @returns the new MSS. @kernel tcp_sync_mss — net/ipv4/tcp_output.c, 7.3 */
export function syncMss(sk: TcpSock, mtu: number): number {
  // Never more than half of what the peer's window ever was, or a small window would deadlock with Nagle.
  sk.pmtu = mtu;
  sk.mssCache = boundToHalfWindow(sk, mtuToMss(sk, mtu));
  return sk.mssCache;
}

/** @kernel tcp_bound_to_half_wnd — include/net/tcp.h, 7.3 */
export function boundToHalfWindow(sk: TcpSock, bytes: number): number {
  const most = sk.maxWindow;
  const cutoff = most > TCP_MSS_DEFAULT ? most >> 1 : most;
  return cutoff > 0 && bytes > cutoff ? Math.max(cutoff, 68 - sk.headerLength) : bytes;
}

/** Bytes of options that the next segment carries. @kernel tcp_established_options — net/ipv4/tcp_output.c, 7.3 */
export function optionBytes(sk: TcpSock): number {
  let bytes = sk.options.tstampOk ? TCPOLEN_TSTAMP_ALIGNED : 0;
  const blocks = sackBlocksThatFit(sk, bytes);
  if (blocks > 0) bytes += TCPOLEN_SACK_BASE_ALIGNED + blocks * TCPOLEN_SACK_PERBLOCK;
  return bytes;
}

/** SACK blocks of the next segment, behind `used` bytes of other options. */
export function sackBlocksThatFit(sk: TcpSock, used: number): number {
  const wanted = sk.options.sackOk ? sk.rxSack.effective : 0;
  if (wanted === 0) return 0;
  const room = Math.trunc((MAX_TCP_OPTION_SPACE - used - TCPOLEN_SACK_BASE_ALIGNED) / TCPOLEN_SACK_PERBLOCK);
  return Math.min(wanted, room);
}

/** MSS of the next segment: SACK blocks make it smaller. @kernel tcp_current_mss — net/ipv4/tcp_output.c, 7.3 */
export function currentMss(sk: TcpSock): number {
  if (ensureRoute(sk) === 0 && sk.dst.mtu !== sk.pmtu) syncMss(sk, sk.dst.mtu);
  const extra = optionBytes(sk) - (sk.headerLength - TCP_HEADER);
  return extra === 0 ? sk.mssCache : sk.mssCache - extra;
}

/** How long a super-segment may get: whole segments, at most half of the peer's largest window. @kernel tcp_xmit_size_goal — net/ipv4/tcp.c, 7.3 */
export function sizeGoal(sk: TcpSock, mss: number, urgent: boolean): number {
  if (urgent) return mss;
  const most = boundToHalfWindow(sk, GSO_MAX_SIZE - 1 - MAX_TCP_HEADER);
  const segments = Math.max(1, Math.trunc(most / mss));
  return segments * mss;
}

/** First guess of the peer's MSS. @kernel tcp_initialize_rcv_mss — net/ipv4/tcp_input.c, 7.3 */
export function initializeRcvMss(sk: TcpSock): void {
  let hint = Math.min(sk.advmss, sk.mssCache, sk.wnd.rcvWnd >> 1);
  hint = Math.min(hint, TCP_MSS_DEFAULT);
  sk.ack.rcvMss = Math.max(hint, TCP_MIN_MSS);
}
