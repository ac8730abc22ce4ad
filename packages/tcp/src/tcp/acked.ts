/** Takes an acknowledgment in: what it frees, what it measures, what it lets out. @kernel tcp_ack — net/ipv4/tcp_input.c, 7.3 */
import type { SkBuff } from '@netmem/netdev';
import type { TcpOptions } from '@netmem/wire';
import {
  AckState,
  FLAG_CA_ALERT,
  FLAG_DATA,
  FLAG_DATA_ACKED,
  FLAG_DSACKING_ACK,
  FLAG_ECE,
  FLAG_FORWARD_PROGRESS,
  FLAG_NO_CHALLENGE_ACK,
  FLAG_NOT_DUP,
  FLAG_SET_XMIT_TIMER,
  FLAG_SLOWPATH,
  FLAG_SND_UNA_ADVANCED,
  FLAG_SYN,
  FLAG_UPDATE_TS_RECENT,
  FLAG_WIN_UPDATE,
  REXMIT_NEW,
  REXMIT_NONE,
} from './ack-state.ts';
import { sendChallengeAck } from './challenge.ts';
import { cleanRtxQueue } from './clean-rtx-queue.ts';
import { TCP_CA_OPEN } from './congestion.ts';
import { isEcnEcho } from './ecn.ts';
import { fastPathCheck } from './fast-path.ts';
import { packetsInFlight } from './in-flight.ts';
import { processLossProbeAck } from './loss-probe.ts';
import { currentMss, syncMss } from './mss.ts';
import { pushPending, retransmitLost, TCP_NAGLE_OFF } from './output.ts';
import { replaceTsRecent } from './paws.ts';
import { rackUpdateReoWnd } from './rack.ts';
import { fastRetransmitAlert } from './recovery.ts';
import { highestSackSeq } from './reordering.ts';
import { tagWriteQueue } from './scoreboard.ts';
import { CB_ACK_SEQ, CB_END_SEQ, CB_FLAGS, CB_SEQ } from './skb-cb.ts';
import type { TcpSock } from './tcp-sock.ts';
import { TCP_SYN_SENT } from './tcp-states.ts';
import { clearXmitTimer, ICSK_TIME_PROBE0, probe0WhenMs, resetXmitTimer, setXmitTimer } from './xmit-timer.ts';

/** Accepted. */
export const ACK_OK = 1;
/** Older than what is acknowledged already. */
export const ACK_OLD = 0;
/** So old, or so new, that the segment is not believed. */
export const ACK_UNACCEPTABLE = -1;

const state: AckState = new AckState();

/**
 * @param flag - FLAG_DATA, FLAG_SLOWPATH, FLAG_UPDATE_TS_RECENT, FLAG_NO_CHALLENGE_ACK, FLAG_SYN.
 * @param window - the window field as received.
 * @param options - the segment's options when they may hold SACK blocks; null otherwise.
 * @returns ACK_OK, ACK_OLD or ACK_UNACCEPTABLE (drop the segment).
 */
export function tcpAck(sk: TcpSock, skb: SkBuff, flag: number, window: number, options: TcpOptions | null): number {
  const seq = skb.cb[CB_SEQ];
  const ack = skb.cb[CB_ACK_SEQ];
  const priorUna = sk.sndUna;
  const ahead = (ack - priorUna) | 0;
  const priorDelivered = sk.delivered;
  const priorLost = sk.lost;
  state.begin(flag);
  if (ahead < 0) {
    // RFC 5961, 5.2: older than the largest window ever offered, or than all that was ever acknowledged, is an attack.
    const oldest = Math.min(sk.maxWindow, sk.bytesAcked);
    if (ahead < -oldest) {
      if ((flag & FLAG_NO_CHALLENGE_ACK) === 0) sendChallengeAck(sk);
      return ACK_UNACCEPTABLE;
    }
    if (options !== null && options.sackCount > 0) {
      tagBlocks(sk, options, ack, priorUna);
      fastRetransmitAlert(sk, priorUna, 0, state);
      recover(sk);
    }
    return ACK_OLD;
  }
  if (((ack - sk.sndNxt) | 0) > 0) return ACK_UNACCEPTABLE;
  if (ahead > 0) {
    state.flag |= FLAG_SND_UNA_ADVANCED;
    sk.retransmits = 0;
  }
  const priorFack = sk.options.sackOk ? highestSackSeq(sk) : priorUna;
  const nowMs = sk.stack.nowMs;
  if ((flag & FLAG_UPDATE_TS_RECENT) !== 0) replaceTsRecent(sk.options, seq, sk.wnd.rcvWup, nowMs);
  if ((flag & FLAG_SLOWPATH) === 0 && ahead > 0) {
    // Fast path: the window is what it was, the segment moves forward.
    sk.sndWl1 = seq;
    sk.bytesAcked += ahead;
    sk.sndUna = ack;
    state.flag |= FLAG_WIN_UPDATE;
    sk.stack.stats.TcpExtTCPHPAcks++;
  } else {
    if (seq === skb.cb[CB_END_SEQ]) sk.stack.stats.TcpExtTCPPureAcks++;
    else state.flag |= FLAG_DATA;
    updateWindow(sk, seq, ack, ahead, window);
    if (options !== null && options.sackCount > 0) tagBlocks(sk, options, ack, priorUna);
    if (sk.ecnFlags !== 0 && isEcnEcho(sk, skb.cb[CB_FLAGS])) state.flag |= FLAG_ECE;
  }
  sk.errorSoft = 0;
  sk.probesOut = 0;
  sk.rcvTstampMs = nowMs;
  if (sk.packetsOut === 0) {
    // All was acknowledged before; a D-SACK may still show that a reduction was for nothing.
    if (state.has(FLAG_DSACKING_ACK)) fastRetransmitAlert(sk, priorUna, 0, state);
    onProbeAnswer(sk);
    if (sk.tlpHighSeq !== 0) processLossProbeAck(sk, ack, state);
    return ACK_OK;
  }
  cleanRtxQueue(sk, priorFack, priorUna, state);
  rackUpdateReoWnd(sk, state.priorDelivered);
  if (sk.tlpHighSeq !== 0) processLossProbeAck(sk, ack, state);
  if (isDubious(sk)) {
    const duplicate = !state.has(FLAG_SND_UNA_ADVANCED | FLAG_NOT_DUP | FLAG_DSACKING_ACK);
    fastRetransmitAlert(sk, priorUna, duplicate ? 1 : 0, state);
  }
  if (state.has(FLAG_SET_XMIT_TIMER)) setXmitTimer(sk);
  if (state.has(FLAG_FORWARD_PROGRESS) || !state.has(FLAG_NOT_DUP)) sk.dst.neighbour?.confirm();
  control(sk, sk.delivered - priorDelivered, sk.lost - priorLost);
  recover(sk);
  return ACK_OK;
}

