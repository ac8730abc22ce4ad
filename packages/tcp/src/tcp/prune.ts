/**
 * When the receive buffer is full: many small segments cost far more memory than their bytes. First copy neighbours together, then throw away what is out
 * of order. Unreadable skbs cannot be copied; they are passed over and end a run.
 *
 * @kernel tcp_prune_queue — net/ipv4/tcp_input.c, 7.3
 */
import { MAX_SKB_FRAGS, SKB_DROP_REASON, type SkBuff } from '@netmem/netdev';
import { CB_END_SEQ, CB_FLAGS, CB_SEQ } from './skb-cb.ts';
import type { TcpSock } from './tcp-sock.ts';
import { TCPHDR_FIN } from './tcp-states.ts';

const PAGE_BYTES = 4096;
const MOST_BYTES = MAX_SKB_FRAGS * PAGE_BYTES;

/**
 * Makes room for `incoming`.
 *
 * @returns whether the buffer has room now.
 */
export function pruneQueues(sk: TcpSock, incoming: SkBuff): boolean {
  const stats = sk.stack.stats;
  stats.TcpExtPruneCalled++;
  clampWindow(sk);
  if (sk.rmemAlloc <= sk.rcvbuf) return true;
  collapse(sk);
  if (sk.rmemAlloc <= sk.rcvbuf) return true;
  pruneOfo(sk, incoming);
  if (sk.rmemAlloc <= sk.rcvbuf) return true;
  stats.TcpExtRcvPruned++;
  // Nothing may pass unchecked until memory comes free.
  sk.predFlags = 0;
  return false;
}

/** The peer sent more than the window should have let it: allow for it if the limits do, and offer less. @kernel tcp_clamp_window — net/ipv4/tcp_input.c, 7.3 */
function clampWindow(sk: TcpSock): void {
  const most = sk.stack.sysctl.tcpRmemMax;
  sk.ack.quick = 0;
  if (sk.rcvbuf < most && !sk.rcvbufLocked) sk.rcvbuf = Math.min(Math.max(sk.rmemAlloc, sk.rcvbuf), most);
  if (sk.rmemAlloc > sk.rcvbuf) sk.wnd.ssthresh = Math.min(sk.wnd.clamp, 2 * sk.advmss);
}

/** Drops from the far end, never what comes before `incoming`. @kernel tcp_prune_ofo_queue — net/ipv4/tcp_input.c, 7.3 */
function pruneOfo(sk: TcpSock, incoming: SkBuff): void {
  const ofo = sk.ofo;
  let pruned = false;
  while (ofo.length > 0 && sk.rmemAlloc > sk.rcvbuf) {
    const last = ofo.at(ofo.length - 1);
    if (((incoming.cb[CB_SEQ] - last.cb[CB_SEQ]) | 0) > 0) break;
    ofo.remove(ofo.length - 1);
    sk.rmemAlloc -= last.truesize;
    last.free(SKB_DROP_REASON.TCP_OFO_QUEUE_PRUNE);
    pruned = true;
  }
  if (!pruned) return;
  sk.stack.stats.TcpExtOfoPruned++;
  // The peer must not count on what it was told of (RFC 2018, 8, lets us).
  sk.rxSack.clear();
}

/** Copies runs of bloated neighbours of the receive queue together. @kernel tcp_collapse — net/ipv4/tcp_input.c, 7.3 */
function collapse(sk: TcpSock): void {
  let skb = sk.receiveQueue.first;
  while (skb !== null && sk.rmemAlloc > sk.rcvbuf) {
    const last = endOfRun(skb);
    const next: SkBuff | null = last.next;
    if (last !== skb) mergeRun(sk, skb, last);
    skb = next;
  }
}

/** The last skb that can be copied together with `first`: readable, adjacent, no FIN, not too much. */
function endOfRun(first: SkBuff): SkBuff {
  if (!isCollapsible(first)) return first;
  let last = first;
  let bytes = first.len;
  for (let skb = first.next; skb !== null; skb = skb.next) {
    bytes += skb.len;
    if (!isCollapsible(skb) || bytes > MOST_BYTES || skb.cb[CB_SEQ] !== last.cb[CB_END_SEQ]) break;
    last = skb;
  }
  return last;
}

function isCollapsible(skb: SkBuff): boolean {
  return skb.readable && (skb.cb[CB_FLAGS] & TCPHDR_FIN) === 0;
}

function mergeRun(sk: TcpSock, first: SkBuff, last: SkBuff): void {
  let bytes = 0;
  let truesize = 0;
  const end: SkBuff | null = last.next;
  for (let skb: SkBuff | null = first; skb !== null && skb !== end; skb = skb.next) {
    bytes += skb.len;
    truesize += skb.truesize;
  }
  const pages = Math.ceil(bytes / PAGE_BYTES);
  // Half the memory or not at all: copying must pay.
  if (2 * (pages * PAGE_BYTES + 1088) > truesize) return;
  const merged = allocPages(sk, bytes, pages);
  if (merged === null) return;
  merged.cb[CB_SEQ] = first.cb[CB_SEQ];
  merged.cb[CB_END_SEQ] = last.cb[CB_END_SEQ];
  merged.cb[CB_FLAGS] = last.cb[CB_FLAGS];
  merged.napiId = first.napiId;
  merged.dev = first.dev;
  sk.receiveQueue.insertAfter(first.prev, merged);
  let offset = 0;
  for (let skb: SkBuff | null = first; skb !== null && skb !== end; ) {
    const next: SkBuff | null = skb.next;
    copyInto(merged, offset, skb);
    offset += skb.len;
    sk.receiveQueue.unlink(skb);
    sk.rmemAlloc -= skb.truesize;
    skb.consume();
    sk.stack.stats.TcpExtTCPRcvCollapsed++;
    skb = next;
  }
  sk.rmemAlloc += merged.truesize;
}

function allocPages(sk: TcpSock, bytes: number, pages: number): SkBuff | null {
  const { skbs, netmem } = sk.stack.network;
  const skb = skbs.alloc(null);
  if (skb === null) return null;
  for (let i = 0; i < pages; i++) {
    const page = netmem.allocPages(0, -1);
    if (page === 0) {
      skb.free(SKB_DROP_REASON.NOMEM);
      return null;
    }
    skb.addRxFragNetmem(netmem.pageToNetmem(page), 0, Math.min(PAGE_BYTES, bytes - i * PAGE_BYTES), PAGE_BYTES);
  }
  return skb;
}

function copyInto(to: SkBuff, at: number, from: SkBuff): void {
  let done = 0;
  while (done < from.len) {
    const offset = at + done;
    const frag = Math.trunc(offset / PAGE_BYTES);
    const inside = offset % PAGE_BYTES;
    const n = Math.min(PAGE_BYTES - inside, from.len - done);
    from.copyBits(done, (to.fragAddress(frag) ?? 0) + inside, n);
    done += n;
  }
}
