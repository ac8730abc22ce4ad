import { type SkBuff, SkBuffQueue } from '@netmem/netdev';
import type { ReceiveSide } from '../src/socket/tcp-recvmsg.ts';
import { CB_END_SEQ, CB_FLAGS, CB_SEQ } from '../src/tcp/skb-cb.ts';
import { TCP_ESTABLISHED, TCPHDR_ACK, TCPHDR_FIN } from '../src/tcp/tcp-states.ts';

/** The receive side of a TCP socket without a protocol: a test fills the queue. */
export class HandSock implements ReceiveSide {
  state: number = TCP_ESTABLISHED;
  shutdownMask = 0;
  done = false;
  error = 0;
  readonly receiveQueue: SkBuffQueue = new SkBuffQueue();
  copiedSeq: number;
  rcvNxt: number;
  urgData = 0;
  urgSeq = 0;
  oobInline = false;
  tsFlags = 0;
  /** What `cleanupRbuf` was told, call by call. */
  readonly cleanups: number[] = [];
  spaceAdjusts = 0;

  constructor(seq: number = 0x7fff_fff0) {
    this.copiedSeq = seq | 0;
    this.rcvNxt = seq | 0;
  }

  /** The next segment in order. */
  arrive(skb: SkBuff, flags: { fin?: boolean } = {}): SkBuff {
    const fin = flags.fin === true ? 1 : 0;
    skb.cb[CB_SEQ] = this.rcvNxt;
    skb.cb[CB_END_SEQ] = this.rcvNxt + skb.len + fin;
    skb.cb[CB_FLAGS] = fin === 1 ? TCPHDR_ACK | TCPHDR_FIN : TCPHDR_ACK;
    this.rcvNxt = (this.rcvNxt + skb.len + fin) | 0;
    this.receiveQueue.push(skb);
    return skb;
  }

  takeError(): number {
    const error = this.error;
    this.error = 0;
    return error === 0 ? 0 : -error;
  }

  eatSkb(skb: SkBuff): void {
    this.receiveQueue.unlink(skb);
    skb.consume();
  }

  cleanupRbuf(copied: number): void {
    this.cleanups.push(copied);
  }

  rcvSpaceAdjust(): void {
    this.spaceAdjusts++;
  }
}
