/** What the peer has, as its SACK blocks tell, (RFC 2018, 2883); without SACK, what duplicate ACKs say in its place. @kernel tcp_sacktag_write_queue — net/ipv4/tcp_input.c, 7.3 */
import type { SkBuff } from '@netmem/netdev';
import { MAX_SACK_BLOCKS, type TcpOptions } from '@netmem/wire';
import { rackAdvance, rackOnDuplicate } from './rack.ts';
import { pcountOf } from './segment.ts';
import {
  CB_END_SEQ,
  CB_SACKED,
  CB_SENT_US,
  CB_SEQ,
  TCPCB_EVER_RETRANS,
  TCPCB_LOST,
  TCPCB_SACKED_ACKED,
  TCPCB_SACKED_RETRANS,
} from './skb-cb.ts';
import type { TcpSock } from './tcp-sock.ts';
import { onDuplicateReport } from './undo.ts';
import { fragmentSkb } from './write-queue.ts';

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

/** Most segments that reordering is assumed to span. @kernel sysctl_tcp_max_reordering — net/ipv4/tcp_ipv4.c, 7.3 */
const MAX_REORDERING = 300;

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
      onDuplicateReport(sk, left, right);
      rackOnDuplicate(sk);
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
  const seq = skb.cb[CB_SEQ];
  rackAdvance(sk, skb);
  if ((sacked & TCPCB_SACKED_RETRANS) !== 0) sk.retransOut -= count;
  if ((sacked & TCPCB_EVER_RETRANS) === 0) {
    out.hasSentUs = true;
    out.sentUs = skb.cb[CB_SENT_US];
    noteReordering(sk, seq);
  }
  if (sk.sackedOut === 0 || ((seq - sk.highestSackSeq) | 0) > 0) sk.highestSackSeq = seq;
  if ((sacked & TCPCB_LOST) !== 0) sk.lostOut -= count;
  skb.cb[CB_SACKED] = (sacked & TCPCB_EVER_RETRANS) | TCPCB_SACKED_ACKED;
  sk.sackedOut += count;
  sk.delivered += count;
  out.newlySacked += count;
}

/**
 * A segment that was sent once arrived although a later one was reported before it: the path reorders, so duplicates prove less.
 *
 * @kernel tcp_check_sack_reordering — net/ipv4/tcp_input.c, 7.3
 */
export function noteReordering(sk: TcpSock, seq: number): void {
  if (sk.sackedOut === 0) return;
  const behind = (sk.highestSackSeq - seq) | 0;
  if (behind <= 0) return;
  const mss = Math.max(1, sk.mssCache);
  if (behind > sk.reordering * mss) sk.reordering = Math.min(Math.ceil(behind / mss), MAX_REORDERING);
  sk.rack.reorderSeen = true;
  sk.stack.stats.TcpExtTCPSACKReorder++;
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
