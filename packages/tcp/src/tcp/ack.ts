/** Whether an ACK leaves now, later, or with data. @kernel __tcp_ack_snd_check — net/ipv4/tcp_input.c, 7.3 */
import {
  ICSK_ACK_NOW,
  ICSK_ACK_PUSHED,
  ICSK_ACK_PUSHED2,
  ICSK_ACK_SCHED,
  ICSK_ACK_TIMER,
  TCP_DELACK_MAX_MS,
  TCP_DELACK_MIN_MS,
  TCP_MAX_QUICKACKS,
  TCP_PINGPONG_THRESH,
} from './ack-control.ts';
import { ecnCheckCe } from './ecn.ts';
import { TCP_MIN_MSS, TCP_MSS_DEFAULT } from './options.ts';
import { sendAck } from './segment.ts';
import type { TcpSock } from './tcp-sock.ts';
import { TCP_CLOSE_WAIT, TCP_ESTABLISHED, TCPHDR_PSH } from './tcp-states.ts';
import { computeWindow, growWindow, measureReceiverRtt, setWindowClamp, TCP_RMEM_TO_WIN_SCALE } from './window.ts';

/** Below this length a segment says nothing about what larger ones cost. @kernel tcp_event_data_recv — net/ipv4/tcp_input.c, 7.3 */
const GROW_WINDOW_FROM = 128;

/** After a segment: sends the ACK that is owed, or lets the timer do it. */
export function ackSndCheck(sk: TcpSock): void {
  if (sk.ack.scheduled) ackOrDelay(sk, true);
}

/**
 * Two full segments, quick mode, or something that must be said at once: send. Else wait for data to ride on.
 *
 * @param ofoPossible - the out-of-order queue may hold something.
 */
export function ackOrDelay(sk: TcpSock, ofoPossible: boolean): void {
  const ack = sk.ack;
  const fullSegments = ((sk.rcvNxt - sk.wnd.rcvWup) | 0) > ack.rcvMss;
  if (
    (fullSegments && (((sk.rcvNxt - sk.copiedSeq) | 0) < sk.rcvlowat || computeWindow(sk) >= sk.wnd.rcvWnd)) ||
    ack.quickMode ||
    (ack.pending & ICSK_ACK_NOW) !== 0
  ) {
    sendAck(sk);
    return;
  }
  // A model choice: no SACK compression (tcp_comp_sack_nr 0), every duplicate is reported at once.
  if (ofoPossible && sk.ofo.length > 0) sendAck(sk);
  else sendDelayedAck(sk);
}

/** @kernel tcp_send_delayed_ack — net/ipv4/tcp_output.c, 7.3 */
export function sendDelayedAck(sk: TcpSock): void {
  const ack = sk.ack;
  const now = sk.stack.nowMs;
  let ato = ack.atoMs;
  if (ato > TCP_DELACK_MIN_MS) {
    let most = 500;
    if (ack.pingpong >= TCP_PINGPONG_THRESH || (ack.pending & ICSK_ACK_PUSHED) !== 0) most = TCP_DELACK_MAX_MS;
    // Never longer than a round trip: the peer could take the delay for loss.
    if (sk.rtt.srttUs > 0) most = Math.min(most, Math.max((sk.rtt.srttUs >> 3) / 1000, TCP_DELACK_MIN_MS) | 0);
    ato = Math.min(ato, most);
  }
  ato = Math.min(ato, TCP_DELACK_MAX_MS);
  let timeout = (now + ato) | 0;
  if ((ack.pending & ICSK_ACK_TIMER) !== 0) {
    // The timer is about to fire anyway.
    if (((ack.timeoutMs - now) | 0) <= ato >> 2) {
      sendAck(sk);
      return;
    }
    if (((timeout - ack.timeoutMs) | 0) >= 0) timeout = ack.timeoutMs;
  }
  ack.pending |= ICSK_ACK_SCHED | ICSK_ACK_TIMER;
  if (timeout === ack.timeoutMs && sk.delackTimer.pending) return;
  ack.timeoutMs = timeout;
  sk.delackTimer.mod(sk.stack.clock.nowNs + ((timeout - now) | 0) * 1e6);
}

