/** A segment for a half-open request: the last ACK makes a connection of it. @kernel tcp_check_req — net/ipv4/tcp_minisocks.c, 7.3 */
import type { SkBuff } from '@netmem/netdev';
import { IPPROTO } from '@netmem/uapi';
import { parseTcpOptions } from '@netmem/wire';
import { isTooSoon, stampNow } from '../stack/rate-limit.ts';
import { replaceFlags } from '../stack/timestamping.ts';
import { pseudoHeaderSum } from '../stack/transport-checksum.ts';
import { inheritCongestionControl } from './congestion-algorithms.ts';
import { defersAccept } from './defer-accept.ts';
import { TCP_ECN_OK } from './ecn.ts';
import { startKeepalive } from './keepalive.ts';
import { acceptEnqueue, isAcceptQueueFull } from './listen.ts';
import { syncMss } from './mss.ts';
import { TCPOLEN_TSTAMP_ALIGNED } from './options.ts';
import { pawsReject } from './paws.ts';
import type { RequestSock } from './request.ts';
import { TCP_TIMEOUT_FALLBACK_MS } from './rtt.ts';
import { CB_ACK_SEQ, CB_END_SEQ, CB_FLAGS, CB_SEQ } from './skb-cb.ts';
import type { TcpSock } from './tcp-sock.ts';
import { TCP_SYN_RECV, TCPHDR_ACK, TCPHDR_FIN, TCPHDR_RST, TCPHDR_SYN } from './tcp-states.ts';
import { inWindow } from './timewait.ts';

const TCP_HEADER = 20;

/** Dealt with: the skb may be freed. */
export const REQUEST_DONE = 0;
/** Answer with RST. */
export const REQUEST_RESET = 1;
/** `child` was made of it: the segment is for the child. */
export const REQUEST_CHILD = 2;

/** The child that `checkRequest` made. One at a time. */
export const made: { child: TcpSock | null } = { child: null };

/** Looks at a segment (`skb.data` at its header). Does not own the skb. @returns REQUEST_*. */
export function checkRequest(request: RequestSock, skb: SkBuff): number {
  const listener = request.listener;
  const stack = listener.stack;
  const stats = stack.stats;
  const options = request.options;
  const flags = skb.cb[CB_FLAGS] & (TCPHDR_RST | TCPHDR_SYN | TCPHDR_ACK | TCPHDR_FIN);
  const seq = skb.cb[CB_SEQ];
  const header = (stack.view.getUint8(skb.data + 12) >>> 4) << 2;
  const parsed = stack.tcp.parsed;
  parseTcpOptions(stack.view, skb.data + TCP_HEADER, header - TCP_HEADER, parsed);
  let reject = false;
  options.sawTstamp = options.tstampOk && parsed.hasTimestamp;
  if (options.sawTstamp) {
    options.rcvTsval = parsed.tsVal | 0;
    reject = pawsReject(options, (flags & TCPHDR_RST) !== 0, stack.nowMs);
  }
  if (seq === request.rcvIsn && flags === TCPHDR_SYN && !reject) {
    // The SYN again: our answer was lost. Not more often than invalid segments are answered.
    if (!tooSoon(request)) {
      request.retransmits++;
      request.sendSynAck();
    }
    return REQUEST_DONE;
  }
  if ((flags & TCPHDR_ACK) !== 0 && skb.cb[CB_ACK_SEQ] !== ((request.isn + 1) | 0)) {
    return (flags & TCPHDR_RST) !== 0 ? REQUEST_DONE : REQUEST_RESET;
  }
  const next = (request.rcvIsn + 1) | 0;
  // A SYN that is repeated with data or an ACK stands one before the window.
  if (reject || !inWindow(seq, skb.cb[CB_END_SEQ], next, (next + request.rcvWnd) | 0)) {
    if (reject) stats.TcpExtPAWSEstab++;
    if ((flags & TCPHDR_RST) === 0) {
      if (tooSoon(request)) stats.TcpExtTCPACKSkippedSynRecv++;
      else request.sendAck();
    }
    return REQUEST_DONE;
  }
  if (options.sawTstamp && ((seq - next) | 0) <= 0) options.tsRecent = options.rcvTsval;
  const syn = (flags & TCPHDR_SYN) !== 0 && seq !== request.rcvIsn;
  if ((flags & TCPHDR_RST) !== 0 || syn) {
    // Inside the window, so the peer's own (RFC 5961 holds for connections, not for requests).
    stats.TcpAttemptFails++;
    stats.TcpExtEmbryonicRsts++;
    stack.tcp.dropRequest(request);
    return syn && (flags & TCPHDR_RST) === 0 ? REQUEST_RESET : REQUEST_DONE;
  }
  if ((flags & TCPHDR_ACK) === 0) return REQUEST_DONE;
  if (defersAccept(request) && skb.cb[CB_END_SEQ] === next) {
    request.acked = true;
    stats.TcpExtTCPDeferAcceptDrop++;
    return REQUEST_DONE;
  }
  if (isAcceptQueueFull(listener)) {
    stats.TcpExtListenOverflows++;
    stats.TcpExtListenDrops++;
    if (stack.sysctl.tcpAbortOnOverflow) {
      stack.tcp.dropRequest(request);
      return REQUEST_RESET;
    }
    // Keep the request: the SYN|ACK goes out again and with it a new chance.
    request.acked = true;
    return REQUEST_DONE;
  }
  made.child = createChild(request, skb);
  return REQUEST_CHILD;
}

