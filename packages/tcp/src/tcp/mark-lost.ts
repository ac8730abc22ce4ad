/** The LOST mark of the retransmission queue, and the counters that follow it. */
import type { SkBuff } from '@netmem/netdev';
import { pcountOf } from './segment.ts';
import { CB_SACKED, CB_SEG_BYTES, TCPCB_LOST, TCPCB_SACKED_ACKED, TCPCB_SACKED_RETRANS } from './skb-cb.ts';
import type { TcpSock } from './tcp-sock.ts';
import { fragmentSkb } from './write-queue.ts';

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

/** Marks the oldest segment lost, one MSS of it. @kernel tcp_newreno_mark_lost — net/ipv4/tcp_recovery.c, 7.3 */
export function markHeadLost(sk: TcpSock): void {
  const skb = sk.rtxQueue.first;
  if (skb === null || (skb.cb[CB_SACKED] & TCPCB_LOST) !== 0) return;
  const mss = skb.cb[CB_SEG_BYTES];
  if (pcountOf(skb) > 1 && skb.len > mss && !fragmentSkb(sk, sk.rtxQueue, skb, mss, mss)) return;
  markSkbLost(sk, skb);
}
