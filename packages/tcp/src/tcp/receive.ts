/** Data that arrived: into the receive queue in order, into the out-of-order queue otherwise, with what that means for SACK and FIN. @kernel tcp_data_queue — net/ipv4/tcp_input.c, 7.3 */
import { SKB_DROP_REASON, type SkBuff } from '@netmem/netdev';
import { dataReceived, enterQuickAck } from './ack.ts';
import { ICSK_ACK_NOMEM, ICSK_ACK_NOW, TCP_PINGPONG_THRESH } from './ack-control.ts';
import { purgeOfo, setState } from './done.ts';
import { ecnAcceptCwr, ecnCheckCe, ecnOf } from './ecn.ts';
import { fastPathCheck } from './fast-path.ts';
import { queueOutOfOrder, tryCoalesce } from './out-of-order.ts';
import { pruneQueues } from './prune.ts';
import { extendDuplicate, reportDuplicate } from './report-duplicate.ts';
import { sendAck } from './segment.ts';
import { CB_END_SEQ, CB_FLAGS, CB_SEQ } from './skb-cb.ts';
import type { TcpSock } from './tcp-sock.ts';
import {
  RCV_SHUTDOWN,
  TCP_CLOSE_WAIT,
  TCP_CLOSING,
  TCP_ESTABLISHED,
  TCP_FIN_WAIT1,
  TCP_FIN_WAIT2,
  TCP_SYN_RECV,
  TCP_TIME_WAIT,
  TCPHDR_FIN,
} from './tcp-states.ts';

/** Moves rcvNxt. @kernel tcp_rcv_nxt_update — net/ipv4/tcp_input.c, 7.3 */
function advance(sk: TcpSock, seq: number): void {
  sk.bytesReceived += (seq - sk.rcvNxt) | 0;
  sk.rcvNxt = seq;
}

/**
 * Appends in-order payload (`skb.data` at it) to the receive queue, into its last skb if that can take it.
 *
 * @returns true when the skb was emptied into another: the caller frees it.
 * @kernel tcp_queue_rcv — net/ipv4/tcp_input.c, 7.3
 */
export function queueReceive(sk: TcpSock, skb: SkBuff): boolean {
  const tail = sk.receiveQueue.last;
  const end = skb.cb[CB_END_SEQ];
  const eaten = tail !== null && tryCoalesce(sk, tail, skb);
  advance(sk, end);
  if (eaten) return true;
  sk.receiveQueue.push(skb);
  sk.rmemAlloc += skb.truesize;
  return false;
}

/** Takes in a segment that passed every check, `skb.data` at its TCP header of `headerBytes`. Owns the skb. */
export function dataQueue(sk: TcpSock, skb: SkBuff, headerBytes: number): void {
  const cb = skb.cb;
  if (cb[CB_SEQ] === cb[CB_END_SEQ]) {
    skb.consume();
    return;
  }
  skb.pull(headerBytes);
  if (sk.ecnFlags !== 0) ecnAcceptCwr(sk, skb);
  const stats = sk.stack.stats;
  const window = sk.wnd.remaining(sk.rcvNxt);
  const early = (cb[CB_SEQ] - sk.rcvNxt) | 0;
  if (early === 0) {
    if (window === 0 && !isBareFin(skb)) {
      stats.TcpExtTCPZeroWindowDrop++;
      outOfWindow(sk, skb, SKB_DROP_REASON.TCP_ZEROWINDOW);
      return;
    }
    queueAndOut(sk, skb, headerBytes);
    return;
  }
  if (((cb[CB_END_SEQ] - sk.rcvNxt) | 0) <= 0) {
    // All of it is here already: the peer missed our ACK.
    stats.TcpExtDelayedACKLost++;
    reportDuplicate(sk, cb[CB_SEQ], cb[CB_END_SEQ]);
    outOfWindow(sk, skb, SKB_DROP_REASON.TCP_OLD_DATA);
    return;
  }
  if (early >= sk.wnd.promised(sk.rcvNxt)) {
    outOfWindow(sk, skb, SKB_DROP_REASON.TCP_OVERWINDOW);
    return;
  }
  if (early < 0) {
    reportDuplicate(sk, cb[CB_SEQ], sk.rcvNxt);
    if (window === 0) {
      stats.TcpExtTCPZeroWindowDrop++;
      outOfWindow(sk, skb, SKB_DROP_REASON.TCP_ZEROWINDOW);
      return;
    }
    queueAndOut(sk, skb, headerBytes);
    return;
  }
  if (sk.ecnFlags !== 0) ecnCheckCe(sk, ecnOf(sk, skb));
  queueOutOfOrder(sk, skb);
}