/**
 * In-order data arrived: updates the estimates that decide about ACKs and the window.
 *
 * @param ecn - the ECN bits of the packet; only looked at on a connection with ECN.
 *
 * @kernel tcp_event_data_recv — net/ipv4/tcp_input.c, 7.3
 */
export function dataReceived(
  sk: TcpSock,
  length: number,
  truesize: number,
  gsoSize: number,
  flags: number,
  headerBytes: number,
  ecn: number,
): void {
  const ack = sk.ack;
  ack.pending |= ICSK_ACK_SCHED;
  measureRcvMss(sk, length, truesize, gsoSize, flags, headerBytes);
  measureReceiverRtt(sk);
  ack.onData(sk.stack.nowMs, sk.rtt.rtoMs, sk.wnd.rcvWnd);
  if (sk.ecnFlags !== 0) ecnCheckCe(sk, ecn);
  if (length >= GROW_WINDOW_FROM) growWindow(sk, length, truesize);
}

/** Learns the peer's MSS, and with it how much memory its bytes cost. @kernel tcp_measure_rcv_mss — net/ipv4/tcp_input.c, 7.3 */
function measureRcvMss(
  sk: TcpSock,
  length: number,
  truesize: number,
  gsoSize: number,
  flags: number,
  headerBytes: number,
): void {
  const ack = sk.ack;
  const lastSize = ack.lastSegSize;
  ack.lastSegSize = 0;
  const size = gsoSize > 0 ? gsoSize : length;
  if (size >= ack.rcvMss) {
    if (size !== ack.rcvMss) learnScalingRatio(sk, length, truesize);
    ack.rcvMss = Math.min(size, sk.advmss);
    if ((flags & TCPHDR_PSH) !== 0) ack.pending |= ICSK_ACK_PUSHED;
    return;
  }
  // SACK blocks make segments shorter: compare with the header counted in.
  const whole = size + headerBytes;
  if (whole >= TCP_MSS_DEFAULT + 20 || (whole >= TCP_MIN_MSS + 20 && (flags & TCPHDR_PSH) === 0)) {
    const invariant = whole - sk.headerLength;
    ack.lastSegSize = invariant;
    if (invariant === lastSize) {
      ack.rcvMss = invariant;
      return;
    }
  }
  if ((ack.pending & ICSK_ACK_PUSHED) !== 0) ack.pending |= ICSK_ACK_PUSHED2;
  ack.pending |= ICSK_ACK_PUSHED;
}

function learnScalingRatio(sk: TcpSock, length: number, truesize: number): void {
  const wnd = sk.wnd;
  const ratio = Math.min(255, Math.max(1, Math.trunc((length << TCP_RMEM_TO_WIN_SCALE) / truesize)));
  if (ratio === wnd.scalingRatio) return;
  wnd.scalingRatio = ratio;
  setWindowClamp(sk, wnd.fromSpace(sk.rcvbuf));
  if (wnd.clamp < wnd.spaceBytes) wnd.spaceBytes = Math.max(1, wnd.clamp);
}

/** Acknowledge the next segments one by one: the peer needs to know soon. */
export function enterQuickAck(sk: TcpSock): void {
  sk.ack.enterQuick(sk.wnd.rcvWnd, TCP_MAX_QUICKACKS);
}

/** TCP_QUICKACK: 0 lets ACKs wait for data; else quick mode, and what is owed leaves now; an even value keeps it for this once. @kernel __tcp_sock_set_quickack — net/ipv4/tcp.c, 7.3 */
export function setQuickack(sk: TcpSock, value: number): void {
  if (value === 0) {
    sk.ack.pingpong = TCP_PINGPONG_THRESH;
    return;
  }
  sk.ack.pingpong = 0;
  const open = sk.state === TCP_ESTABLISHED || sk.state === TCP_CLOSE_WAIT;
  if (!open || !sk.ack.scheduled) return;
  sk.ack.pending |= ICSK_ACK_PUSHED;
  sk.cleanupRbuf(1);
  if ((value & 1) === 0) sk.ack.pingpong = TCP_PINGPONG_THRESH;
}
