/**
 * The receive window. Linux advertises what the receive buffer can still hold, where every queued skb costs its `truesize`, not its payload: a device that
 * puts 1448 bytes into a 4 KiB net_iov costs 4 KiB and more. `scalingRatio` is the learned payload share (in 1/256) that turns buffer into window.
 *
 * @kernel __tcp_select_window — net/ipv4/tcp_output.c, 7.3
 */
import { EINVAL } from '@netmem/uapi';
import { seqAfter } from '@netmem/wire';
import { ICSK_ACK_NOMEM } from './ack-control.ts';
import { CB_END_SEQ } from './skb-cb.ts';
import type { TcpSock } from './tcp-sock.ts';
import { TCP_CLOSE } from './tcp-states.ts';

/** @kernel TCP_RMEM_TO_WIN_SCALE — include/linux/tcp.h, 7.3 */
export const TCP_RMEM_TO_WIN_SCALE = 8;
/** Half the buffer, until the first segment shows better. @kernel TCP_DEFAULT_SCALING_RATIO — include/net/tcp.h, 7.3 */
export const TCP_DEFAULT_SCALING_RATIO = 128;
/** Smallest receive buffer; half of it is the smallest clamp. @kernel SOCK_MIN_RCVBUF — include/net/sock.h, 7.3 */
export const SOCK_MIN_RCVBUF = 2304;
/** RFC 7323, 2.3. @kernel TCP_MAX_WSCALE — include/net/tcp.h, 7.3 */
export const TCP_MAX_WSCALE = 14;

export class ReceiveWindow {
  /** Last advertised window in bytes, and rcvNxt at that time. */
  rcvWnd: number = 0;
  rcvWup: number = 0;
  /** Highest right edge that was ever offered. A window that had to be taken back (no memory) still obliges: RFC 7323, 2.4. */
  maxEdge: number = 0;
  /** Most that is ever advertised. */
  clamp: number = 0;
  /** Current limit, grows as the peer proves to fill it. */
  ssthresh: number = 0;
  scalingRatio: number = TCP_DEFAULT_SCALING_RATIO;
  rcvWscale: number = 0;
  // Dynamic right-sizing: bytes the application took per round trip.
  spaceBytes: number = 0;
  spaceSeq: number = 0;
  spaceTimeUs: number = 0;
  /** Receiver-side RTT estimate in µs, times 8; 0 none. */
  rttUs: number = 0;
  rttSeq: number = 0;
  rttTimeUs: number = 0;
  rttLastTsecr: number = 0;

  /** What is left of the advertised window. @kernel tcp_receive_window — include/net/tcp.h, 7.3 */
  remaining(rcvNxt: number): number {
    const win = (this.rcvWup + this.rcvWnd - rcvNxt) | 0;
    return Math.max(win, 0);
  }

  /** What is left of the largest window that was offered. @kernel tcp_max_receive_window — include/net/tcp.h, 7.3 */
  promised(rcvNxt: number): number {
    return Math.max((this.maxEdge - rcvNxt) | 0, 0);
  }

  /** A window is offered now, from `rcvNxt` on. */
  offer(rcvNxt: number, window: number): void {
    this.rcvWnd = window;
    this.rcvWup = rcvNxt;
    if (((rcvNxt + window - this.maxEdge) | 0) > 0) this.maxEdge = (rcvNxt + window) | 0;
  }

  /** Begins a connection: `rcvNxt` is known and the window that a SYN offered counts from there. */
  begin(rcvNxt: number): void {
    this.rcvWup = rcvNxt;
    this.maxEdge = (rcvNxt + this.rcvWnd) | 0;
  }

  /** Window that `space` bytes of buffer carry. @kernel tcp_win_from_space — include/net/tcp.h, 7.3 */
  fromSpace(space: number): number {
    return Math.floor((space * this.scalingRatio) / 256);
  }

