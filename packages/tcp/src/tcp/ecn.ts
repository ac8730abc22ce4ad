/** Explicit congestion notification (RFC 3168): routers mark instead of dropping, the receiver echoes, the sender slows down and says so. */
import type { SkBuff } from '@netmem/netdev';
import { ICSK_ACK_NOW } from './ack-control.ts';
import { CB_END_SEQ, CB_FLAGS, CB_SEQ } from './skb-cb.ts';
import type { TcpSock } from './tcp-sock.ts';
import { TCPHDR_CWR, TCPHDR_ECE, TCPHDR_SYN } from './tcp-states.ts';

/** Bits of `TcpSock.ecnFlags`. Negotiated. @kernel TCP_ECN_OK — include/net/tcp.h, 7.3 */
export const TCP_ECN_OK = 1;
/** The next new data carry CWR. */
export const TCP_ECN_QUEUE_CWR = 2;
/** A mark arrived: every ACK echoes it until the peer says CWR. */
export const TCP_ECN_DEMAND_CWR = 4;
/** The peer's packets can be marked. */
export const TCP_ECN_SEEN = 8;

/** Codepoints of the two low bits of the traffic class. @kernel INET_ECN_ECT_0 — include/net/inet_ecn.h, 7.3 */
export const INET_ECN_NOT_ECT = 0;
export const INET_ECN_ECT_0 = 2;
export const INET_ECN_CE = 3;
const INET_ECN_MASK = 3;

/** Quick ACKs after a mark: the sender's window may be very low. */
const QUICK_ACKS = 2;

/** The ECN bits of the packet that `skb` came in. */
export function ecnOf(sk: TcpSock, skb: SkBuff): number {
  const view = sk.stack.view;
  if (sk.remoteAddress.isV4) return view.getUint8(skb.networkHeader + 1) & INET_ECN_MASK;
  return (view.getUint16(skb.networkHeader) >>> 4) & INET_ECN_MASK;
}

/** Data arrived on a connection with ECN. @kernel tcp_ecn_check_ce — net/ipv4/tcp_input.c, 7.3 */
export function ecnCheckCe(sk: TcpSock, ecn: number): void {
  if (ecn === INET_ECN_NOT_ECT) {
    // Retransmissions are not marked: tell the sender soon what they brought.
    if ((sk.ecnFlags & TCP_ECN_SEEN) !== 0) sk.ack.enterQuick(sk.wnd.rcvWnd, QUICK_ACKS);
    return;
  }
  if (ecn === INET_ECN_CE && (sk.ecnFlags & TCP_ECN_DEMAND_CWR) === 0) {
    sk.ack.enterQuick(sk.wnd.rcvWnd, QUICK_ACKS);
    sk.ecnFlags |= TCP_ECN_DEMAND_CWR;
  }
  sk.ecnFlags |= TCP_ECN_SEEN;
}

/** The peer says that it has slowed down. @kernel tcp_ecn_accept_cwr — net/ipv4/tcp_input.c, 7.3 */
export function ecnAcceptCwr(sk: TcpSock, skb: SkBuff): void {
  if ((skb.cb[CB_FLAGS] & TCPHDR_CWR) === 0) return;
  sk.ecnFlags &= ~TCP_ECN_DEMAND_CWR;
  if (skb.cb[CB_SEQ] !== skb.cb[CB_END_SEQ]) sk.ack.pending |= ICSK_ACK_NOW;
}

/** Whether an ACK echoes a mark. @kernel tcp_ecn_rcv_ecn_echo — net/ipv4/tcp_input.c, 7.3 */
export function isEcnEcho(sk: TcpSock, flags: number): boolean {
  return (flags & (TCPHDR_ECE | TCPHDR_SYN)) === TCPHDR_ECE && (sk.ecnFlags & TCP_ECN_OK) !== 0;
}

/** The window is reduced: the next new data say so. @kernel tcp_ecn_queue_cwr — net/ipv4/tcp_input.c, 7.3 */
export function ecnQueueCwr(sk: TcpSock): void {
  if ((sk.ecnFlags & TCP_ECN_OK) !== 0) sk.ecnFlags |= TCP_ECN_QUEUE_CWR;
}

/** The reduction was taken back: nothing to say. @kernel tcp_ecn_withdraw_cwr — net/ipv4/tcp_input.c, 7.3 */
export function ecnWithdrawCwr(sk: TcpSock): void {
  sk.ecnFlags &= ~TCP_ECN_QUEUE_CWR;
}

/**
 * Flags that a departing segment gets on a connection with ECN.
 *
 * @param fresh - it carries data that were never sent.
 * @kernel tcp_ecn_send — net/ipv4/tcp_output.c, 7.3
 */
export function ecnSendFlags(sk: TcpSock, fresh: boolean): number {
  let flags = 0;
  if (fresh && (sk.ecnFlags & TCP_ECN_QUEUE_CWR) !== 0) {
    sk.ecnFlags &= ~TCP_ECN_QUEUE_CWR;
    flags = TCPHDR_CWR;
  }
  return (sk.ecnFlags & TCP_ECN_DEMAND_CWR) !== 0 ? flags | TCPHDR_ECE : flags;
}
