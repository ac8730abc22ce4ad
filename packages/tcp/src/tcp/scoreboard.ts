/** What the peer has, as its SACK blocks tell, and what is therefore lost (RFC 6675). @kernel tcp_sacktag_write_queue — net/ipv4/tcp_input.c, 7.3 */
import type { SkBuff } from '@netmem/netdev';
import { MAX_SACK_BLOCKS, type TcpOptions } from '@netmem/wire';
import { pcountOf, segmentsOf } from './segment.ts';
import {
  CB_END_SEQ,
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
import { adjustPcount, fragmentSkb } from './write-queue.ts';

/** What SACK processing tells the rest of ACK processing. */
export class SackResult {
  /** Segments newly marked as received. */
  newlySacked: number = 0;
  /** The first block was a D-SACK. */
  duplicate: boolean = false;
  /** When the newest of them left, µs; only of skbs that were sent once. */
  hasSentUs: boolean = false;
  sentUs: number = 0;

  clear(): void {
    this.newlySacked = 0;
    this.duplicate = false;
    this.hasSentUs = false;
  }
}

const lefts: Int32Array = new Int32Array(MAX_SACK_BLOCKS);
const rights: Int32Array = new Int32Array(MAX_SACK_BLOCKS);

/** Takes the SACK blocks of an ACK into the retransmission queue. */
export function tagWriteQueue(sk: TcpSock, options: TcpOptions, ack: number, priorUna: number, out: SackResult): void {
  const stats = sk.stack.stats;
  let count = 0;
  for (let i = 0; i < options.sackCount; i++) {
    const left = options.sackLeft[i] | 0;
    const right = options.sackRight[i] | 0;
    if (i === 0 && isDuplicate(options, ack, left, right)) {
      out.duplicate = true;
      stats.TcpExtTCPDSACKRecv++;
      continue;
    }
    if (!isValidBlock(sk, left, right)) {
      stats.TcpExtTCPSACKDiscard++;
      continue;
    }
    // Acknowledged meanwhile: an old ACK that overtook nothing.
    if (((right - priorUna) | 0) <= 0) continue;
    insertSorted(count++, left, right);
  }
  if (count > 0 && sk.packetsOut > 0) tagBlocks(sk, count, out);
}

/** RFC 2883, 4: below the ACK, or inside the second block. @kernel tcp_check_dsack — net/ipv4/tcp_input.c, 7.3 */
function isDuplicate(options: TcpOptions, ack: number, left: number, right: number): boolean {
  if (((left - ack) | 0) < 0) return true;
  if (options.sackCount < 2) return false;
  const outerLeft = options.sackLeft[1] | 0;
  const outerRight = options.sackRight[1] | 0;
  return ((right - outerRight) | 0) <= 0 && ((left - outerLeft) | 0) >= 0;
}

/** Within what was sent and not acknowledged, and not empty. @kernel tcp_is_sackblock_valid — net/ipv4/tcp_input.c, 7.3 */
function isValidBlock(sk: TcpSock, left: number, right: number): boolean {
  if (((right - left) | 0) <= 0 || ((right - sk.sndNxt) | 0) > 0) return false;
  return ((left - sk.sndUna) | 0) > 0 || (((right - sk.sndUna) | 0) <= 0 && ((sk.sndUna - left) | 0) <= sk.maxWindow);
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

function tagBlocks(sk: TcpSock, count: number, out: SackResult): void {
  let block = 0;
  for (let skb = sk.rtxQueue.first; skb !== null && block < count; skb = skb.next) {
    while (block < count && ((rights[block] - skb.cb[CB_SEQ]) | 0) <= 0) block++;
    if (block === count) break;
    if (((skb.cb[CB_END_SEQ] - lefts[block]) | 0) <= 0) continue;
    const inside = matchSkb(sk, skb, lefts[block], rights[block]);
    if (inside) sackOne(sk, skb, out);
  }
}

/** Whether the block covers the skb; a super-segment that it covers in part is split at a segment boundary first. @kernel tcp_match_skb_to_sack — net/ipv4/tcp_input.c, 7.3 */
function matchSkb(sk: TcpSock, skb: SkBuff, left: number, right: number): boolean {
  const seq = skb.cb[CB_SEQ];
  const end = skb.cb[CB_END_SEQ];
  const startsInside = ((seq - left) | 0) >= 0;
  if (startsInside && ((end - right) | 0) <= 0) return true;
  if (pcountOf(skb) <= 1) return false;
  const mss = Math.max(1, Math.ceil(skb.len / pcountOf(skb)));
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

/** @kernel tcp_sacktag_one — net/ipv4/tcp_input.c, 7.3 */
function sackOne(sk: TcpSock, skb: SkBuff, out: SackResult): void {
  const sacked = skb.cb[CB_SACKED];
  if ((sacked & TCPCB_SACKED_ACKED) !== 0) return;
  const count = pcountOf(skb);
  if ((sacked & TCPCB_SACKED_RETRANS) !== 0) sk.retransOut -= count;
  else if ((sacked & TCPCB_EVER_RETRANS) === 0) {
    out.hasSentUs = true;
    out.sentUs = skb.cb[CB_SENT_US];
  }
  if ((sacked & TCPCB_LOST) !== 0) sk.lostOut -= count;
  skb.cb[CB_SACKED] = (sacked & TCPCB_EVER_RETRANS) | TCPCB_SACKED_ACKED;
  sk.sackedOut += count;
  sk.delivered += count;
  out.newlySacked += count;
}

/** Marks one skb lost; one that was sent again is lost again. @kernel tcp_mark_skb_lost — net/ipv4/tcp_input.c, 7.3 */
export function markSkbLost(sk: TcpSock, skb: SkBuff): void {
  const sacked = skb.cb[CB_SACKED];
  if ((sacked & TCPCB_SACKED_ACKED) !== 0) return;
  const count = pcountOf(skb);
  if ((sacked & TCPCB_LOST) !== 0) {
    if ((sacked & TCPCB_SACKED_RETRANS) === 0) return;
    skb.cb[CB_SACKED] = sacked & ~TCPCB_SACKED_RETRANS;
    sk.retransOut -= count;
    sk.stack.stats.TcpExtTCPLostRetransmit += count;
    return;
  }
  skb.cb[CB_SACKED] = sacked | TCPCB_LOST;
  sk.lostOut += count;
  sk.lost += count;
}

/**
 * Marks lost what lies below enough selectively acknowledged segments: `reordering` of them above a hole prove it (RFC 6675, IsLost).
 *
 * @kernel tcp_update_scoreboard — net/ipv4/tcp_input.c, 7.3
 */
export function updateScoreboard(sk: TcpSock, fastRetransmit: boolean): void {
  if (!sk.options.sackOk) return;
  const reordering = sk.stack.sysctl.tcpReordering;
  const beyond = sk.sackedOut - reordering;
  if (beyond >= 0) {
    // Walk up until no more than `reordering - 1` received segments remain above.
    let seen = 0;
    for (let skb = sk.rtxQueue.first; skb !== null; skb = skb.next) {
      if ((skb.cb[CB_SACKED] & TCPCB_SACKED_ACKED) !== 0) seen += pcountOf(skb);
      if (seen > beyond) break;
      if ((skb.cb[CB_SACKED] & (TCPCB_SACKED_ACKED | TCPCB_LOST)) === 0) markSkbLost(sk, skb);
    }
  } else if (fastRetransmit && sk.lostOut === 0) {
    markHeadLost(sk);
  }
}

/** Marks the oldest segment lost, one MSS of it. @kernel tcp_newreno_mark_lost — net/ipv4/tcp_recovery.c, 7.3 */
export function markHeadLost(sk: TcpSock): void {
  const skb = sk.rtxQueue.first;
  if (skb === null || (skb.cb[CB_SACKED] & TCPCB_LOST) !== 0) return;
  const mss = sk.mssCache;
  if (pcountOf(skb) > 1 && skb.len > mss) {
    if (!fragmentSkb(sk, sk.rtxQueue, skb, mss, mss)) return;
  } else {
    const now = segmentsOf(skb.len, mss);
    adjustPcount(sk, skb, pcountOf(skb) - now);
    skb.cb[CB_PCOUNT] = now;
  }
  markSkbLost(sk, skb);
}

/**
 * After a timeout everything that is not selectively acknowledged counts as lost; if even the oldest segment is, the peer took back what it said (it may,
 * RFC 2018, 8) and nothing it said counts.
 *
 * @kernel tcp_timeout_mark_lost — net/ipv4/tcp_input.c, 7.3
 */
export function markAllLost(sk: TcpSock): void {
  const head = sk.rtxQueue.first;
  const reneged = head !== null && (head.cb[CB_SACKED] & TCPCB_SACKED_ACKED) !== 0;
  if (reneged) {
    sk.stack.stats.TcpExtTCPSACKReneging++;
    sk.sackedOut = 0;
  } else if (!sk.options.sackOk) {
    resetRenoSack(sk);
  }
  for (let skb = head; skb !== null; skb = skb.next) {
    if (reneged) skb.cb[CB_SACKED] &= ~TCPCB_SACKED_ACKED;
    markSkbLost(sk, skb);
  }
}

/** Without SACK, duplicate ACKs stand in for it: each says that one more segment arrived. @kernel tcp_add_reno_sack — net/ipv4/tcp_input.c, 7.3 */
export function addRenoSack(sk: TcpSock, duplicates: number): void {
  if (duplicates === 0) return;
  const before = sk.sackedOut;
  sk.sackedOut += duplicates;
  limitRenoSacked(sk);
  const delivered = sk.sackedOut - before;
  if (delivered > 0) sk.delivered += delivered;
}

/** An ACK moved on over `acked` segments: all but the one that was missing had been counted. @kernel tcp_remove_reno_sacks — net/ipv4/tcp_input.c, 7.3 */
export function removeRenoSacks(sk: TcpSock, acked: number): void {
  if (acked > 0) {
    sk.delivered += Math.max(acked - sk.sackedOut, 1);
    sk.sackedOut = acked - 1 >= sk.sackedOut ? 0 : sk.sackedOut - (acked - 1);
  }
  limitRenoSacked(sk);
}

/** @kernel tcp_reset_reno_sack — net/ipv4/tcp_input.c, 7.3 */
export function resetRenoSack(sk: TcpSock): void {
  sk.sackedOut = 0;
}

/** More duplicates than segments in flight prove nothing. @kernel tcp_limit_reno_sacked — net/ipv4/tcp_input.c, 7.3 */
function limitRenoSacked(sk: TcpSock): void {
  const holes = Math.min(Math.max(sk.lostOut, 1), sk.packetsOut);
  if (sk.sackedOut + holes > sk.packetsOut) sk.sackedOut = Math.max(0, sk.packetsOut - holes);
}
