/** Takes an acknowledgment in: what it frees, what it measures, what it lets out. @kernel tcp_ack — net/ipv4/tcp_input.c, 7.3 */
import type { SkBuff } from '@netmem/netdev';
import type { TcpOptions } from '@netmem/wire';
import { sendChallengeAck } from './challenge.ts';
import { isEcnEcho } from './ecn.ts';
import { fastPathCheck } from './fast-path.ts';
import { processLossProbeAck } from './loss-probe.ts';
import { syncMss } from './mss.ts';
import { TCP_CA_OPEN } from './newreno.ts';
import { packetsInFlight, retransmitLost } from './output.ts';
import { replaceTsRecent } from './paws.ts';
import { rackAdvance } from './rack.ts';
import { fastRetransmitAlert, payForLossProbe } from './recovery.ts';
import { noteReordering, removeRenoSacks, SackResult, tagWriteQueue } from './scoreboard.ts';
import { pcountOf, segmentsOf } from './segment.ts';
import {
  CB_ACK_SEQ,
  CB_END_SEQ,
  CB_FLAGS,
  CB_PCOUNT,
  CB_SACKED,
  CB_SENT_US,
  CB_SEQ,
  TCPCB_EVER_RETRANS,
  TCPCB_LOST,
  TCPCB_SACKED_ACKED,
  TCPCB_SACKED_RETRANS,
} from './skb-cb.ts';
import type { TcpSock } from './tcp-sock.ts';
import { adjustPcount, dropSkb, trimHead } from './write-queue.ts';
import {
  clearXmitTimer,
  ICSK_TIME_PROBE0,
  ICSK_TIME_RETRANS,
  probe0WhenMs,
  resetXmitTimer,
  setXmitTimer,
} from './xmit-timer.ts';

/** What the caller knows or wants. @kernel FLAG_DATA — net/ipv4/tcp_input.c, 7.3 */
export const FLAG_DATA = 0x01;
export const FLAG_SLOWPATH = 0x100;
export const FLAG_UPDATE_TS_RECENT = 0x4000;
export const FLAG_NO_CHALLENGE_ACK = 0x8000;
/** The segment was a SYN|ACK: its window is not scaled. */
export const FLAG_SYN = 0x10000;

/** Accepted. */
export const ACK_OK = 1;
/** Older than what is acknowledged already. */
export const ACK_OLD = 0;
/** So old, or so new, that the segment is not believed. */
export const ACK_UNACCEPTABLE = -1;

const sack: SackResult = new SackResult();

/**
 * @param window - the window field as received.
 * @param options - the segment's options when they hold SACK blocks; null otherwise.
 * @returns ACK_OK, ACK_OLD or ACK_UNACCEPTABLE (drop the segment).
 */
