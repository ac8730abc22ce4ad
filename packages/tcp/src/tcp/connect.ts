/** Active open. @kernel tcp_v4_connect — net/ipv4/tcp_ipv4.c, 7.3 */
import { AF_INET, EAFNOSUPPORT, EINVAL, EISCONN, ENETUNREACH, ENOBUFS, IPPROTO } from '@netmem/uapi';
import type { InetAddress } from '../stack/inet-address.ts';
import { resolve } from '../stack/ip-output.ts';
import { pseudoHeaderSum } from '../stack/transport-checksum.ts';
import { hashConnect } from './connect-hash.ts';
import { setState } from './done.ts';
import { advertiseMss, syncMss } from './mss.ts';
import { TCP_TIMEOUT_INIT_MS } from './rtt.ts';
import { transmitQueued } from './segment.ts';
import { CB_END_SEQ, CB_PCOUNT, CB_SEQ } from './skb-cb.ts';
import type { TcpSock } from './tcp-sock.ts';
import { TCP_CLOSE, TCP_LISTEN, TCP_SYN_SENT, TCPHDR_SYN } from './tcp-states.ts';
import { selectInitialWindow, tcpFullSpace } from './window.ts';
import { appendSkb, purgeWriteQueues } from './write-queue.ts';
import { ICSK_TIME_RETRANS, resetXmitTimer } from './xmit-timer.ts';

/** @see TcpSock.connect */
export function connectSock(sk: TcpSock, address: InetAddress, port: number): number {
  const stack = sk.stack;
  if (sk.family === AF_INET && !address.isV4) return -EAFNOSUPPORT;
  if (sk.state !== TCP_CLOSE) return sk.state === TCP_LISTEN ? -EINVAL : -EISCONN;
  const bound = !sk.localAddress.isAny;
  if (address.isV4 && (sk.v6only || (bound && !sk.localAddress.isV4))) return -ENETUNREACH;
  if (address.isMulticast || stack.addresses.isBroadcast4(address.w3)) return -ENETUNREACH;
  const route = resolve(stack, address, sk.boundDevice, sk.dst);
  if (route < 0) return route;
  if (bound && sk.localAddress.isV4 !== address.isV4) return -EAFNOSUPPORT;
  if (!sk.boundAddress) sk.localAddress.copyFrom(sk.dst.source);
  sk.remoteAddress.copyFrom(address);
  sk.remotePort = port;
  const placed = hashConnect(sk);
  if (placed < 0) {
    unplace(sk);
    return placed;
  }
  initialise(sk);
  const result = sendSyn(sk);
  if (result < 0) {
    purgeWriteQueues(sk);
    setState(sk, TCP_CLOSE);
    unplace(sk);
    return result;
  }
  return 0;
}

function unplace(sk: TcpSock): void {
  if (!sk.boundPort) sk.stack.tcp.unbind(sk);
  if (!sk.boundAddress) sk.localAddress.setAny(sk.family);
  sk.remoteAddress.setAny(sk.family);
  sk.remotePort = 0;
}

/** @kernel tcp_connect_init — net/ipv4/tcp_output.c, 7.3 */
function initialise(sk: TcpSock): void {
  const core = sk.stack;
  const options = sk.options;
  const wnd = sk.wnd;
  const sysctl = core.sysctl;
  sk.pseudoSum = pseudoHeaderSum(sk.localAddress, sk.remoteAddress, IPPROTO.TCP);
  options.tsOffset = core.tcp.sequences.timestampOffset(sk.localAddress, sk.remoteAddress);
  options.mssClamp = sk.userMss > 0 ? sk.userMss : 65535;
  options.tstampOk = false;
  options.sackOk = false;
  options.wscaleOk = false;
  options.sndWscale = 0;
  options.hasTsRecent = false;
  sk.headerLength = sysctl.tcpTimestamps ? 32 : 20;
  sk.maxWindow = 0;
  sk.sndWnd = 0;
  syncMss(sk, sk.dst.mtu);
  sk.advmss = advertiseMss(sk, sk.dst.mtu);
  const most = Math.max(sysctl.tcpRmemMax, sysctl.rmemMax);
  const space = tcpFullSpace(sk);
  const clamp = sk.rcvbufLocked && (wnd.clamp > space || wnd.clamp === 0) ? space : wnd.clamp;
  // Whether its segments will carry timestamps the answer will tell.
  selectInitialWindow(wnd, space, sk.advmss, clamp, sysctl.tcpWindowScaling, most);
  wnd.ssthresh = wnd.rcvWnd;
  const now = core.clock.nowNs;
  const { sequences } = core.tcp;
  const isn = sk.nextIsn ?? sequences.initial(sk.localAddress, sk.localPort, sk.remoteAddress, sk.remotePort, now);
  sk.writeSeq = isn;
  sk.sndUna = isn;
  sk.sndSml = isn;
  sk.sndUp = isn;
  sk.sndNxt = isn;
  sk.pushedSeq = isn;
  sk.rcvNxt = 0;
  wnd.rcvWup = 0;
  sk.copiedSeq = 0;
  sk.retransmits = 0;
  sk.totalRetrans = 0;
  sk.totalRto = 0;
  sk.ecnFlags = 0;
  sk.rtt.rtoMs = TCP_TIMEOUT_INIT_MS;
  sk.error = 0;
  sk.done = false;
}

/** @kernel tcp_connect — net/ipv4/tcp_output.c, 7.3 */
function sendSyn(sk: TcpSock): number {
  const skb = appendSkb(sk, TCPHDR_SYN);
  if (skb === null) return -ENOBUFS;
  skb.cb[CB_SEQ] = sk.writeSeq;
  skb.cb[CB_END_SEQ] = (sk.writeSeq + 1) | 0;
  skb.cb[CB_PCOUNT] = 1;
  sk.writeSeq = (sk.writeSeq + 1) | 0;
  setState(sk, TCP_SYN_SENT);
  sk.stack.stats.TcpActiveOpens++;
  sk.synSentMs = sk.stack.nowMs;
  sk.lsndTimeMs = sk.synSentMs;
  sk.writeQueue.unlink(skb);
  sk.rtxQueue.push(skb);
  sk.packetsOut = 1;
  sk.sndNxt = sk.writeSeq;
  const result = transmitQueued(sk, skb, sk.mssCache);
  // Dropped by the device is no error: the timer repeats it.
  if (result < 0) return result;
  resetXmitTimer(sk, ICSK_TIME_RETRANS, sk.rtt.rtoMs);
  return 0;
}
