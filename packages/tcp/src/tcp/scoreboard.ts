/** What the peer has, as its SACK blocks tell (RFC 2018, 2883). @kernel tcp_sacktag_write_queue — net/ipv4/tcp_input.c, 7.3 */
import type { SkBuff } from '@netmem/netdev';
import { MAX_SACK_BLOCKS, type TcpOptions } from '@netmem/wire';
import { type AckState, FLAG_DATA_SACKED, FLAG_ORIG_SACK_ACKED } from './ack-state.ts';
import { TCP_CA_LOSS } from './congestion.ts';
import { checkDsack } from './dsack.ts';
import { rackAdvance } from './rack.ts';
import { checkSackReordering, highestSackSeq } from './reordering.ts';
import { pcountOf } from './segment.ts';
import {
  CB_END_SEQ,
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
import { countDuplicates } from './undo.ts';
import { fragmentSkb } from './write-queue.ts';

const lefts: Int32Array = new Int32Array(MAX_SACK_BLOCKS);
const rights: Int32Array = new Int32Array(MAX_SACK_BLOCKS);

/** Takes the SACK blocks of an ACK (one or more) into the retransmission queue. */
export function tagWriteQueue(sk: TcpSock, options: TcpOptions, ack: number, priorUna: number, state: AckState): void {
  state.reord = sk.sndNxt;
  const duplicate = checkDsack(sk, options, ack, priorUna, state);
  // Older than any window ever was: what it says is stale.
  if (((ack - priorUna + sk.maxWindow) | 0) < 0 || sk.packetsOut === 0) return;
  let count = 0;
  for (let i = 0; i < options.sackCount; i++) {
    const left = options.sackLeft[i] | 0;
    const right = options.sackRight[i] | 0;
    const dsack = duplicate && i === 0;
    if (!isValidBlock(sk, dsack, left, right)) {
      countInvalid(sk, dsack, ack, right);
      continue;
    }
    if (((right - priorUna) | 0) <= 0) continue;
    if (dsack) tagBlock(sk, left, right, state);
    else insertSorted(count++, left, right);
  }
  if (count > 0) tagBlocks(sk, count, state);
  if (sk.cong.state !== TCP_CA_LOSS || sk.cong.undoValid) checkSackReordering(sk, state.reord, false);
}

/** Within what was sent and not acknowledged, and not empty. A D-SACK may also lie in what was acknowledged since the recovery began. @kernel tcp_is_sackblock_valid — net/ipv4/tcp_input.c, 7.3 */
function isValidBlock(sk: TcpSock, dsack: boolean, left: number, right: number): boolean {
  if (((right - sk.sndNxt) | 0) > 0 || ((right - left) | 0) <= 0 || ((left - sk.sndNxt) | 0) >= 0) return false;
  if (((left - sk.sndUna) | 0) > 0) return true;
  const { undoValid, undoMarker } = sk.cong;
  if (!dsack || !undoValid || ((right - sk.sndUna) | 0) > 0) return false;
  if (((left - undoMarker) | 0) >= 0) return true;
  if (((right - undoMarker) | 0) <= 0) return false;
  return ((right - left) | 0) <= sk.maxWindow;
}

function countInvalid(sk: TcpSock, dsack: boolean, ack: number, right: number): void {
  const stats = sk.stack.stats;
  if (dsack) {
    if (sk.cong.undoValid) stats.TcpExtTCPDSACKIgnoredOld++;
    else stats.TcpExtTCPDSACKIgnoredNoUndo++;
  } else if (ack === sk.sndUna || ((right - sk.sndUna) | 0) > 0) {
    // ACKs that were overtaken do not count.
    stats.TcpExtTCPSACKDiscard++;
  }
}

function insertSorted(count: number, left: number, right: number): void {
  let i = count;
  while (i > 0 && ((lefts[i - 1] - left) | 0) > 0) {
    lefts[i] = lefts[i - 1];
    rights[i] = rights[i - 1];
    i--;
  }
  lefts[i] = left;
  rights[i] = right;
}

/** @kernel tcp_sacktag_walk — net/ipv4/tcp_input.c, 7.3 */
function tagBlocks(sk: TcpSock, count: number, state: AckState): void {
  let block = 0;
  for (let skb = sk.rtxQueue.first; skb !== null && block < count; skb = skb.next) {
    while (block < count && ((rights[block] - skb.cb[CB_SEQ]) | 0) <= 0) block++;
    if (block === count) break;
    if (((skb.cb[CB_END_SEQ] - lefts[block]) | 0) <= 0) continue;
    if (matchSkb(sk, skb, lefts[block], rights[block])) tagOne(sk, skb, false, state);
  }
}

/** The D-SACK, if it is about what is still queued. */
function tagBlock(sk: TcpSock, left: number, right: number, state: AckState): void {
  for (let skb = sk.rtxQueue.first; skb !== null; skb = skb.next) {
    if (((right - skb.cb[CB_SEQ]) | 0) <= 0) return;
    if (((skb.cb[CB_END_SEQ] - left) | 0) <= 0) continue;
    if (matchSkb(sk, skb, left, right)) tagOne(sk, skb, true, state);
  }
}

/** Whether the block covers the skb; a super-segment that it covers in part is split at a segment boundary first. @kernel tcp_match_skb_to_sack — net/ipv4/tcp_input.c, 7.3 */
function matchSkb(sk: TcpSock, skb: SkBuff, left: number, right: number): boolean {
  const seq = skb.cb[CB_SEQ];
  const end = skb.cb[CB_END_SEQ];
  const startsInside = ((seq - left) | 0) >= 0;
  if (startsInside && ((end - right) | 0) <= 0) return true;
  if (pcountOf(skb) <= 1) return false;
  const mss = skb.cb[CB_SEG_BYTES];
  let keep: number;
  if (startsInside) {
    // Its head is covered.
    keep = (right - seq) | 0;
    keep -= keep % mss;
  } else {
    keep = (left - seq) | 0;
    keep = Math.ceil(keep / mss) * mss;
  }
  if (keep <= 0 || keep >= skb.len || !fragmentSkb(sk, sk.rtxQueue, skb, keep, mss)) return false;
  return startsInside;
}

/** @param dsack - it arrived twice. @kernel tcp_sacktag_one — net/ipv4/tcp_input.c, 7.3 */
function tagOne(sk: TcpSock, skb: SkBuff, dsack: boolean, state: AckState): void {
  const cb = skb.cb;
  const sacked = cb[CB_SACKED];
  const seq = cb[CB_SEQ];
  const end = cb[CB_END_SEQ];
  const count = pcountOf(skb);
  if (dsack && (sacked & TCPCB_RETRANS) !== 0) {
    countDuplicates(sk, end, count);
    if ((sacked & TCPCB_SACKED_ACKED) !== 0 && ((seq - state.reord) | 0) < 0) state.reord = seq;
  }
  // It is about to go.
  if (((end - sk.sndUna) | 0) <= 0) return;
  if ((sacked & TCPCB_SACKED_ACKED) === 0) {
    markSacked(sk, skb, sacked, state);
    if (((seq - highestSackSeq(sk)) | 0) >= 0) sk.highestSackSeq = end;
    sk.sackedOut += count;
    state.sackDelivered += count;
    state.flag |= FLAG_DATA_SACKED;
    state.skbDelivered(skb);
  }
  // The copy that is out is superfluous.
  if (dsack && (cb[CB_SACKED] & TCPCB_SACKED_RETRANS) !== 0) {
    cb[CB_SACKED] &= ~TCPCB_SACKED_RETRANS;
    sk.retransOut -= count;
  }
}

function markSacked(sk: TcpSock, skb: SkBuff, sacked: number, state: AckState): void {
  const cb = skb.cb;
  const seq = cb[CB_SEQ];
  const sentUs = cb[CB_SENT_US];
  const count = pcountOf(skb);
  let bits = sacked;
  rackAdvance(sk, sacked, cb[CB_END_SEQ], sentUs);
  if ((sacked & TCPCB_SACKED_RETRANS) !== 0) {
    // If it was not thought lost, the first copy arrived and the second is still out.
    if ((sacked & TCPCB_LOST) !== 0) {
      bits &= ~(TCPCB_LOST | TCPCB_SACKED_RETRANS);
      sk.lostOut -= count;
      sk.retransOut -= count;
    }
  } else {
    if ((sacked & TCPCB_RETRANS) === 0) {
      // It filled a hole without being sent again.
      if (((seq - highestSackSeq(sk)) | 0) < 0 && ((seq - state.reord) | 0) < 0) state.reord = seq;
      if (((cb[CB_END_SEQ] - sk.cong.highSeq) | 0) <= 0) state.flag |= FLAG_ORIG_SACK_ACKED;
      if (!state.hasSackUs) state.firstSackUs = sentUs;
      state.hasSackUs = true;
      state.lastSackUs = sentUs;
    }
    if ((sacked & TCPCB_LOST) !== 0) {
      bits &= ~TCPCB_LOST;
      sk.lostOut -= count;
    }
  }
  cb[CB_SACKED] = bits | TCPCB_SACKED_ACKED;
}
