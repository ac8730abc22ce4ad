/** What may leave now: the peer's window, the congestion window, Nagle, and retransmissions. @kernel tcp_write_xmit — net/ipv4/tcp_output.c, 7.3 */
import type { SkBuff } from '@netmem/netdev';
import { EAGAIN, ENOMEM } from '@netmem/uapi';
import { TCP_CA_LOSS } from './congestion.ts';
import { validateCwnd } from './cwnd-validation.ts';
import { packetsInFlight } from './in-flight.ts';
import { currentMss, ensureRoute } from './mss.ts';
import { hasFin, pcountOf, segmentsOf, transmitBare, transmitQueued } from './segment.ts';
import {
  CB_END_SEQ,
  CB_FLAGS,
  CB_SACKED,
  CB_SEQ,
  TCPCB_EVER_RETRANS,
  TCPCB_LOST,
  TCPCB_RETRANS,
  TCPCB_SACKED_ACKED,
  TCPCB_SACKED_RETRANS,
} from './skb-cb.ts';
import type { TcpSock } from './tcp-sock.ts';
import { TCP_CLOSE, TCPHDR_ACK, TCPHDR_FIN, TCPHDR_PSH } from './tcp-states.ts';
import { countRetransmission } from './undo.ts';
import { adjustPcount, appendSkb, fragmentSkb, setPcount, trimHead } from './write-queue.ts';
import {
  checkProbeTimer,
  ICSK_TIME_LOSS_PROBE,
  ICSK_TIME_PROBE0,
  ICSK_TIME_REO_TIMEOUT,
  ICSK_TIME_RETRANS,
  probe0WhenMs,
  rearmRto,
  resetXmitTimer,
  scheduleLossProbe,
} from './xmit-timer.ts';

/** Bits of `TcpSock.nonagle`. @kernel TCP_NAGLE_OFF — include/net/tcp.h, 7.3 */
export const TCP_NAGLE_OFF = 1;
export const TCP_NAGLE_CORK = 2;
/** Once: send what waits. */
export const TCP_NAGLE_PUSH = 4;

/** Try again this soon after a local shortage. @kernel TCP_RESOURCE_PROBE_INTERVAL — include/net/tcp.h, 7.3 */
export const TCP_RESOURCE_PROBE_MS = 500;

/** End of the peer's window. @kernel tcp_wnd_end — include/net/tcp.h, 7.3 */
export function windowEnd(sk: TcpSock): number {
  return (sk.sndUna + sk.sndWnd) | 0;
}

/**
 * Sends from the write queue until window, Nagle or the device stops it.
 *
 * @param pushOne - send one skb at most.
 * @param probe - this is a tail loss probe: one segment, whatever the congestion window says.
 * @returns true when data wait, nothing is in flight: only a probe can get things going.
 */
export function writeXmit(
  sk: TcpSock,
  mss: number,
  nonagle: number,
  pushOne: boolean,
  probe: boolean = false,
): boolean {
  let sent = 0;
  let cwndLimited = false;
  const maxSegments = Math.max(1, Math.trunc(65000 / mss));
  for (let skb = sk.writeQueue.first; skb !== null; skb = sk.writeQueue.first) {
    let quota = sk.cong.cwnd - packetsInFlight(sk);
    if (quota <= 0) {
      cwndLimited = true;
      if (!probe) break;
      quota = 1;
    }
    const count = setPcount(skb, mss);
    if (!windowAllows(sk, skb, mss)) break;
    let limit = mss;
    if (count === 1) {
      const last = skb.next === null;
      if (!nagleAllows(sk, skb, mss, last ? nonagle : TCP_NAGLE_PUSH)) break;
    } else {
      limit = splitPoint(sk, skb, mss, probe ? 1 : Math.min(quota, maxSegments), nonagle);
    }
    if (sk.wmemAlloc > sk.stack.sysctl.tcpLimitOutputBytes) {
      sk.throttled = true;
      break;
    }
    if (skb.len > limit && !fragmentSkb(sk, sk.writeQueue, skb, limit, mss)) break;
    if (transmitQueued(sk, skb, mss) !== 0) break;
    sent += newDataSent(sk, skb);
    if (skb.len < mss) sk.sndSml = skb.cb[CB_END_SEQ];
    if (pushOne) break;
  }
  if (sent > 0) {
    const cong = sk.cong;
    if (cong.inReduction) cong.prrOut += sent;
    if (!probe) scheduleLossProbe(sk, false);
    cwndLimited ||= packetsInFlight(sk) >= cong.cwnd;
    validateCwnd(sk, cwndLimited);
    return false;
  }
  return sk.packetsOut === 0 && sk.writeQueue.first !== null;
}

