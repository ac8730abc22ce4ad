/** Segments for a sock that has sent its SYN and heard nothing yet. @kernel tcp_rcv_synsent_state_process — net/ipv4/tcp_input.c, 7.3 */
import { SKB_DROP_REASON, type SkBuff } from '@netmem/netdev';
import type { TcpOptions } from '@netmem/wire';
import { enterQuickAck } from './ack.ts';
import { ICSK_ACK_SCHED, ICSK_ACK_TIMER, TCP_DELACK_MAX_MS } from './ack-control.ts';
import { FLAG_SLOWPATH, FLAG_SYN } from './ack-state.ts';
import { tcpAck } from './acked.ts';
import { resetReceived, setState } from './done.ts';
import { TCP_ECN_OK } from './ecn.ts';
import { initTransfer } from './establish.ts';
import { fastPathOn } from './fast-path.ts';
import { startKeepalive } from './keepalive.ts';
import { initializeRcvMss, syncMss } from './mss.ts';
import { TCP_MSS_DEFAULT, TCPOLEN_TSTAMP_ALIGNED } from './options.ts';
import { pawsReject, storeTsRecent } from './paws.ts';
import { sendAck, transmitSyn } from './segment.ts';
import { dataSndCheck } from './send-space.ts';
import { CB_ACK_SEQ, CB_FLAGS, CB_SEQ } from './skb-cb.ts';
import type { TcpSock } from './tcp-sock.ts';
import {
  TCP_ESTABLISHED,
  TCP_SYN_RECV,
  TCPHDR_ACK,
  TCPHDR_CWR,
  TCPHDR_ECE,
  TCPHDR_RST,
  TCPHDR_SYN,
} from './tcp-states.ts';
import { TCP_MAX_WSCALE } from './window.ts';
import { ICSK_TIME_RETRANS, resetXmitTimer } from './xmit-timer.ts';

/** Two ticks. @kernel TCP_TIMEOUT_MIN — include/net/tcp.h, 7.3 */
const TCP_TIMEOUT_MIN_MS = 2;

/** Owns the skb unless it returns true. @returns true: answer with RST. */
export function receiveInSynSent(sk: TcpSock, skb: SkBuff, window: number, parsed: TcpOptions): boolean {
  const flags = skb.cb[CB_FLAGS];
  const stats = sk.stack.stats;
  const timestamps = parsed.hasTimestamp && sk.stack.sysctl.tcpTimestamps;
  const echo = (parsed.tsEcr - sk.options.tsOffset) | 0;
  if ((flags & TCPHDR_ACK) !== 0) {
    const ack = skb.cb[CB_ACK_SEQ];
    if (((ack - sk.sndUna) | 0) <= 0 || ((ack - sk.sndNxt) | 0) > 0) {
      // An old connection of the peer's is in the way: the reset clears it, so try again at once.
      if (sk.retransmits === 0) resetXmitTimer(sk, ICSK_TIME_RETRANS, TCP_TIMEOUT_MIN_MS);
      return true;
    }
    if (timestamps && parsed.tsEcr !== 0 && !isEchoPossible(sk, echo)) {
      stats.TcpExtPAWSActive++;
      return true;
    }
    if ((flags & TCPHDR_RST) !== 0) {
      resetReceived(sk);
      skb.consume();
      return false;
    }
    if ((flags & TCPHDR_SYN) === 0) {
      skb.free(SKB_DROP_REASON.TCP_FLAGS);
      return false;
    }
    negotiate(sk, parsed, timestamps, echo, flags);
    synAckReceived(sk, skb, window);
    return false;
  }
  if ((flags & TCPHDR_RST) !== 0 || (flags & TCPHDR_SYN) === 0) {
    skb.free(SKB_DROP_REASON.TCP_FLAGS);
    return false;
  }
  // Both sides opened at once (RFC 9293, 3.5).
  negotiate(sk, parsed, timestamps, echo, flags);
  if (sk.options.sawTstamp && pawsReject(sk.options, false, sk.stack.nowMs)) {
    skb.free(SKB_DROP_REASON.TCP_INVALID_SEQUENCE);
    return false;
  }
  crossedSyn(sk, skb, window);
  return false;
}

/** A timestamp that this SYN, or a repetition of it, carried. */
function isEchoPossible(sk: TcpSock, echo: number): boolean {
  const now = sk.stack.nowMs;
  return ((echo - sk.synSentMs) | 0) >= 0 && ((now - echo) | 0) >= 0;
}

