/**
 * Turns "send this" into a segment on its way: header, options, checksum, and what a departure changes in the sock. One function for every segment of a
 * connection; those without one are in reply.ts.
 *
 * @kernel __tcp_transmit_skb — net/ipv4/tcp_output.c, 7.3
 */
import { CHECKSUM_PARTIAL, SKB_GSO_TCPV4, SKB_GSO_TCPV6, type SkBuff } from '@netmem/netdev';
import { ENOBUFS, IPPROTO } from '@netmem/uapi';
import { TcpOptions, tcpOptionsLength, writeTcpOptions } from '@netmem/wire';
import { ipOutput } from '../stack/ip-output.ts';
import { allocPacket } from '../stack/packet.ts';
import { fold } from '../stack/transport-checksum.ts';
import { ICSK_ACK_SCHED, ICSK_ACK_TIMER, TCP_ATO_MIN_MS, TCP_DELACK_MAX_MS } from './ack-control.ts';
import { enterCwr } from './cwnd-reduction.ts';
import { ecnSendFlags, INET_ECN_ECT_0, TCP_ECN_OK } from './ecn.ts';
import { packetsInFlight } from './in-flight.ts';
import { advertiseMss, ensureRoute, optionBytes, sackBlocksThatFit } from './mss.ts';
import { TSTAMP_WORD } from './options.ts';
import { CB_DELIVERED, CB_END_SEQ, CB_FLAGS, CB_PCOUNT, CB_SEG_BYTES, CB_SENT_US, CB_SEQ } from './skb-cb.ts';
import type { TcpSock } from './tcp-sock.ts';
import {
  TCP_CLOSE,
  TCP_SYN_RECV,
  TCPHDR_ACK,
  TCPHDR_CWR,
  TCPHDR_ECE,
  TCPHDR_FIN,
  TCPHDR_SYN,
  TCPHDR_URG,
} from './tcp-states.ts';
import { selectWindow } from './window.ts';

const TCP_HEADER = 20;
const CHECKSUM_AT = 16;
const URGENT_AT = 18;
const synOptions: TcpOptions = new TcpOptions();

/** Finishes the header at `skb.data` (checksum field and all) for output. */
export function finishHeader(view: DataView, skb: SkBuff, pseudoSum: number): void {
  const at = skb.data;
  skb.transportHeader = at;
  skb.ipSummed = CHECKSUM_PARTIAL;
  skb.csumStart = at;
  skb.csumOffset = CHECKSUM_AT;
  view.setUint16(at + CHECKSUM_AT, fold(pseudoSum + (skb.len & 0xffff) + (skb.len >>> 16)));
}

/**
 * Sends `packet`, which holds the payload or nothing, as a segment of an established (or closing) connection. Owns `packet`.
 *
 * @param mss - payload per segment on the wire; a longer payload leaves as a super-segment.
 * @returns 0; 1 the device dropped it; negative errno when it could not leave.
 */
export function transmitSegment(sk: TcpSock, packet: SkBuff, baseFlags: number, seq: number, mss: number): number {
  const stack = sk.stack;
  const view = stack.view;
  const payload = packet.len;
  let flags = baseFlags;
  let tos = sk.tos;
  if (sk.ecnFlags !== 0) {
    // Only new data may be marked: a retransmission that is marked would slow the sender twice (RFC 3168, 6.1.5).
    const fresh = payload > 0 && ((seq - sk.sndNxt) | 0) >= 0;
    flags |= ecnSendFlags(sk, fresh);
    if (fresh) tos |= INET_ECN_ECT_0;
  }
  const options = optionBytes(sk);
  const header = TCP_HEADER + options;
  const window = selectWindow(sk);
  const at = packet.push(header);
  view.setInt32(at, (sk.localPort << 16) | sk.remotePort);
  view.setInt32(at + 4, seq);
  view.setInt32(at + 8, sk.rcvNxt);
  view.setInt32(at + 12, (header << 26) | (flags << 16) | window);
  view.setInt32(at + CHECKSUM_AT, 0);
  if (options > 0) writeEstablishedOptions(sk, view, at + TCP_HEADER);
  if (sk.sndUp !== seq && ((sk.sndUp - seq) | 0) > 0 && ((sk.sndUp - seq) | 0) <= 0xffff) {
    view.setUint8(at + 13, flags | TCPHDR_URG);
    view.setUint16(at + URGENT_AT, (sk.sndUp - seq) | 0);
  }
  let segments = 1;
  if (payload > mss) {
    segments = Math.ceil(payload / mss);
    packet.gsoSize = mss;
    packet.gsoSegs = segments;
    packet.gsoType = sk.remoteAddress.isV4 ? SKB_GSO_TCPV4 : SKB_GSO_TCPV6;
  }
  finishHeader(view, packet, sk.pseudoSum);
  ackSent(sk);
  sk.segsOut += segments;
  stack.stats.TcpOutSegs += segments;
  if (payload > 0) {
    sk.dataSegsOut += segments;
    sk.bytesSent += payload;
    dataSent(sk);
    packet.owner = sk;
    packet.destructor = transmitDone;
    sk.wmemAlloc += packet.truesize;
  }
  return output(sk, packet, tos);
}