export function tcpAck(sk: TcpSock, skb: SkBuff, flag: number, window: number, options: TcpOptions | null): number {
  const seq = skb.cb[CB_SEQ];
  const ack = skb.cb[CB_ACK_SEQ];
  const priorUna = sk.sndUna;
  const ahead = (ack - priorUna) | 0;
  const priorDelivered = sk.delivered;
  const priorLost = sk.lost;
  sack.clear();
  if (ahead < 0) {
    // RFC 5961, 5.2: older than the largest window ever offered, or than all that was ever acknowledged, is an attack.
    const oldest = Math.min(sk.maxWindow, sk.bytesAcked);
    if (ahead < -oldest) {
      if ((flag & FLAG_NO_CHALLENGE_ACK) === 0) sendChallengeAck(sk);
      return ACK_UNACCEPTABLE;
    }
    if (options !== null && options.sackCount > 0) {
      tagWriteQueue(sk, options, ack, priorUna, sack);
      if (sack.newlySacked > 0) alert(sk, false, 0, priorDelivered, priorLost, false);
    }
    return ACK_OLD;
  }
  if (((ack - sk.sndNxt) | 0) > 0) return ACK_UNACCEPTABLE;
  const advanced = ahead > 0;
  if (advanced) sk.retransmits = 0;
  const nowMs = sk.stack.nowMs;
  if ((flag & FLAG_UPDATE_TS_RECENT) !== 0) replaceTsRecent(sk.options, seq, sk.wnd.rcvWup, nowMs);
  let windowUpdated = false;
  if ((flag & FLAG_SLOWPATH) === 0 && advanced) {
    // Fast path: the window is what it was, the segment moves forward.
    sk.sndWl1 = seq;
    sk.bytesAcked += ahead;
    sk.sndUna = ack;
    windowUpdated = true;
    sk.stack.stats.TcpExtTCPHPAcks++;
  } else {
    if (seq === skb.cb[CB_END_SEQ]) sk.stack.stats.TcpExtTCPPureAcks++;
    windowUpdated = updateWindow(sk, seq, ack, ahead, window, (flag & FLAG_SYN) !== 0);
    if (options !== null && options.sackCount > 0) tagWriteQueue(sk, options, ack, priorUna, sack);
  }
  sk.errorSoft = 0;
  sk.probesOut = 0;
  sk.rcvTstampMs = nowMs;
  if (sk.packetsOut === 0 && sk.rtxQueue.first === null) {
    onProbeAnswer(sk);
    return ACK_OK;
  }
  if (advanced) cleanRtxQueue(sk, priorUna);
  sk.reoTimer = false;
  // Nothing new, no data, no window: a duplicate.
  const hasData = (flag & FLAG_DATA) !== 0 || seq !== skb.cb[CB_END_SEQ];
  const duplicate = !advanced && !hasData && !windowUpdated && !sack.duplicate;
  const echo = (flag & FLAG_SLOWPATH) !== 0 && sk.ecnFlags !== 0 && isEcnEcho(sk, skb.cb[CB_FLAGS]);
  if (sk.tlpHighSeq !== 0 && processLossProbeAck(sk, ack, sack.duplicate, duplicate)) payForLossProbe(sk);
  const dubious =
    duplicate ||
    sack.newlySacked > 0 ||
    !(advanced || hasData || windowUpdated) ||
    sk.reno.state !== TCP_CA_OPEN ||
    echo;
  if (dubious && advanced && isReneging(sk)) {
    // The oldest segment was reported as received and is not acknowledged: the peer threw it away. Time out soon instead of waiting for it.
    resetXmitTimer(sk, ICSK_TIME_RETRANS, Math.max(Math.ceil(sk.rtt.srttUs / 16_000), 10));
    return ACK_OK;
  }
  if (dubious) {
    alert(sk, advanced, duplicate ? 1 : 0, priorDelivered, priorLost, echo);
  } else {
    control(sk, advanced, sk.delivered - priorDelivered, sk.lost - priorLost);
  }
  if (advanced) sk.dst.neighbour?.confirm();
  // A running reordering timer knows better when to look again.
  if (advanced && !sk.reoTimer) setXmitTimer(sk);
  return ACK_OK;
}

/** @kernel tcp_check_sack_reneging — net/ipv4/tcp_input.c, 7.3 */
function isReneging(sk: TcpSock): boolean {
  const head = sk.rtxQueue.first;
  return head !== null && (head.cb[CB_SACKED] & TCPCB_SACKED_ACKED) !== 0;
}

function alert(
  sk: TcpSock,
  advanced: boolean,
  duplicates: number,
  priorDelivered: number,
  priorLost: number,
  echo: boolean,
): void {
  const resend = fastRetransmitAlert(sk, advanced, duplicates, echo);
  control(sk, advanced, sk.delivered - priorDelivered, sk.lost - priorLost);
  if (resend) retransmitLost(sk);
}

/** @kernel tcp_cong_control — net/ipv4/tcp_input.c, 7.3 */
function control(sk: TcpSock, advanced: boolean, delivered: number, lost: number): void {
  const reno = sk.reno;
  if (reno.inReduction) {
    reno.reduce(delivered, lost, advanced, packetsInFlight(sk));
  } else if (advanced && delivered > 0) {
    reno.onAcked(delivered);
    reno.cwndStampMs = sk.stack.nowMs;
  }
}

