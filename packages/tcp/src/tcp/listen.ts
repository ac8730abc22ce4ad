/** Passive open: the listener, its half-open requests, and the connections nobody accepted yet. Both are bounded. @kernel tcp_conn_request — net/ipv4/tcp_input.c, 7.3 */
import { SKB_DROP_REASON, type SkBuff } from '@netmem/netdev';
import { EADDRINUSE, EINVAL } from '@netmem/uapi';
import { ipv4, ipv6, parseTcpOptions } from '@netmem/wire';
import { isFresh, resolve } from '../stack/ip-output.ts';
import { Dst } from '../stack/routes.ts';
import { takePort } from './bind.ts';
import { setState } from './done.ts';
import { INET_ECN_NOT_ECT } from './ecn.ts';
import { TCP_MSS_DEFAULT, TCPOLEN_TSTAMP_ALIGNED } from './options.ts';
import { storeTsRecent } from './paws.ts';
import { RequestSock } from './request.ts';
import { CB_FLAGS, CB_SEQ } from './skb-cb.ts';
import type { TcpSock } from './tcp-sock.ts';
import { TCP_CLOSE, TCP_LISTEN, TCPHDR_CWR, TCPHDR_ECE } from './tcp-states.ts';
import { selectInitialWindow, TCP_MAX_WSCALE, tcpFullSpace } from './window.ts';

const TCP_HEADER = 20;
const dst: Dst = new Dst();

/** @see TcpSock.listen */
export function listenSock(sk: TcpSock, backlog: number): number {
  if (sk.state !== TCP_CLOSE && sk.state !== TCP_LISTEN) return -EINVAL;
  sk.acceptBacklog = Math.min(backlog >>> 0, sk.stack.sysctl.somaxconn);
  if (sk.state === TCP_LISTEN) return 0;
  if (sk.localPort === 0) {
    if (takePort(sk, sk.localAddress, 0) < 0) return -EADDRINUSE;
  }
  setState(sk, TCP_LISTEN);
  sk.acceptQueueLength = 0;
  // Ask again now that we listen: an address that was shared with another listener is not free.
  if (sk.stack.tcp.ports.conflicts(sk, sk.localAddress, sk.localPort)) {
    setState(sk, TCP_CLOSE);
    if (!sk.boundPort) sk.stack.tcp.unbind(sk);
    return -EADDRINUSE;
  }
  sk.stack.tcp.listeners.add(sk);
  return 0;
}

/** Whether no more established connections fit. @kernel sk_acceptq_is_full — include/net/sock.h, 7.3 */
export function isAcceptQueueFull(sk: TcpSock): boolean {
  return sk.acceptQueueLength > sk.acceptBacklog;
}

/** Puts an established child behind the others. @kernel inet_csk_reqsk_queue_add — net/ipv4/inet_connection_sock.c, 7.3 */
export function acceptEnqueue(sk: TcpSock, child: TcpSock): void {
  child.acceptNext = null;
  child.parent = sk;
  if (sk.acceptTail === null) sk.acceptHead = child;
  else sk.acceptTail.acceptNext = child;
  sk.acceptTail = child;
  sk.acceptQueueLength++;
}

/** @see TcpSock.acceptDequeue */
export function acceptDequeue(sk: TcpSock): TcpSock | null {
  const child = sk.acceptHead;
  if (child === null) return null;
  sk.acceptHead = child.acceptNext;
  if (sk.acceptHead === null) sk.acceptTail = null;
  child.acceptNext = null;
  child.parent = null;
  sk.acceptQueueLength--;
  return child;
}

/** A SYN for a listener: remembers the request and answers, unless a queue is full. Owns the skb. @param nextIsn - ours when a TIME_WAIT chose it; null otherwise. */
export function receiveSyn(sk: TcpSock, skb: SkBuff, nextIsn: number | null): void {
  const stack = sk.stack;
  const stats = stack.stats;
  // As many half-open as may wait established, and never more than tcp_max_syn_backlog. No SYN cookies: the SYN is dropped and will be repeated.
  if (sk.synQueueLength >= Math.min(Math.max(sk.acceptBacklog, 1), stack.sysctl.tcpMaxSynBacklog)) {
    stats.TcpExtTCPReqQFullDrop++;
    drop(sk, skb);
    return;
  }
  if (isAcceptQueueFull(sk)) {
    stats.TcpExtListenOverflows++;
    drop(sk, skb);
    return;
  }
  const request = newRequest(sk, skb, nextIsn);
  if (request === null) {
    drop(sk, skb);
    return;
  }
  stack.tcp.insertRequest(request);
  sk.synQueueLength++;
  request.sentUs = stack.nowUs;
  request.sendSynAck();
  request.arm();
  skb.consume();
}