/** Whether the peer's window takes the first segment of `skb`. @kernel tcp_snd_wnd_test — net/ipv4/tcp_output.c, 7.3 */
export function windowAllows(sk: TcpSock, skb: SkBuff, mss: number): boolean {
  const end = skb.len > mss ? (skb.cb[CB_SEQ] + mss) | 0 : skb.cb[CB_END_SEQ];
  return ((end - windowEnd(sk)) | 0) <= 0;
}

/** Nagle with Minshall's change: a small segment waits only while another small one is unacknowledged. @kernel tcp_nagle_test — net/ipv4/tcp_output.c, 7.3 */
function nagleAllows(sk: TcpSock, skb: SkBuff, mss: number, nonagle: number): boolean {
  if ((nonagle & TCP_NAGLE_PUSH) !== 0 || hasFin(skb)) return true;
  if (((sk.sndUp - skb.cb[CB_SEQ]) | 0) > 0) return true;
  return !nagleHolds(sk, skb.len < mss, nonagle);
}

function nagleHolds(sk: TcpSock, partial: boolean, nonagle: number): boolean {
  if (!partial) return false;
  if ((nonagle & TCP_NAGLE_CORK) !== 0) return true;
  return nonagle === 0 && sk.packetsOut > 0 && minshall(sk);
}

/** @kernel tcp_minshall_check — net/ipv4/tcp_output.c, 7.3 */
function minshall(sk: TcpSock): boolean {
  return ((sk.sndSml - sk.sndUna) | 0) > 0 && ((sk.sndSml - sk.sndNxt) | 0) <= 0;
}

/** Where to cut a super-segment: at the window, the quota, or before a last small segment that Nagle holds. @kernel tcp_mss_split_point — net/ipv4/tcp_output.c, 7.3 */
function splitPoint(sk: TcpSock, skb: SkBuff, mss: number, segments: number, nonagle: number): number {
  const window = (windowEnd(sk) - skb.cb[CB_SEQ]) | 0;
  const most = mss * segments;
  if (most <= window && skb.next !== null) return most;
  const needed = Math.min(skb.len, window);
  if (most <= needed) return most;
  const partial = needed % mss;
  return nagleHolds(sk, partial !== 0, nonagle) ? needed - partial : needed;
}

/** The skb left for the first time. @returns its segments. @kernel tcp_event_new_data_sent — net/ipv4/tcp_output.c, 7.3 */
function newDataSent(sk: TcpSock, skb: SkBuff): number {
  const count = pcountOf(skb);
  const first = sk.packetsOut === 0;
  sk.sndNxt = skb.cb[CB_END_SEQ];
  sk.writeQueue.unlink(skb);
  sk.rtxQueue.push(skb);
  sk.packetsOut += count;
  sk.stack.stats.TcpExtTCPOrigDataSent += count;
  if (first || sk.pendingTimer === ICSK_TIME_LOSS_PROBE) rearmRto(sk);
  return count;
}

/** Sends what may leave, and starts the probe timer when nothing may. @kernel __tcp_push_pending_frames — net/ipv4/tcp_output.c, 7.3 */
export function pushPending(sk: TcpSock, mss: number, nonagle: number): void {
  if (sk.writeQueue.first === null || sk.state === TCP_CLOSE) return;
  if (writeXmit(sk, mss, nonagle, false)) checkProbeTimer(sk);
}

/** The same with the sock's own MSS and Nagle setting. @kernel tcp_push_pending_frames — include/net/tcp.h, 7.3 */
export function pushPendingFrames(sk: TcpSock): void {
  if (sk.writeQueue.first !== null) pushPending(sk, currentMss(sk), sk.nonagle);
}