function output(sk: TcpSock, packet: SkBuff, tos: number): number {
  packet.hash = sk.node.hash >>> 0;
  packet.l4Hash = true;
  const stack = sk.stack;
  const to = sk.remoteAddress;
  const ttl = to.isV4 ? sk.ttl : sk.hopLimit;
  const result = ipOutput(stack, packet, sk.dst, sk.localAddress, to, IPPROTO.TCP, ttl, tos);
  // The device's queue was full: slow down, as for a loss on the wire.
  if (result > 0) enterCwr(sk);
  return result;
}

/** The device is done with a data segment. One function for all: it finds its sock in `owner`. @kernel tcp_wfree — net/ipv4/tcp_output.c, 7.3 */
function transmitDone(skb: SkBuff): void {
  const sk = skb.owner as TcpSock;
  sk.wmemAlloc -= skb.truesize;
  if (sk.throttled && sk.wmemAlloc < sk.stack.sysctl.tcpLimitOutputBytes >> 1) sk.stack.tcp.resumeThrottled(sk);
}

function writeEstablishedOptions(sk: TcpSock, view: DataView, at: number): void {
  let here = at;
  const options = sk.options;
  if (options.tstampOk) {
    view.setInt32(here, TSTAMP_WORD);
    view.setInt32(here + 4, (sk.stack.nowMs + options.tsOffset) | 0);
    view.setInt32(here + 8, options.tsRecent);
    here += 12;
  }
  const blocks = sackBlocksThatFit(sk, here - at);
  if (blocks === 0) return;
  const sack = sk.rxSack;
  view.setInt32(here, 0x01010500 | (2 + 8 * blocks));
  here += 4;
  let left = blocks;
  if (sack.hasDuplicate) {
    view.setInt32(here, sack.duplicateLeft);
    view.setInt32(here + 4, sack.duplicateRight);
    here += 8;
    left--;
    // Said once.
    sack.hasDuplicate = false;
  }
  for (let i = 0; i < left; i++, here += 8) {
    view.setInt32(here, sack.left[i]);
    view.setInt32(here + 4, sack.right[i]);
  }
}

/** An ACK left: whatever was owed is paid. @kernel tcp_event_ack_sent — net/ipv4/tcp_output.c, 7.3 */
function ackSent(sk: TcpSock): void {
  const ack = sk.ack;
  ack.spendQuick();
  ack.pending = 0;
}

/** Data left. @kernel tcp_event_data_sent — net/ipv4/tcp_output.c, 7.3 */
function dataSent(sk: TcpSock): void {
  const now = sk.stack.nowMs;
  if (packetsInFlight(sk) === 0) sk.cong.control.txStart();
  sk.lsndTimeMs = now;
  // Data that follows soon after data received is an answer: the conversation is interactive.
  if (((now - sk.ack.lrcvtimeMs) | 0) < sk.ack.atoMs) sk.ack.pingpong = Math.min(sk.ack.pingpong + 1, 255);
}

/** Sends the payload of a queued skb again or for the first time. The skb stays in its queue. @returns as transmitSegment; -ENOBUFS no skb. */
export function transmitQueued(sk: TcpSock, skb: SkBuff, mss: number): number {
  if ((skb.cb[CB_FLAGS] & TCPHDR_SYN) !== 0) {
    skb.cb[CB_SENT_US] = sk.stack.nowUs;
    return transmitSyn(sk, skb.cb[CB_SEQ]);
  }
  const packet = allocPacket(sk.stack, 0, 0);
  if (packet === null) return -ENOBUFS;
  const result = ensureRoute(sk);
  if (result < 0) {
    packet.free();
    return result;
  }
  const netmem = sk.stack.network.netmem;
  const count = skb.nrFrags;
  for (let i = 0; i < count; i++) {
    const ref = skb.fragRef(i);
    const size = skb.fragSize(i);
    netmem.get(ref);
    packet.addRxFragNetmem(ref, skb.fragOffset(i), size, size);
  }
  skb.cb[CB_SENT_US] = sk.stack.nowUs;
  skb.cb[CB_DELIVERED] = sk.delivered;
  skb.cb[CB_SEG_BYTES] = mss;
  return transmitSegment(sk, packet, skb.cb[CB_FLAGS] | TCPHDR_ACK, skb.cb[CB_SEQ], mss);
}

/** A bare segment: ACK, FIN|ACK without data, RST. @returns as transmitSegment; -ENOBUFS. */
export function transmitBare(sk: TcpSock, flags: number, seq: number): number {
  const packet = allocPacket(sk.stack, 0, 0);
  if (packet === null) return -ENOBUFS;
  const result = ensureRoute(sk);
  if (result < 0) {
    packet.free();
    return result;
  }
  return transmitSegment(sk, packet, flags, seq, sk.mssCache);
}