function drop(sk: TcpSock, skb: SkBuff): void {
  sk.stack.stats.TcpExtListenDrops++;
  skb.free(SKB_DROP_REASON.TCP_LISTEN_OVERFLOW);
}

/** @returns null when there is no way back to the peer. */
function newRequest(sk: TcpSock, skb: SkBuff, nextIsn: number | null): RequestSock | null {
  const stack = sk.stack;
  const sysctl = stack.sysctl;
  const { rxSource, rxDestination } = stack;
  const oif = sk.boundDevice !== 0 || !rxSource.isLinkLocal ? sk.boundDevice : (skb.dev?.ifindex ?? 0);
  if (resolve(stack, rxSource, oif, dst) < 0 || !isFresh(stack, dst)) return null;
  const view = stack.view;
  const header = (view.getUint8(skb.data + 12) >>> 4) << 2;
  const parsed = stack.tcp.parsed;
  parseTcpOptions(view, skb.data + TCP_HEADER, header - TCP_HEADER, parsed);
  const request = new RequestSock(sk);
  request.localAddress.copyFrom(rxDestination);
  request.remoteAddress.copyFrom(rxSource);
  const ports = view.getInt32(skb.data);
  request.remotePort = ports >>> 16;
  request.localPort = ports & 0xffff;
  request.oif = oif;
  request.napiId = skb.napiId;
  request.rcvIsn = skb.cb[CB_SEQ];
  const options = request.options;
  options.tsOffset = stack.tcp.sequences.timestampOffset(rxDestination, rxSource);
  options.sackOk = parsed.sackPermitted && sysctl.tcpSack;
  options.wscaleOk = parsed.windowScale >= 0 && sysctl.tcpWindowScaling;
  options.sndWscale = options.wscaleOk ? Math.min(parsed.windowScale, TCP_MAX_WSCALE) : 0;
  options.tstampOk = parsed.hasTimestamp && sysctl.tcpTimestamps;
  const asks = (skb.cb[CB_FLAGS] & (TCPHDR_ECE | TCPHDR_CWR)) === (TCPHDR_ECE | TCPHDR_CWR);
  // A SYN must not be markable itself (RFC 3168, 6.1.1).
  request.ecnOk = asks && sysctl.tcpEcn !== 0 && trafficClass(view, skb, rxSource.isV4) % 4 === INET_ECN_NOT_ECT;
  options.mssClamp = parsed.mss === 0 ? TCP_MSS_DEFAULT : parsed.mss;
  if (sk.userMss > 0) options.mssClamp = Math.min(options.mssClamp, sk.userMss);
  if (options.tstampOk) {
    options.rcvTsval = parsed.tsVal | 0;
    storeTsRecent(options, stack.nowMs);
  }
  request.mtu = dst.mtu;
  request.mss = dst.mtu - (rxSource.isV4 ? 40 : 60);
  if (sk.userMss > 0) request.mss = Math.min(request.mss, sk.userMss);
  const most = Math.max(sysctl.tcpRmemMax, sysctl.rmemMax);
  const space = tcpFullSpace(sk);
  const clamp = sk.rcvbufLocked && (sk.wnd.clamp > space || sk.wnd.clamp === 0) ? space : sk.wnd.clamp;
  const mss = request.mss - (options.tstampOk ? TCPOLEN_TSTAMP_ALIGNED : 0);
  selectInitialWindow(request, space, mss, clamp, options.wscaleOk, most);
  request.isn =
    nextIsn ??
    stack.tcp.sequences.initial(rxDestination, request.localPort, rxSource, request.remotePort, stack.clock.nowNs);
  return request;
}

function trafficClass(view: DataView, skb: SkBuff, v4: boolean): number {
  return v4 ? ipv4.trafficClass(view, skb.networkHeader) : ipv6.trafficClass(view, skb.networkHeader);
}