function tooSoon(request: RequestSock): boolean {
  const stack = request.listener.stack;
  const now = stack.nowMs;
  if (isTooSoon(request.lastOowAckMs, now, stack.sysctl.tcpInvalidRatelimitMs)) return true;
  request.lastOowAckMs = stampNow(now);
  return false;
}

/** Makes the sock, in SYN_RECV; the segment itself will establish it. @kernel tcp_create_openreq_child — net/ipv4/tcp_minisocks.c, 7.3 */
function createChild(request: RequestSock, skb: SkBuff): TcpSock {
  const listener = request.listener;
  const stack = listener.stack;
  const child = stack.tcp.createSock(listener.family);
  inherit(child, listener);
  child.localAddress.copyFrom(request.localAddress);
  child.localPort = request.localPort;
  child.remoteAddress.copyFrom(request.remoteAddress);
  child.remotePort = request.remotePort;
  if (request.oif !== 0) child.boundDevice = request.oif;
  child.pseudoSum = pseudoHeaderSum(child.localAddress, child.remoteAddress, IPPROTO.TCP);
  child.napiId = skb.napiId;
  child.state = TCP_SYN_RECV;
  const wnd = child.wnd;
  const next = (request.rcvIsn + 1) | 0;
  child.rcvNxt = next;
  child.copiedSeq = next;
  child.urgSeq = next;
  wnd.rcvWnd = request.rcvWnd;
  wnd.begin(next);
  wnd.ssthresh = request.rcvWnd;
  wnd.clamp = request.clamp;
  wnd.rcvWscale = request.rcvWscale;
  const sent = (request.isn + 1) | 0;
  child.sndUna = request.isn;
  child.sndNxt = sent;
  child.writeSeq = sent;
  child.pushedSeq = sent;
  child.sndSml = request.isn;
  child.sndUp = request.isn;
  child.sndWl1 = request.rcvIsn;
  takeOptions(child, request);
  child.rcvTstampMs = stack.nowMs;
  child.lsndTimeMs = stack.nowMs;
  child.ack.lrcvtimeMs = stack.nowMs;
  startKeepalive(child);
  child.totalRetrans = request.retransmits;
  if (request.timeouts > 0) child.rtt.rtoMs = TCP_TIMEOUT_FALLBACK_MS;
  else if (request.retransmits === 0) sampleSynAck(child, request);
  stack.tcp.replaceRequest(request, child);
  stack.stats.TcpPassiveOpens++;
  acceptEnqueue(listener, child);
  return child;
}

function inherit(child: TcpSock, listener: TcpSock): void {
  child.rcvbuf = listener.rcvbuf;
  child.rcvbufLocked = listener.rcvbufLocked;
  child.sndbuf = listener.sndbuf;
  child.sndbufLocked = listener.sndbufLocked;
  child.rcvlowat = listener.rcvlowat;
  child.reuseAddress = listener.reuseAddress;
  child.reusePort = listener.reusePort;
  child.v6only = listener.v6only;
  child.boundDevice = listener.boundDevice;
  child.keepalive = listener.keepalive;
  child.keepaliveTimeMs = listener.keepaliveTimeMs;
  child.keepaliveIntvlMs = listener.keepaliveIntvlMs;
  child.keepaliveProbes = listener.keepaliveProbes;
  child.oobInline = listener.oobInline;
  child.ttl = listener.ttl;
  child.hopLimit = listener.hopLimit;
  child.tos = listener.tos;
  child.llUsec = listener.llUsec;
  child.preferBusyPoll = listener.preferBusyPoll;
  child.busyPollBudget = listener.busyPollBudget;
  replaceFlags(child, listener.tsFlags);
  child.tstampNew = listener.tstampNew;
  child.userMss = listener.userMss;
  child.userTimeoutMs = listener.userTimeoutMs;
  child.synRetries = listener.synRetries;
  child.linger2Ms = listener.linger2Ms;
  child.nonagle = listener.nonagle;
  child.notsentLowat = listener.notsentLowat;
  child.ack.pingpong = listener.ack.pingpong;
  inheritCongestionControl(child, listener);
}

function takeOptions(child: TcpSock, request: RequestSock): void {
  const from = request.options;
  const to = child.options;
  to.tstampOk = from.tstampOk;
  to.sackOk = from.sackOk;
  to.wscaleOk = from.wscaleOk;
  to.sndWscale = from.sndWscale;
  to.mssClamp = from.mssClamp;
  to.tsRecent = from.tsRecent;
  to.tsRecentStampMs = from.tsRecentStampMs;
  to.hasTsRecent = from.hasTsRecent;
  to.tsOffset = from.tsOffset;
  child.ecnFlags = request.ecnOk ? TCP_ECN_OK : 0;
  child.headerLength = TCP_HEADER + (from.tstampOk ? TCPOLEN_TSTAMP_ALIGNED : 0);
  if (!from.wscaleOk) child.wnd.clamp = Math.min(child.wnd.clamp, 65535);
  child.advmss = request.mss;
  syncMss(child, request.mtu);
}

/** The handshake is the first measurement. @kernel tcp_synack_rtt_meas — net/ipv4/tcp_input.c, 7.3 */
function sampleSynAck(child: TcpSock, request: RequestSock): void {
  const us = Math.max(1, (child.stack.nowUs - request.sentUs) | 0);
  child.rtt.updateMin(us, child.stack.nowMs);
  child.rtt.sample(us, child.sndUna, child.sndNxt);
  child.rtt.setRto();
}