  /** Buffer that a window needs. @kernel tcp_space_from_win — include/net/tcp.h, 7.3 */
  spaceFor(win: number): number {
    return Math.floor((win * 256) / this.scalingRatio);
  }
}

/** Window that the free buffer carries now. @kernel tcp_space — include/net/tcp.h, 7.3 */
export function tcpSpace(sk: TcpSock): number {
  return sk.wnd.fromSpace(sk.rcvbuf - sk.rmemAlloc);
}

/** Window of the empty buffer. @kernel tcp_full_space — include/net/tcp.h, 7.3 */
export function tcpFullSpace(sk: TcpSock): number {
  return sk.wnd.fromSpace(sk.rcvbuf);
}

/** What could be advertised now, silly windows avoided. Bytes, before scaling. */
export function computeWindow(sk: TcpSock): number {
  const wnd = sk.wnd;
  const allowed = tcpFullSpace(sk);
  const full = Math.min(wnd.clamp, allowed);
  let free = tcpSpace(sk);
  let mss = sk.ack.rcvMss;
  if (mss > full) {
    mss = full;
    if (mss <= 0) return 0;
  }
  if (free < full >> 1) {
    sk.ack.quick = 0;
    // Scaling rounds up below: round down here, so that little space does not become a window.
    free = (free >> wnd.rcvWscale) << wnd.rcvWscale;
    if (free < allowed >> 4 || free < mss) return 0;
  }
  if (free > wnd.ssthresh) free = wnd.ssthresh;
  if (wnd.rcvWscale > 0) {
    const unit = 1 << wnd.rcvWscale;
    return (free + unit - 1) & -unit;
  }
  const window = wnd.rcvWnd;
  if (window <= free - mss || window > free) return free - (free % mss);
  if (mss === full && free > window + (full >> 1)) return free;
  return window;
}

/**
 * Chooses and records the window of a segment that leaves now. Never takes back what was offered (RFC 9293, 3.8.6).
 *
 * @returns the value of the header field, scaled.
 * @kernel tcp_select_window — net/ipv4/tcp_output.c, 7.3
 */
export function selectWindow(sk: TcpSock): number {
  const wnd = sk.wnd;
  const stats = sk.stack.stats;
  const old = wnd.rcvWnd;
  if ((sk.ack.pending & ICSK_ACK_NOMEM) !== 0) {
    sk.predFlags = 0;
    wnd.offer(sk.rcvNxt, 0);
    return 0;
  }
  const current = wnd.remaining(sk.rcvNxt);
  let next = computeWindow(sk);
  if (next < current) {
    if (next === 0) stats.TcpExtTCPWantZeroWindowAdv++;
    const unit = 1 << wnd.rcvWscale;
    next = (current + unit - 1) & -unit;
  }
  wnd.offer(sk.rcvNxt, next);
  const field = Math.min(next, 65535 << wnd.rcvWscale) >> wnd.rcvWscale;
  if (field === 0) {
    sk.predFlags = 0;
    if (old !== 0) stats.TcpExtTCPToZeroWindowAdv++;
  } else if (old === 0) {
    stats.TcpExtTCPFromZeroWindowAdv++;
  }
  return field;
}

/** Window and scale for a SYN. Results are left in `sk`-independent form: `rcvWnd`, `clamp`, `wscale` of `out`. @kernel tcp_select_initial_window — net/ipv4/tcp_output.c, 7.3 */
export function selectInitialWindow(
  out: { rcvWnd: number; clamp: number; rcvWscale: number },
  space: number,
  mss: number,
  windowClamp: number,
  wscaleOk: boolean,
  maxSpace: number,
): void {
  let clamp = windowClamp === 0 ? 65535 << TCP_MAX_WSCALE : windowClamp;
  let room = Math.max(0, Math.min(space, clamp));
  if (room > mss) room -= room % mss;
  out.rcvWscale = 0;
  out.rcvWnd = room;
  if (wscaleOk) {
    const largest = Math.min(Math.max(room, maxSpace), clamp);
    out.rcvWscale = Math.min(Math.max(31 - Math.clz32(Math.max(largest, 1)) - 15, 0), TCP_MAX_WSCALE);
  }
  clamp = Math.min(65535 << out.rcvWscale, clamp);
  out.clamp = clamp;
}

