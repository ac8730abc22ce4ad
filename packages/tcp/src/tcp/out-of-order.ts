/** Segments ahead of their turn: kept sorted, merged, trimmed of what is there twice, reported as SACK blocks. @kernel tcp_data_queue_ofo — net/ipv4/tcp_input.c, 7.3 */
import { SKB_DROP_REASON, type SkBuff } from '@netmem/netdev';
import { inheritStamps } from '../stack/timestamping.ts';
import { pruneQueues } from './prune.ts';
import { extendDuplicate, reportDuplicate } from './report-duplicate.ts';
import { CB_END_SEQ, CB_FLAGS, CB_SEQ } from './skb-cb.ts';
import type { TcpSock } from './tcp-sock.ts';
import { TCPHDR_FIN, TCPHDR_PSH } from './tcp-states.ts';
import { growWindow } from './window.ts';

/**
 * Puts `from`'s bytes behind those of `to` if the two are adjacent and the memory rules allow. The receive charge follows.
 *
 * @returns true: `from` is empty, the caller frees it (and uncharges it if it was charged).
 * @kernel tcp_try_coalesce — net/ipv4/tcp_input.c, 7.3
 */
export function tryCoalesce(sk: TcpSock, to: SkBuff, from: SkBuff): boolean {
  if (from.cb[CB_SEQ] !== to.cb[CB_END_SEQ] || !to.tryCoalesce(from)) return false;
  if (to.pool.stamping) inheritStamps(to, from);
  sk.rmemAlloc += to.pool.coalesceDelta;
  sk.stack.stats.TcpExtTCPRcvCoalesce++;
  to.cb[CB_END_SEQ] = from.cb[CB_END_SEQ];
  to.cb[CB_FLAGS] |= from.cb[CB_FLAGS] & (TCPHDR_FIN | TCPHDR_PSH);
  return true;
}

/** Queues a segment whose first byte is ahead of rcvNxt (payload at `skb.data`). Owns the skb. */
export function queueOutOfOrder(sk: TcpSock, skb: SkBuff): void {
  const stats = sk.stack.stats;
  if (sk.rmemAlloc > sk.rcvbuf && !pruneQueues(sk, skb)) {
    stats.TcpExtTCPOFODrop++;
    sk.listener?.readable(sk);
    skb.free(SKB_DROP_REASON.TCP_OFO_QUEUE_PRUNE);
    return;
  }
  // Nothing is as expected until the hole is closed.
  sk.predFlags = 0;
  sk.ack.schedule();
  sk.rcvOoopack += Math.max(1, skb.gsoSegs);
  stats.TcpExtTCPOFOQueue++;
  const seq = skb.cb[CB_SEQ];
  const end = skb.cb[CB_END_SEQ];
  if (!place(sk, skb, seq, end)) return;
  if (sk.options.sackOk) sk.rxSack.add(seq, end);
}

/** @returns false when the segment was there already in whole: the duplicate is reported, nothing is added. */
function place(sk: TcpSock, skb: SkBuff, seq: number, end: number): boolean {
  const ofo = sk.ofo;
  const at = ofo.upperBound(seq);
  if (at > 0) {
    const before = ofo.at(at - 1);
    const overlap = (before.cb[CB_END_SEQ] - seq) | 0;
    if (overlap > 0) {
      if (((before.cb[CB_END_SEQ] - end) | 0) >= 0) {
        sk.stack.stats.TcpExtTCPOFOMerge++;
        reportDuplicate(sk, seq, end);
        skb.free(SKB_DROP_REASON.TCP_OFO_DROP);
        return false;
      }
      reportDuplicate(sk, seq, before.cb[CB_END_SEQ]);
    } else if (tryCoalesce(sk, before, skb)) {
      skb.consume();
      removeCovered(sk, at, end);
      return true;
    }
  }
  if (sk.options.sackOk) growWindow(sk, skb.len, skb.truesize);
  skb.condense();
  ofo.insert(at, skb);
  sk.rmemAlloc += skb.truesize;
  removeCovered(sk, at + 1, end);
  return true;
}

/** Drops what the new segment covers; a partial overlap stays and only counts as a duplicate. */
function removeCovered(sk: TcpSock, from: number, end: number): void {
  const ofo = sk.ofo;
  while (from < ofo.length) {
    const next = ofo.at(from);
    if (((end - next.cb[CB_SEQ]) | 0) <= 0) return;
    if (((end - next.cb[CB_END_SEQ]) | 0) < 0) {
      extendDuplicate(sk, next.cb[CB_SEQ], end);
      return;
    }
    extendDuplicate(sk, next.cb[CB_SEQ], next.cb[CB_END_SEQ]);
    sk.stack.stats.TcpExtTCPOFOMerge++;
    ofo.remove(from);
    sk.rmemAlloc -= next.truesize;
    next.free(SKB_DROP_REASON.TCP_OFO_DROP);
  }
}