/**
 * Sequence number for a segment without data: inside the peer's window even if that shrank.
 *
 * A peer that kept the promise of its larger window took what lies beyond, and finds our ACKs too old, while we, if it happened both ways, find its ACKs
 * too old that say so. Linux would stay there. A choice: while timeouts bring nothing, every other one tries with the end of what was sent.
 *
 * @kernel tcp_acceptable_seq — net/ipv4/tcp_output.c, 7.3
 */
export function acceptableSeq(sk: TcpSock): number {
  const end = (sk.sndUna + sk.sndWnd) | 0;
  const over = (sk.sndNxt - end) | 0;
  if (over <= 0 || (sk.options.wscaleOk && over < 1 << sk.wnd.rcvWscale)) return sk.sndNxt;
  return (sk.retransmits & 1) !== 0 ? sk.sndNxt : end;
}

/** Sends an ACK now; without an skb it is tried again by the timer. @kernel tcp_send_ack — net/ipv4/tcp_output.c, 7.3 */
export function sendAck(sk: TcpSock): void {
  if (sk.state === TCP_CLOSE) return;
  if (transmitBare(sk, TCPHDR_ACK, acceptableSeq(sk)) !== -ENOBUFS) return;
  const ack = sk.ack;
  ack.pending |= ICSK_ACK_SCHED | ICSK_ACK_TIMER;
  ack.atoMs = TCP_ATO_MIN_MS;
  ack.timeoutMs = (sk.stack.nowMs + TCP_DELACK_MAX_MS) | 0;
  sk.delackTimer.mod(sk.stack.clock.nowNs + TCP_DELACK_MAX_MS * 1e6);
}

/**
 * Sends SYN, or SYN|ACK in a simultaneous open, with everything this end offers.
 *
 * @returns 0; 1 dropped by the device; -ENOBUFS, -ENETUNREACH, -EHOSTUNREACH.
 */
export function transmitSyn(sk: TcpSock, seq: number): number {
  const stack = sk.stack;
  const packet = allocPacket(stack, 0, 0);
  if (packet === null) return -ENOBUFS;
  const result = ensureRoute(sk);
  if (result < 0) {
    packet.free();
    return result;
  }
  // In SYN_RECV this is the answer of a simultaneous open: it may only offer what the peer offered.
  const second = sk.state === TCP_SYN_RECV;
  const o = synOptions;
  const offered = stack.sysctl;
  o.clear();
  o.mss = advertiseMss(sk, sk.dst.mtu);
  o.hasTimestamp = second ? sk.options.tstampOk : offered.tcpTimestamps;
  o.sackPermitted = second ? sk.options.sackOk : offered.tcpSack;
  o.windowScale = (second ? sk.options.wscaleOk : offered.tcpWindowScaling) ? sk.wnd.rcvWscale : -1;
  o.tsVal = (stack.nowMs + sk.options.tsOffset) >>> 0;
  o.tsEcr = second ? sk.options.tsRecent >>> 0 : 0;
  const header = TCP_HEADER + tcpOptionsLength(o);
  const at = packet.push(header);
  const view = stack.view;
  let flags = second ? TCPHDR_SYN | TCPHDR_ACK : TCPHDR_SYN;
  if (second) flags |= (sk.ecnFlags & TCP_ECN_OK) !== 0 ? TCPHDR_ECE : 0;
  // Some middleboxes drop SYNs that ask for ECN: a repeated one does not (tcp_ecn_fallback).
  else if (offered.tcpEcn === 1 && sk.retransmits === 0) flags |= TCPHDR_ECE | TCPHDR_CWR;
  view.setInt32(at, (sk.localPort << 16) | sk.remotePort);
  view.setInt32(at + 4, seq);
  view.setInt32(at + 8, second ? sk.rcvNxt : 0);
  // The window of a SYN is never scaled (RFC 7323, 2.2).
  view.setInt32(at + 12, (header << 26) | (flags << 16) | Math.min(sk.wnd.rcvWnd, 65535));
  view.setInt32(at + CHECKSUM_AT, 0);
  writeTcpOptions(view, at + TCP_HEADER, o);
  finishHeader(view, packet, sk.pseudoSum);
  sk.segsOut++;
  stack.stats.TcpOutSegs++;
  return output(sk, packet, sk.tos);
}

/** Sequence numbers that a queued skb takes. */
export function seqLength(skb: SkBuff): number {
  return (skb.cb[CB_END_SEQ] - skb.cb[CB_SEQ]) | 0;
}

/** Segments that `bytes` make on the wire; a FIN alone is one. */
export function segmentsOf(bytes: number, mss: number): number {
  return bytes <= mss ? 1 : Math.ceil(bytes / mss);
}

/** Whether a queued skb ends in FIN. */
export function hasFin(skb: SkBuff): boolean {
  return (skb.cb[CB_FLAGS] & TCPHDR_FIN) !== 0;
}

/** Segments a queued skb counts for. */
export function pcountOf(skb: SkBuff): number {
  return skb.cb[CB_PCOUNT];
}