/** Sets up the buffer and window of a connection that just became established. @kernel tcp_init_buffer_space — net/ipv4/tcp_input.c, 7.3 */
export function initBufferSpace(sk: TcpSock): void {
  const wnd = sk.wnd;
  wnd.spaceBytes = Math.max(1, Math.min(wnd.rcvWnd, 10 * sk.advmss));
  wnd.spaceTimeUs = sk.stack.nowUs;
  wnd.spaceSeq = sk.copiedSeq;
  const max = tcpFullSpace(sk);
  if (wnd.clamp >= max) wnd.clamp = max;
  wnd.ssthresh = Math.min(wnd.ssthresh, wnd.clamp);
}

/** Raises the window limit because `length` bytes were worth their `truesize`. @kernel tcp_grow_window — net/ipv4/tcp_input.c, 7.3 */
export function growWindow(sk: TcpSock, length: number, truesize: number): void {
  const wnd = sk.wnd;
  const room = Math.min(wnd.clamp, tcpSpace(sk)) - wnd.ssthresh;
  if (room <= 0) return;
  let increment = 0;
  if (wnd.fromSpace(truesize) <= length) increment = 2 * sk.advmss;
  else increment = increaseForOverhead(sk, length, truesize);
  if (increment === 0) return;
  increment = Math.max(increment, 2 * length);
  wnd.ssthresh += Math.min(room, increment);
  sk.ack.quick |= 1;
}

/** Small skbs with much overhead may raise a small window, not a large one. @kernel __tcp_grow_window — net/ipv4/tcp_input.c, 7.3 */
function increaseForOverhead(sk: TcpSock, length: number, truesize: number): number {
  let cost = sk.wnd.fromSpace(truesize) >> 1;
  let window = sk.wnd.fromSpace(sk.stack.sysctl.tcpRmemMax) >> 1;
  while (sk.wnd.ssthresh <= window) {
    if (cost <= length) return 2 * sk.ack.rcvMss;
    cost >>= 1;
    window >>= 1;
  }
  return 0;
}

/** Sets the clamp and lets limit and window follow. @kernel tcp_set_window_clamp — net/ipv4/tcp.c, 7.3 */
export function setWindowClamp(sk: TcpSock, value: number): void {
  const wnd = sk.wnd;
  const old = wnd.clamp;
  const clamp = Math.max(value, SOCK_MIN_RCVBUF >> 1);
  if (clamp === old) return;
  wnd.clamp = clamp;
  if (clamp < old) wnd.ssthresh = Math.min(wnd.ssthresh, clamp);
  else wnd.ssthresh = Math.max(wnd.ssthresh, Math.min(wnd.rcvWnd, clamp));
}

/** Receiver-side RTT by counting a window of data, for peers without timestamps. @kernel tcp_rcv_rtt_measure — net/ipv4/tcp_input.c, 7.3 */
export function measureReceiverRtt(sk: TcpSock): void {
  const wnd = sk.wnd;
  if (wnd.rttTimeUs === 0) {
    wnd.rttSeq = (sk.rcvNxt + wnd.rcvWnd) | 0;
    wnd.rttTimeUs = sk.stack.nowUs;
    return;
  }
  if (((sk.rcvNxt - wnd.rttSeq) | 0) < 0) return;
  updateReceiverRtt(wnd, (sk.stack.nowUs - wnd.rttTimeUs) | 0, true);
  wnd.rttSeq = (sk.rcvNxt + wnd.rcvWnd) | 0;
  wnd.rttTimeUs = sk.stack.nowUs;
}

