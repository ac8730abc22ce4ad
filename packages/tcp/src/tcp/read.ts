/** What the socket layer's reading means to the protocol: memory comes free, the window may open. */
import type { SkBuff } from '@netmem/netdev';
import { ICSK_ACK_PUSHED, ICSK_ACK_PUSHED2, TCP_PINGPONG_THRESH } from './ack-control.ts';
import { sendAck } from './segment.ts';
import type { TcpSock } from './tcp-sock.ts';
import { RCV_SHUTDOWN, TCP_LISTEN } from './tcp-states.ts';
import { computeWindow } from './window.ts';

/** Takes a read skb off the receive queue. @kernel tcp_eat_recv_skb — net/ipv4/tcp.c, 7.3 */
export function eatSkb(sk: TcpSock, skb: SkBuff): void {
  sk.receiveQueue.unlink(skb);
  sk.rmemAlloc -= skb.truesize;
  skb.consume();
}

/**
 * Sends an ACK when one is due that waited for the reader, or when the window grew to twice what the peer knows of.
 *
 * @param copied - bytes the application took since the last call.
 * @kernel __tcp_cleanup_rbuf — net/ipv4/tcp.c, 7.3
 */
export function cleanupRbuf(sk: TcpSock, copied: number): void {
  if (sk.state === TCP_LISTEN) return;
  const ack = sk.ack;
  const wnd = sk.wnd;
  let now = false;
  if (ack.scheduled) {
    const unacked = (sk.rcvNxt - wnd.rcvWup) | 0;
    now =
      unacked > ack.rcvMss ||
      // Everything was read and the peer had said "that is all for now".
      (copied > 0 &&
        ((ack.pending & ICSK_ACK_PUSHED2) !== 0 ||
          ((ack.pending & ICSK_ACK_PUSHED) !== 0 && ack.pingpong < TCP_PINGPONG_THRESH)) &&
        sk.rmemAlloc === 0);
  }
  if (copied > 0 && !now && (sk.shutdownMask & RCV_SHUTDOWN) === 0) {
    const known = wnd.remaining(sk.rcvNxt);
    // Worth a segment of its own only if it at least doubles.
    if (2 * known <= wnd.clamp) {
      const next = computeWindow(sk);
      if (next > 0 && next >= 2 * known) now = true;
    }
  }
  if (now) sendAck(sk);
}