/**
 * Sends a sent skb again, `segments` of it at most.
 *
 * @returns 0; 1 dropped by the device; -EAGAIN beyond the peer's window; -ENOMEM, -ENOBUFS, -EHOSTUNREACH.
 * @kernel __tcp_retransmit_skb — net/ipv4/tcp_output.c, 7.3
 */
export function resendSkb(sk: TcpSock, skb: SkBuff, segments: number): number {
  const behind = (sk.sndUna - skb.cb[CB_SEQ]) | 0;
  if (behind > 0) trimHead(sk, skb, Math.min(behind, skb.len));
  const route = ensureRoute(sk);
  if (route < 0) return route;
  const mss = currentMss(sk);
  let window = (windowEnd(sk) - skb.cb[CB_SEQ]) | 0;
  if (window <= 0) {
    // The peer shrank its window. The oldest segment probes it.
    if (skb.cb[CB_SEQ] !== sk.sndUna) return -EAGAIN;
    window = mss;
  }
  // Not a byte beyond: a peer that took more would then find our ACKs, which stand at the window's end, too old.
  const length = mss * segments <= window ? mss * segments : window - (window % mss) || window;
  if (skb.len > length) {
    if (!fragmentSkb(sk, sk.rtxQueue, skb, length, mss)) return -ENOMEM;
  } else {
    const before = pcountOf(skb);
    const now = segmentsOf(skb.len, mss);
    if (now !== before) adjustPcount(sk, skb, before - now);
    setPcount(skb, mss);
  }
  const count = pcountOf(skb);
  sk.stack.stats.TcpRetransSegs += count;
  sk.totalRetrans += count;
  sk.bytesRetrans += skb.len;
  const result = transmitQueued(sk, skb, mss);
  // Marked even if it never left: its time of departure is no longer that of the first copy.
  skb.cb[CB_SACKED] |= TCPCB_EVER_RETRANS;
  if (result > 0) sk.stack.stats.TcpExtTCPRetransFail += count;
  return result;
}

/** The same as a repair: it is out again, and what is reported twice may be this. @returns as resendSkb. @kernel tcp_retransmit_skb — net/ipv4/tcp_output.c, 7.3 */
export function retransmitSkb(sk: TcpSock, skb: SkBuff, segments: number): number {
  const result = resendSkb(sk, skb, segments);
  const count = pcountOf(skb);
  if (result === 0) {
    skb.cb[CB_SACKED] |= TCPCB_RETRANS;
    sk.retransOut += count;
  }
  if (sk.retransStampMs === 0) sk.retransStampMs = sk.stack.nowMs === 0 ? 1 : sk.stack.nowMs;
  countRetransmission(sk, count);
  return result;
}

/** Sends again what is marked lost, as far as the congestion window lets. @kernel tcp_xmit_retransmit_queue — net/ipv4/tcp_output.c, 7.3 */
export function retransmitLost(sk: TcpSock): void {
  if (sk.packetsOut === 0) return;
  const stats = sk.stack.stats;
  const mss = currentMss(sk);
  const maxSegments = Math.max(1, Math.trunc(65000 / mss));
  let rearm = false;
  for (let skb = sk.rtxQueue.first; skb !== null; skb = skb.next) {
    const room = sk.cong.cwnd - packetsInFlight(sk);
    if (room <= 0 || sk.retransOut >= sk.lostOut) break;
    const sacked = skb.cb[CB_SACKED];
    if ((sacked & TCPCB_LOST) === 0 || (sacked & (TCPCB_SACKED_ACKED | TCPCB_SACKED_RETRANS)) !== 0) continue;
    if (retransmitSkb(sk, skb, Math.min(room, maxSegments)) !== 0) break;
    const count = pcountOf(skb);
    if (sk.cong.state === TCP_CA_LOSS) stats.TcpExtTCPSlowStartRetrans += count;
    else stats.TcpExtTCPFastRetrans += count;
    if (sk.cong.inReduction) sk.cong.prrOut += count;
    if (skb === sk.rtxQueue.first && sk.pendingTimer !== ICSK_TIME_REO_TIMEOUT) rearm = true;
  }
  if (rearm) resetXmitTimer(sk, ICSK_TIME_RETRANS, sk.rtt.rtoMs);
}