function isBareFin(skb: SkBuff): boolean {
  return skb.len === 0 && (skb.cb[CB_FLAGS] & TCPHDR_FIN) !== 0;
}

function outOfWindow(sk: TcpSock, skb: SkBuff, reason: number): void {
  enterQuickAck(sk);
  sk.ack.schedule();
  skb.free(reason);
}

function queueAndOut(sk: TcpSock, skb: SkBuff, headerBytes: number): void {
  if (sk.rmemAlloc > sk.rcvbuf && !pruneQueues(sk, skb)) {
    // Tell the peer to stop; what is in the queue already must be read first.
    sk.ack.pending |= ICSK_ACK_NOMEM | ICSK_ACK_NOW;
    sk.ack.schedule();
    sk.listener?.readable(sk);
    if (sk.receiveQueue.length > 0 && skb.len > 0) {
      sk.stack.stats.TcpExtTCPRcvQDrop++;
      skb.free(SKB_DROP_REASON.PROTO_MEM);
      return;
    }
  }
  const length = skb.len;
  const truesize = skb.truesize;
  const flags = skb.cb[CB_FLAGS];
  const gsoSize = skb.gsoSize;
  const ecn = sk.ecnFlags === 0 ? 0 : ecnOf(sk, skb);
  const eaten = queueReceive(sk, skb);
  if (length > 0) dataReceived(sk, length, truesize, gsoSize, flags, headerBytes, ecn);
  if ((flags & TCPHDR_FIN) !== 0) receiveFin(sk);
  if (sk.ofo.length > 0) {
    drainOfo(sk);
    // The hole is closed: say so at once (RFC 5681, 4.2).
    if (sk.ofo.length === 0) sk.ack.pending |= ICSK_ACK_NOW;
  }
  if (sk.rxSack.count > 0) sk.rxSack.advance(sk.rcvNxt);
  fastPathCheck(sk);
  if (eaten) skb.consume();
  if (!sk.dead) sk.listener?.readable(sk);
}

/** Moves what has become in order. @kernel tcp_ofo_queue — net/ipv4/tcp_input.c, 7.3 */
function drainOfo(sk: TcpSock): void {
  // What of the queue lies below has arrived in order meanwhile, so twice.
  let high = sk.rcvNxt;
  for (let skb = sk.ofo.first; skb !== null; skb = sk.ofo.first) {
    const cb = skb.cb;
    if (((cb[CB_SEQ] - sk.rcvNxt) | 0) > 0) return;
    sk.ofo.remove(0);
    sk.rmemAlloc -= skb.truesize;
    const end = cb[CB_END_SEQ];
    if (((cb[CB_SEQ] - high) | 0) < 0) {
      const right = high;
      if (((end - high) | 0) < 0) high = end;
      extendDuplicate(sk, cb[CB_SEQ], right);
    }
    if (((end - sk.rcvNxt) | 0) <= 0) {
      skb.free(SKB_DROP_REASON.TCP_OFO_DROP);
      continue;
    }
    const fin = (cb[CB_FLAGS] & TCPHDR_FIN) !== 0;
    if (queueReceive(sk, skb)) skb.consume();
    if (fin) {
      // Nothing can follow a FIN; receiveFin empties the queue.
      receiveFin(sk);
      return;
    }
  }
}

/** The peer has sent everything. @kernel tcp_fin — net/ipv4/tcp_input.c, 7.3 */
function receiveFin(sk: TcpSock): void {
  sk.ack.schedule();
  sk.shutdownMask |= RCV_SHUTDOWN;
  sk.done = true;
  const state = sk.state;
  if (state === TCP_SYN_RECV || state === TCP_ESTABLISHED) {
    setState(sk, TCP_CLOSE_WAIT);
    sk.ack.pingpong = TCP_PINGPONG_THRESH;
  } else if (state === TCP_FIN_WAIT1) {
    // Both closed at once: our FIN is not acknowledged yet.
    sendAck(sk);
    setState(sk, TCP_CLOSING);
  } else if (state === TCP_FIN_WAIT2) {
    sendAck(sk);
    sk.stack.tcp.timeWait(sk, TCP_TIME_WAIT, 0);
  }
  purgeOfo(sk);
  sk.rxSack.clear();
  if (!sk.dead) {
    sk.listener?.stateChanged(sk);
    sk.listener?.readable(sk);
  }
}
