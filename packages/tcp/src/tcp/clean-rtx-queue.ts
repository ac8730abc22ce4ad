/** Frees what is acknowledged, and measures with it. @kernel tcp_clean_rtx_queue — net/ipv4/tcp_input.c, 7.3 */
import type { SkBuff } from '@netmem/netdev';
import {
  type AckState,
  FLAG_ACK_MAYBE_DELAYED,
  FLAG_ACKED,
  FLAG_CA_ALERT,
  FLAG_DATA_ACKED,
  FLAG_ORIG_SACK_ACKED,
  FLAG_RETRANS_DATA_ACKED,
  FLAG_SACK_RENEGING,
  FLAG_SET_XMIT_TIMER,
  FLAG_SYN_ACKED,
} from './ack-state.ts';
import { isSpuriousRetrans, rackAdvance } from './rack.ts';
import { checkSackReordering, removeRenoSacks } from './reordering.ts';
import { pcountOf } from './segment.ts';
import {
  CB_END_SEQ,
  CB_FLAGS,
  CB_PCOUNT,
  CB_SACKED,
  CB_SEG_BYTES,
  CB_SENT_US,
  CB_SEQ,
  TCPCB_LOST,
  TCPCB_RETRANS,
  TCPCB_SACKED_ACKED,
  TCPCB_SACKED_RETRANS,
} from './skb-cb.ts';
import type { TcpSock } from './tcp-sock.ts';
import { TCPHDR_SYN } from './tcp-states.ts';
import { dropSkb, setPcount, trimHead } from './write-queue.ts';

/**
 * @param priorFack - highest that was reported by SACK before this ACK.
 * @param priorUna - acknowledged before it.
 */
export function cleanRtxQueue(sk: TcpSock, priorFack: number, priorUna: number, state: AckState): void {
  const una = sk.sndUna;
  const sackOk = sk.options.sackOk;
  const priorSackedOut = sk.sackedOut;
  const priorDelivered = sk.delivered;
  let acked = 0;
  let whole = true;
  let sampled = false;
  let firstUs = 0;
  let lastUs = 0;
  let reord = sk.sndNxt;
  let skb = sk.rtxQueue.first;
  for (; skb !== null; skb = sk.rtxQueue.first) {
    const cb = skb.cb;
    const sacked = cb[CB_SACKED];
    const seq = cb[CB_SEQ];
    const end = cb[CB_END_SEQ];
    let count = cb[CB_PCOUNT];
    if (((end - una) | 0) > 0) {
      if (count === 1 || ((una - seq) | 0) <= 0) break;
      count = trimAcked(sk, skb);
      if (count === 0) break;
      whole = false;
    }
    if ((sacked & TCPCB_RETRANS) !== 0) {
      if ((sacked & TCPCB_SACKED_RETRANS) !== 0) sk.retransOut -= count;
      state.flag |= FLAG_RETRANS_DATA_ACKED;
    } else if ((sacked & TCPCB_SACKED_ACKED) === 0) {
      lastUs = cb[CB_SENT_US];
      if (!sampled) firstUs = lastUs;
      sampled = true;
      if (((seq - reord) | 0) < 0) reord = seq;
      if (((end - sk.cong.highSeq) | 0) <= 0) state.flag |= FLAG_ORIG_SACK_ACKED;
    }
    if ((sacked & TCPCB_SACKED_ACKED) !== 0) {
      sk.sackedOut -= count;
    } else {
      if (sackOk) {
        sk.delivered += count;
        if (!isSpuriousRetrans(sk, skb)) rackAdvance(sk, sacked, end, cb[CB_SENT_US]);
      }
      state.skbDelivered(skb);
    }
    if ((sacked & TCPCB_LOST) !== 0) sk.lostOut -= count;
    sk.packetsOut -= count;
    acked += count;
    if ((cb[CB_FLAGS] & TCPHDR_SYN) === 0) {
      state.flag |= FLAG_DATA_ACKED;
    } else {
      state.flag |= FLAG_SYN_ACKED;
      sk.retransStampMs = 0;
    }
    if (!whole) break;
    dropSkb(sk, sk.rtxQueue, skb);
  }
  if (((sk.sndUp - priorUna) | 0) >= 0 && ((una - sk.sndUp) | 0) > 0) sk.sndUp = una;
  if (skb !== null && (skb.cb[CB_SACKED] & TCPCB_SACKED_ACKED) !== 0) state.flag |= FLAG_SACK_RENEGING;

  const nowUs = sk.stack.nowUs;
  let seqRttUs = -1;
  if (sampled && !state.has(FLAG_RETRANS_DATA_ACKED)) {
    seqRttUs = (nowUs - firstUs) | 0;
    state.rttUs = (nowUs - lastUs) | 0;
    const lone = acked === 1 && whole && priorSackedOut === 0 && ((una - priorUna) | 0) < sk.mssCache;
    if (lone && sk.delivered === priorDelivered + 1 && !state.has(FLAG_CA_ALERT | FLAG_SYN_ACKED)) {
      state.flag |= FLAG_ACK_MAYBE_DELAYED;
    }
  }
  let sackRttUs = -1;
  if (state.hasSackUs) {
    sackRttUs = (nowUs - state.firstSackUs) | 0;
    state.rttUs = (nowUs - state.lastSackUs) | 0;
  }
  const measured = updateRtt(sk, seqRttUs, sackRttUs, state);
  if (state.has(FLAG_ACKED)) {
    state.flag |= FLAG_SET_XMIT_TIMER;
    if (!sackOk) {
      removeRenoSacks(sk, acked);
      // Nothing tells whether the copy or the original made progress.
      if (state.has(FLAG_RETRANS_DATA_ACKED)) state.flag &= ~FLAG_ORIG_SACK_ACKED;
    } else if (((reord - priorFack) | 0) < 0) {
      checkSackReordering(sk, reord, false);
    }
  } else if (skb !== null && measured && sackRttUs >= 0 && sackRttUs > ((nowUs - skb.cb[CB_SENT_US]) | 0)) {
    // Measured on what left after the oldest segment did: that one still has its time.
    state.flag |= FLAG_SET_XMIT_TIMER;
  }
  sk.cong.control.pktsAcked(acked, state.rttUs);
}