/** @returns whether the segment's window was taken. @kernel tcp_ack_update_window — net/ipv4/tcp_input.c, 7.3 */
function updateWindow(sk: TcpSock, seq: number, ack: number, ahead: number, field: number, syn: boolean): boolean {
  const window = syn ? field : field << sk.options.sndWscale;
  const newer = (seq - sk.sndWl1) | 0;
  const updated = ahead > 0 || newer > 0 || (newer === 0 && (window > sk.sndWnd || window === 0));
  if (updated) {
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
  return updated;
}

/** Frees what is acknowledged. @kernel tcp_clean_rtx_queue — net/ipv4/tcp_input.c, 7.3 */
function cleanRtxQueue(sk: TcpSock, priorUna: number): void {
  const una = sk.sndUna;
  let acked = 0;
  let sampled = false;
  let firstUs = 0;
  let everRetrans = false;
  for (let skb = sk.rtxQueue.first; skb !== null; skb = sk.rtxQueue.first) {
    const cb = skb.cb;
    if (((cb[CB_END_SEQ] - una) | 0) > 0) {
      if (((cb[CB_SEQ] - una) | 0) < 0) acked += trimAcked(sk, skb);
      break;
    }
    const sacked = cb[CB_SACKED];
    const count = cb[CB_PCOUNT];
    if ((sacked & TCPCB_EVER_RETRANS) !== 0) {
      everRetrans = true;
      if ((sacked & TCPCB_SACKED_RETRANS) !== 0) sk.retransOut -= count;
    } else if ((sacked & TCPCB_SACKED_ACKED) === 0) {
      if (!sampled) firstUs = cb[CB_SENT_US];
      sampled = true;
      if (sk.sackedOut > 0 && sk.options.sackOk) noteReordering(sk, cb[CB_SEQ]);
    }
    if ((sacked & TCPCB_SACKED_ACKED) !== 0) {
      sk.sackedOut -= count;
    } else if (sk.options.sackOk) {
      sk.delivered += count;
      rackAdvance(sk, skb);
    }
    if ((sacked & TCPCB_LOST) !== 0) sk.lostOut -= count;
    sk.packetsOut -= count;
    acked += count;
    dropSkb(sk, sk.rtxQueue, skb);
  }
  if (!sk.options.sackOk && acked > 0) removeRenoSacks(sk, acked);
  if (((sk.sndUp - priorUna) | 0) >= 0 && ((una - sk.sndUp) | 0) > 0) sk.sndUp = una;
  measureRtt(sk, sampled && !everRetrans, firstUs);
}

/** The ACK ends inside a super-segment. @returns segments that it covered. @kernel tcp_tso_acked — net/ipv4/tcp_input.c, 7.3 */
function trimAcked(sk: TcpSock, skb: SkBuff): number {
  const before = pcountOf(skb);
  trimHead(sk, skb, Math.min(skb.len, (sk.sndUna - skb.cb[CB_SEQ]) | 0));
  const after = segmentsOf(skb.len, sk.mssCache);
  const gone = Math.max(0, before - after);
  adjustPcount(sk, skb, before - after);
  skb.cb[CB_PCOUNT] = after;
  if (sk.options.sackOk) sk.delivered += gone;
  return gone;
}

/**
 * Karn's rule: only segments sent once are measured; timestamps measure the others too.
 *
 * @kernel tcp_ack_update_rtt — net/ipv4/tcp_input.c, 7.3
 */
function measureRtt(sk: TcpSock, sampled: boolean, sentUs: number): void {
  const nowUs = sk.stack.nowUs;
  let rttUs = -1;
  if (sampled) {
    rttUs = (nowUs - sentUs) | 0;
  } else if (sack.hasSentUs) {
    rttUs = (nowUs - sack.sentUs) | 0;
  } else if (sk.options.sawTstamp && sk.options.rcvTsecr !== 0) {
    const ms = (sk.stack.nowMs - sk.options.rcvTsecr) | 0;
    if (ms >= 0) rttUs = Math.max(1, ms * 1000);
  }
  if (rttUs < 0) return;
  const rtt = sk.rtt;
  rtt.updateMin(rttUs, sk.stack.nowMs);
  rtt.sample(Math.max(1, rttUs), sk.sndUna, sk.sndNxt);
  rtt.setRto();
  // An answer in time: no more backing off (RFC 6298, 5).
  sk.backoff = 0;
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