/**
 * Ends the sending direction: FIN on the last unsent skb, or on one of its own. Without memory for one it rides on the last unacknowledged skb, or waits
 * half a second.
 *
 * @kernel tcp_send_fin — net/ipv4/tcp_output.c, 7.3
 */
export function sendFin(sk: TcpSock): void {
  let tail = sk.writeQueue.last;
  if (tail === null) {
    tail = appendSkb(sk, TCPHDR_ACK) ?? sk.rtxQueue.last;
    if (tail === null) {
      sk.finPending = true;
      sk.sockTimer.mod(sk.stack.clock.nowNs + TCP_RESOURCE_PROBE_MS * 1e6);
      return;
    }
  }
  sk.finPending = false;
  tail.cb[CB_FLAGS] |= TCPHDR_FIN;
  tail.cb[CB_END_SEQ] = (tail.cb[CB_END_SEQ] + 1) | 0;
  sk.writeSeq = (sk.writeSeq + 1) | 0;
  // On a segment that left already: the FIN goes out when that is sent again.
  if (tail.list === sk.rtxQueue) sk.sndNxt = (sk.sndNxt + 1) | 0;
  pushPending(sk, currentMss(sk), TCP_NAGLE_OFF);
}

/**
 * A segment that makes the peer answer with its window: waiting data as far as the window takes them, else an old sequence number.
 *
 * @param keepalive - it only asks whether the peer is there.
 * @returns as transmitSegment.
 * @kernel tcp_write_wakeup — net/ipv4/tcp_output.c, 7.3
 */
export function writeWakeup(sk: TcpSock, keepalive: boolean): number {
  if (sk.state === TCP_CLOSE) return -1;
  const skb = sk.writeQueue.first;
  const room = skb === null ? 0 : (windowEnd(sk) - skb.cb[CB_SEQ]) | 0;
  if (skb !== null && room > 0) {
    const mss = currentMss(sk);
    if (room < ((skb.cb[CB_END_SEQ] - skb.cb[CB_SEQ]) | 0) || skb.len > mss) {
      const length = Math.min(room, mss);
      if (length < skb.len && !fragmentSkb(sk, sk.writeQueue, skb, length, mss)) return -1;
    }
    skb.cb[CB_FLAGS] |= TCPHDR_PSH;
    setPcount(skb, mss);
    const result = transmitQueued(sk, skb, mss);
    if (result === 0) newDataSent(sk, skb);
    return result;
  }
  // The peer must hear of urgent data even with its window shut: only the next number points to them.
  const urgent = (sk.sndUp - sk.sndUna) | 0;
  if (urgent > 0 && urgent <= 0xffff) sendProbe(sk, sk.sndUna, keepalive);
  return sendProbe(sk, (sk.sndUna - 1) | 0, keepalive);
}

/** @kernel tcp_xmit_probe_skb — net/ipv4/tcp_output.c, 7.3 */
function sendProbe(sk: TcpSock, seq: number, keepalive: boolean): number {
  if (keepalive) sk.stack.stats.TcpExtTCPKeepAlive++;
  else sk.stack.stats.TcpExtTCPWinProbe++;
  return transmitBare(sk, TCPHDR_ACK, seq);
}

/** @kernel tcp_send_probe0 — net/ipv4/tcp_output.c, 7.3 */
export function sendProbe0(sk: TcpSock): void {
  const result = writeWakeup(sk, false);
  if (sk.packetsOut > 0 || sk.writeQueue.first === null) {
    sk.probesOut = 0;
    sk.backoff = 0;
    return;
  }
  sk.probesOut++;
  let whenMs = TCP_RESOURCE_PROBE_MS;
  if (result <= 0) {
    if (sk.backoff < sk.stack.sysctl.tcpRetries2) sk.backoff++;
    whenMs = probe0WhenMs(sk);
  }
  resetXmitTimer(sk, ICSK_TIME_PROBE0, whenMs);
}