/** The ACK ends inside a super-segment. @returns whole segments that it covered. @kernel tcp_tso_acked — net/ipv4/tcp_input.c, 7.3 */
function trimAcked(sk: TcpSock, skb: SkBuff): number {
  const before = pcountOf(skb);
  trimHead(sk, skb, Math.min(skb.len, (sk.sndUna - skb.cb[CB_SEQ]) | 0));
  return before - setPcount(skb, skb.cb[CB_SEG_BYTES]);
}

/**
 * Karn's rule: only segments sent once are measured; timestamps measure the others too.
 *
 * @returns whether there was something to measure.
 * @kernel tcp_ack_update_rtt — net/ipv4/tcp_input.c, 7.3
 */
function updateRtt(sk: TcpSock, seqRttUs: number, sackRttUs: number, state: AckState): boolean {
  let rttUs = seqRttUs >= 0 ? seqRttUs : sackRttUs;
  const { options } = sk;
  if (rttUs < 0 && options.sawTstamp && options.rcvTsecr !== 0 && state.has(FLAG_ACKED)) {
    const ms = (sk.stack.nowMs - options.rcvTsecr) | 0;
    // The clock of timestamps is coarse: less than a tick is one.
    if (ms >= 0) rttUs = Math.max(1, ms) * 1000;
    state.rttUs = rttUs;
  }
  if (rttUs < 0) return false;
  const rtt = sk.rtt;
  // A delayed answer must not raise the least round trip.
  const delayed = state.has(FLAG_ACK_MAYBE_DELAYED) && rtt.minRttUs >= 0 && state.rttUs > rtt.minRttUs;
  if (!delayed) rtt.updateMin(state.rttUs, sk.stack.nowMs);
  rtt.sample(Math.max(1, rttUs), sk.sndUna, sk.sndNxt);
  rtt.setRto();
  // An answer in time: no more backing off (RFC 6298, 5).
  sk.backoff = 0;
  return true;
}