/** Keeps of the peer's SYN options what this end offered too. */
export function negotiate(sk: TcpSock, parsed: TcpOptions, timestamps: boolean, echo: number, flags: number): void {
  const options = sk.options;
  const sysctl = sk.stack.sysctl;
  options.sackOk = parsed.sackPermitted && sysctl.tcpSack;
  // A SYN|ACK agrees with ECE alone, a SYN asks with both (RFC 3168, 6.1.1).
  const wanted = (flags & TCPHDR_ACK) !== 0 ? TCPHDR_ECE : TCPHDR_ECE | TCPHDR_CWR;
  const agreed = sysctl.tcpEcn === 1 && (flags & (TCPHDR_ECE | TCPHDR_CWR)) === wanted;
  sk.ecnFlags = agreed ? TCP_ECN_OK : 0;
  options.wscaleOk = parsed.windowScale >= 0 && sysctl.tcpWindowScaling;
  options.sndWscale = options.wscaleOk ? Math.min(parsed.windowScale, TCP_MAX_WSCALE) : 0;
  let mss = parsed.mss === 0 ? TCP_MSS_DEFAULT : parsed.mss;
  if (sk.userMss > 0) mss = Math.min(mss, sk.userMss);
  options.mssClamp = mss;
  options.sawTstamp = timestamps;
  options.tstampOk = timestamps;
  if (timestamps) {
    options.rcvTsval = parsed.tsVal | 0;
    options.rcvTsecr = parsed.tsEcr === 0 ? 0 : echo;
  }
}

/** The part of both cases: window, header length, timestamps, receive position. */
function takeSyn(sk: TcpSock, skb: SkBuff, window: number): void {
  const wnd = sk.wnd;
  sk.rcvNxt = (skb.cb[CB_SEQ] + 1) | 0;
  wnd.begin(sk.rcvNxt);
  sk.copiedSeq = sk.rcvNxt;
  // Not scaled in a SYN.
  sk.sndWnd = window;
  sk.sndWl1 = skb.cb[CB_SEQ];
  sk.maxWindow = window;
  if (!sk.options.wscaleOk) {
    wnd.rcvWscale = 0;
    wnd.clamp = Math.min(wnd.clamp, 65535);
  }
  if (sk.options.tstampOk) {
    sk.headerLength = 20 + TCPOLEN_TSTAMP_ALIGNED;
    storeTsRecent(sk.options, sk.stack.nowMs);
  } else {
    sk.headerLength = 20;
  }
}

function synAckReceived(sk: TcpSock, skb: SkBuff, window: number): void {
  sk.sndWl1 = skb.cb[CB_SEQ];
  tcpAck(sk, skb, FLAG_SLOWPATH | FLAG_SYN, window, null);
  takeSyn(sk, skb, window);
  if (sk.options.tstampOk) sk.advmss -= TCPOLEN_TSTAMP_ALIGNED;
  syncMss(sk, sk.pmtu);
  initializeRcvMss(sk);
  setState(sk, TCP_ESTABLISHED);
  sk.napiId = skb.napiId;
  sk.ack.lrcvtimeMs = sk.stack.nowMs;
  initTransfer(sk);
  sk.lsndTimeMs = sk.stack.nowMs;
  startKeepalive(sk);
  if (sk.options.sndWscale === 0) fastPathOn(sk);
  else sk.predFlags = 0;
  skb.consume();
  sk.listener?.stateChanged(sk);
  sk.listener?.writable(sk);
  if (sk.writeQueue.first !== null || sk.ack.pingpong > 0 || sk.deferAccept > 0) {
    // Data wait, or will come at once: they carry the ACK.
    sk.ack.pending |= ICSK_ACK_SCHED | ICSK_ACK_TIMER;
    enterQuickAck(sk);
    sk.ack.timeoutMs = (sk.stack.nowMs + TCP_DELACK_MAX_MS) | 0;
    sk.delackTimer.mod(sk.stack.clock.nowNs + TCP_DELACK_MAX_MS * 1e6);
    dataSndCheck(sk);
  } else {
    sendAck(sk);
  }
}

function crossedSyn(sk: TcpSock, skb: SkBuff, window: number): void {
  setState(sk, TCP_SYN_RECV);
  takeSyn(sk, skb, window);
  syncMss(sk, sk.pmtu);
  initializeRcvMss(sk);
  transmitSyn(sk, sk.sndUna);
  skb.consume();
}