/** @kernel tcp_ack_is_dubious — net/ipv4/tcp_input.c, 7.3 */
function isDubious(sk: TcpSock): boolean {
  return !state.has(FLAG_NOT_DUP) || state.has(FLAG_CA_ALERT) || sk.cong.state !== TCP_CA_OPEN;
}

function tagBlocks(sk: TcpSock, options: TcpOptions, ack: number, priorUna: number): void {
  tagWriteQueue(sk, options, ack, priorUna, state);
  sk.delivered += state.sackDelivered;
}

/** @kernel tcp_cong_control — net/ipv4/tcp_input.c, 7.3 */
function control(sk: TcpSock, delivered: number, lost: number): void {
  const cong = sk.cong;
  if (cong.inReduction) {
    cong.reduce(delivered, lost, state.has(FLAG_SND_UNA_ADVANCED), packetsInFlight(sk));
  } else if (mayRaiseCwnd(sk)) {
    cong.control.congAvoid(delivered);
    cong.cwndStampMs = sk.stack.nowMs;
  }
}

/** On a path that reorders much, whatever arrives counts; else only what is in order. @kernel tcp_may_raise_cwnd — net/ipv4/tcp_input.c, 7.3 */
function mayRaiseCwnd(sk: TcpSock): boolean {
  if (sk.reordering > sk.stack.sysctl.tcpReordering) return state.has(FLAG_FORWARD_PROGRESS);
  return state.has(FLAG_DATA_ACKED);
}

/** Sends again what is lost, as far as the window lets. @kernel tcp_xmit_recovery — net/ipv4/tcp_input.c, 7.3 */
function recover(sk: TcpSock): void {
  if (state.rexmit === REXMIT_NONE || sk.state === TCP_SYN_SENT) return;
  if (state.rexmit === REXMIT_NEW) {
    pushPending(sk, currentMss(sk), TCP_NAGLE_OFF);
    if (((sk.sndNxt - sk.cong.highSeq) | 0) > 0) return;
    sk.cong.frto = false;
  }
  retransmitLost(sk);
}

/** Takes the segment's window if it is newer. @kernel tcp_ack_update_window — net/ipv4/tcp_input.c, 7.3 */
function updateWindow(sk: TcpSock, seq: number, ack: number, ahead: number, field: number): void {
  const window = state.has(FLAG_SYN) ? field : field << sk.options.sndWscale;
  const newer = (seq - sk.sndWl1) | 0;
  if (ahead > 0 || newer > 0 || (newer === 0 && (window > sk.sndWnd || window === 0))) {
    state.flag |= FLAG_WIN_UPDATE;
    sk.sndWl1 = seq;
    if (sk.sndWnd !== window) {
      sk.sndWnd = window;
      sk.predFlags = 0;
      fastPathCheck(sk);
      if (window > sk.maxWindow) {
        sk.maxWindow = window;
        if (sk.pmtu > 0) syncMss(sk, sk.pmtu);
      }
    }
  }
  sk.bytesAcked += ahead;
  sk.sndUna = ack;
}

/** A probe was answered, or the window opened: go on. @kernel tcp_ack_probe — net/ipv4/tcp_input.c, 7.3 */
function onProbeAnswer(sk: TcpSock): void {
  const head = sk.writeQueue.first;
  if (head === null) return;
  if (((head.cb[CB_END_SEQ] - sk.sndUna - sk.sndWnd) | 0) <= 0) {
    sk.backoff = 0;
    if (sk.pendingTimer === ICSK_TIME_PROBE0) clearXmitTimer(sk);
  } else if (sk.pendingTimer === ICSK_TIME_PROBE0 || sk.pendingTimer === 0) {
    resetXmitTimer(sk, ICSK_TIME_PROBE0, probe0WhenMs(sk));
  }
}
