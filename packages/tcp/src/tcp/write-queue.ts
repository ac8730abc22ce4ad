/**
 * The skbs that wait to be sent or acknowledged. They hold page fragments only, no linear bytes: every transmission builds a packet of its own that shares
 * the pages, so nothing a device does can touch what may have to be sent again.
 *
 * ```
 *   sndUna            sndNxt                 writeSeq
 *     │   rtxQueue      │      writeQueue       │
 *     └─────────────────┴───────────────────────┘
 * ```
 */
import { SKB_DROP_REASON, type SkBuff, type SkBuffQueue } from '@netmem/netdev';
import { segmentsOf } from './segment.ts';
import {
  CB_DELIVERED,
  CB_END_SEQ,
  CB_EOR,
  CB_FLAGS,
  CB_PCOUNT,
  CB_SACKED,
  CB_SEG_BYTES,
  CB_SENT_US,
  CB_SEQ,
  TCPCB_LOST,
  TCPCB_SACKED_ACKED,
  TCPCB_SACKED_RETRANS,
} from './skb-cb.ts';
import type { TcpSock } from './tcp-sock.ts';
import { TCPHDR_FIN, TCPHDR_PSH } from './tcp-states.ts';

/** A fresh skb at the end of the write queue, charged; null without memory. */
export function appendSkb(sk: TcpSock, flags: number): SkBuff | null {
  const skb = sk.stack.network.skbs.alloc(null);
  if (skb === null) return null;
  skb.cb[CB_SEQ] = sk.writeSeq;
  skb.cb[CB_END_SEQ] = sk.writeSeq;
  skb.cb[CB_FLAGS] = flags;
  skb.cb[CB_PCOUNT] = 1;
  sk.wmemQueued += skb.truesize;
  sk.writeQueue.push(skb);
  return skb;
}

/** Unlinks, uncharges and frees. */
export function dropSkb(sk: TcpSock, queue: SkBuffQueue, skb: SkBuff): void {
  queue.unlink(skb);
  sk.wmemQueued -= skb.truesize;
  skb.consume();
}

/** Frees everything unsent and unacknowledged. @kernel tcp_write_queue_purge — net/ipv4/tcp.c, 7.3 */
export function purgeWriteQueues(sk: TcpSock): void {
  sk.writeQueue.purge(SKB_DROP_REASON.NOT_SPECIFIED);
  sk.rtxQueue.purge(SKB_DROP_REASON.NOT_SPECIFIED);
  sk.wmemQueued = 0;
  sk.packetsOut = 0;
  sk.sackedOut = 0;
  sk.lostOut = 0;
  sk.retransOut = 0;
  sk.backoff = 0;
}

/** Counts the segments of a queued skb, for an MSS. @kernel tcp_set_skb_tso_segs — net/ipv4/tcp_output.c, 7.3 */
export function setPcount(skb: SkBuff, mss: number): number {
  const count = segmentsOf(skb.len, mss);
  skb.cb[CB_PCOUNT] = count;
  skb.cb[CB_SEG_BYTES] = mss;
  return count;
}

/** The segments of a sent skb became `removed` fewer (or more, if negative): every counter it is in follows. @kernel tcp_adjust_pcount — net/ipv4/tcp_output.c, 7.3 */
export function adjustPcount(sk: TcpSock, skb: SkBuff, removed: number): void {
  const sacked = skb.cb[CB_SACKED];
  sk.packetsOut -= removed;
  if ((sacked & TCPCB_SACKED_ACKED) !== 0) sk.sackedOut -= removed;
  if ((sacked & TCPCB_SACKED_RETRANS) !== 0) sk.retransOut -= removed;
  if ((sacked & TCPCB_LOST) !== 0) sk.lostOut -= removed;
}

/**
 * Splits a queued skb: `length` bytes stay, the rest becomes the next skb of the queue.
 *
 * @returns false without memory; nothing changed then.
 * @kernel tcp_fragment — net/ipv4/tcp_output.c, 7.3
 */
export function fragmentSkb(sk: TcpSock, queue: SkBuffQueue, skb: SkBuff, length: number, mss: number): boolean {
  const rest = sk.stack.network.skbs.alloc(null);
  if (rest === null) return false;
  const moved = skb.len - length;
  skb.split(rest, length);
  const from = skb.cb;
  const to = rest.cb;
  to[CB_SEQ] = (from[CB_SEQ] + length) | 0;
  to[CB_END_SEQ] = from[CB_END_SEQ];
  from[CB_END_SEQ] = to[CB_SEQ];
  // PSH and FIN belong to the last byte.
  to[CB_FLAGS] = from[CB_FLAGS];
  from[CB_FLAGS] &= ~(TCPHDR_FIN | TCPHDR_PSH);
  to[CB_SACKED] = from[CB_SACKED];
  to[CB_SENT_US] = from[CB_SENT_US];
  to[CB_DELIVERED] = from[CB_DELIVERED];
  to[CB_SEG_BYTES] = from[CB_SEG_BYTES];
  to[CB_EOR] = from[CB_EOR];
  from[CB_EOR] = 0;
  sk.wmemQueued += rest.truesize;
  skb.truesize -= moved;
  rest.truesize += moved;
  const before = from[CB_PCOUNT];
  const now = setPcount(skb, mss) + setPcount(rest, mss);
  if (queue === sk.rtxQueue && now !== before) adjustPcount(sk, skb, before - now);
  queue.insertAfter(skb, rest);
  return true;
}

/** Cuts `length` acknowledged bytes off the front. @kernel tcp_trim_head — net/ipv4/tcp_output.c, 7.3 */
export function trimHead(sk: TcpSock, skb: SkBuff, length: number): void {
  skb.trimHead(length);
  skb.cb[CB_SEQ] = (skb.cb[CB_SEQ] + length) | 0;
  skb.truesize -= length;
  sk.wmemQueued -= length;
}