/** The same from an echoed timestamp. @kernel tcp_rcv_rtt_measure_ts — net/ipv4/tcp_input.c, 7.3 */
export function measureReceiverRttTs(sk: TcpSock, length: number): void {
  const options = sk.options;
  const wnd = sk.wnd;
  if (options.rcvTsecr === wnd.rttLastTsecr) return;
  wnd.rttLastTsecr = options.rcvTsecr;
  if (length < sk.ack.rcvMss) return;
  const deltaMs = (sk.stack.nowMs - options.rcvTsecr) | 0;
  if (deltaMs < 0) return;
  updateReceiverRtt(wnd, Math.max(1, deltaMs * 1000), false);
}

function updateReceiverRtt(wnd: ReceiveWindow, sampleUs: number, windowBased: boolean): void {
  // Times 8 it must stay an int32; minutes of silence are no round trip.
  if (sampleUs < 0 || sampleUs >= 1 << 27) return;
  const m = Math.max(1, sampleUs);
  if (wnd.rttUs === 0) {
    wnd.rttUs = m << 3;
    return;
  }
  if (windowBased) {
    // Counting a window overestimates when the peer idles: only ever take the lesser.
    if (m << 3 < wnd.rttUs) wnd.rttUs = m << 3;
  } else {
    wnd.rttUs += m - (wnd.rttUs >> 3);
  }
}

/**
 * Dynamic right-sizing: once per round trip, grows the buffer so that it holds twice what the application read in that time.
 *
 * @kernel tcp_rcv_space_adjust — net/ipv4/tcp_input.c, 7.3
 */
export function rcvSpaceAdjust(sk: TcpSock): void {
  const wnd = sk.wnd;
  if (wnd.rttUs === 0) return;
  const nowUs = sk.stack.nowUs;
  if (((nowUs - wnd.spaceTimeUs) | 0) < wnd.rttUs >> 3) return;
  const queued = (sk.rcvNxt - sk.copiedSeq) | 0;
  const copied = ((sk.copiedSeq - wnd.spaceSeq) | 0) - queued;
  if (copied > wnd.spaceBytes) {
    growReceiveBuffer(sk, copied, wnd.spaceBytes);
    wnd.spaceBytes = copied;
  }
  wnd.spaceSeq = sk.copiedSeq;
  wnd.spaceTimeUs = nowUs;
}

/** @kernel tcp_rcvbuf_grow — net/ipv4/tcp_input.c, 7.3 */
function growReceiveBuffer(sk: TcpSock, newBytes: number, oldBytes: number): void {
  const sysctl = sk.stack.sysctl;
  if (!sysctl.tcpModerateRcvbuf || sk.rcvbufLocked) return;
  let window = newBytes * 2;
  // The sender may double every round trip and this measurement is one round trip old.
  window += Math.floor((window * (newBytes - oldBytes)) / Math.max(1, oldBytes)) * 2;
  const last = sk.ofo.last;
  if (last !== null && seqAfter(last.cb[CB_END_SEQ], sk.rcvNxt)) window += (last.cb[CB_END_SEQ] - sk.rcvNxt) | 0;
  const rcvbuf = Math.min(sk.wnd.spaceFor(window), sysctl.tcpRmemMax);
  if (rcvbuf <= sk.rcvbuf) return;
  sk.rcvbuf = rcvbuf;
  setWindowClamp(sk, sk.wnd.fromSpace(rcvbuf));
}

/** TCP_WINDOW_CLAMP. @returns 0; -EINVAL 0 on a live socket. @kernel tcp_set_window_clamp — net/ipv4/tcp.c, 7.3 */
export function setUserWindowClamp(sk: TcpSock, value: number): number {
  if (value === 0) {
    if (sk.state !== TCP_CLOSE) return -EINVAL;
    sk.wnd.clamp = 0;
    return 0;
  }
  setWindowClamp(sk, value);
  return 0;
}
