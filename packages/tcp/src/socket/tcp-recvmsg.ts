import type { Machine } from '@netmem/machine';
import type { SkBuff } from '@netmem/netdev';
import { EAGAIN, EFAULT, EINVAL, ENOTCONN, MSG_OOB, MSG_PEEK, MSG_SOCK_DEVMEM, MSG_TRUNC } from '@netmem/uapi';
import { seqAfter, seqBefore } from '@netmem/wire';
import type { ControlWriter } from '../devmem/control-writer.ts';
import type { DmabufReceiver } from '../devmem/recvmsg-dmabuf.ts';
import type { TokenTable } from '../devmem/token-table.ts';
import { CB_FLAGS, CB_SEQ } from '../tcp/skb-cb.ts';
import type { TcpSock } from '../tcp/tcp-sock.ts';
import { RCV_SHUTDOWN, TCP_CLOSE, TCP_LISTEN, TCPHDR_FIN, TCPHDR_SYN } from '../tcp/tcp-states.ts';
import { TCP_URG_NOTYET, TCP_URG_READ, TCP_URG_VALID } from '../tcp/urgent.ts';
import { copyDatagram } from './copy-datagram.ts';
import type { IovCursor, Msghdr } from './msghdr.ts';

/** Which kind of bytes a call has delivered so far; one call never mixes them. */
const KIND_UNSET = -1;
const KIND_READABLE = 0;
const KIND_UNREADABLE = 1;

/**
 * The receive loop of a TCP socket. It never waits: where Linux would sleep it answers -EAGAIN, and the layer above waits for readiness.
 * One object per stack; a call leaves nothing behind in it.
 *
 * @kernel tcp_recvmsg_locked — net/ipv4/tcp.c, 7.3
 */
export class TcpReceiver {
  readonly #machine: Machine;
  readonly #dmabuf: DmabufReceiver;
  readonly #iov: IovCursor;
  readonly #control: ControlWriter;
  /** Payload that was copied to user memory without a control message, over the life of the stack. */
  copiedBytes = 0;

  // State of the call in progress.
  #seq = 0;
  #copied = 0;
  #kind = KIND_UNSET;

  constructor(machine: Machine, dmabuf: DmabufReceiver, iov: IovCursor, control: ControlWriter) {
    this.#machine = machine;
    this.#dmabuf = dmabuf;
    this.#iov = iov;
    this.#control = control;
  }

  /**
   * @returns bytes delivered, 0 at the end of the stream; -ENOTCONN listening or never connected; -EAGAIN nothing there; -EFAULT devmem data without
   * MSG_SOCK_DEVMEM, or the iovec is too short; -ETOOSMALL, -ENODEV, -EBUSY as `DmabufReceiver.receive`; or the socket's pending error.
   */
  receive(sock: TcpSock, tokens: TokenTable, msg: Msghdr, flags: number): number {
    if (sock.state === TCP_LISTEN) return -ENOTCONN;
    if ((flags & MSG_OOB) !== 0) return this.#receiveUrgent(sock, msg, flags);
    this.#seq = sock.copiedSeq;
    this.#copied = 0;
    this.#kind = KIND_UNSET;
    let wanted = msg.length;
    do {
      if (sock.urgData !== 0 && sock.urgSeq === this.#seq && this.#copied > 0) break;
      const skb = this.#find(sock);
      if (skb === null) {
        if (this.#copied === 0) return this.#nothingThere(sock);
        break;
      }
      const offset = this.#offsetIn(skb);
      let end = false;
      if (offset < skb.len) {
        const result = this.#takeFrom(sock, skb, offset, wanted, tokens, flags);
        if (result < 0) {
          if (this.#copied === 0) this.#copied = result;
          break;
        }
        if (result === STOP) break;
        wanted -= result;
        end = this.#offsetIn(skb) >= skb.len;
      } else {
        end = true;
      }
      if (end && this.#finish(sock, skb, flags)) break;
    } while (wanted > 0);
    if ((flags & MSG_PEEK) === 0 && this.#copied > 0) sock.cleanupRbuf(this.#copied);
    return this.#copied;
  }

  /** The queued skb that holds the next byte or its FIN. */
  #find(sock: TcpSock): SkBuff | null {
    for (let skb = sock.receiveQueue.peek(); skb !== null; skb = skb.next) {
      const seq = skb.cb[CB_SEQ] as number;
      if (seqBefore(this.#seq, seq)) {
        this.#machine.log.warn(`TCP recvmsg seq # bug: copied ${this.#seq >>> 0}, seq ${seq >>> 0}`, 'tcp');
        return null;
      }
      const offset = this.#offsetIn(skb);
      if (offset < skb.len) return skb;
      if (offset === skb.len && ((skb.cb[CB_FLAGS] as number) & TCPHDR_FIN) !== 0) return skb;
    }
    return null;
  }

  #offsetIn(skb: SkBuff): number {
    const offset = (this.#seq - (skb.cb[CB_SEQ] as number)) | 0;
    return ((skb.cb[CB_FLAGS] as number) & TCPHDR_SYN) === 0 ? offset : offset - 1;
  }

  /** Why there is nothing, in Linux's order. */
  #nothingThere(sock: TcpSock): number {
    if (sock.done) return 0;
    if (sock.error !== 0) return sock.takeError();
    if ((sock.shutdownMask & RCV_SHUTDOWN) !== 0) return 0;
    if (sock.state === TCP_CLOSE) return -ENOTCONN;
    return -EAGAIN;
  }

  /** Delivers from one skb. Returns bytes taken off the request, a negative errno, or STOP. */
  #takeFrom(sock: TcpSock, skb: SkBuff, at: number, wanted: number, tokens: TokenTable, flags: number): number {
    let offset = at;
    let used = Math.min(skb.len - offset, wanted);
    if (sock.urgData !== 0) {
      const urgent = (sock.urgSeq - this.#seq) | 0;
      if (urgent === 0 && !sock.oobInline) {
        // The urgent byte is not part of the stream: step over it.
        this.#advance(sock, 1, flags);
        offset++;
        used = Math.min(used, skb.len - offset);
        if (used === 0) return this.#passedUrgent(sock, 0);
      } else if (urgent > 0 && urgent < used) {
        used = urgent;
      }
    }
    if ((flags & MSG_TRUNC) === 0) {
      const kind = skb.readable ? KIND_READABLE : KIND_UNREADABLE;
      if (this.#kind !== KIND_UNSET && this.#kind !== kind) return STOP;
      const result =
        kind === KIND_READABLE ? this.#copy(skb, offset, used) : this.#deliver(skb, offset, used, tokens, flags);
      if (result < 0) return result;
      used = result;
      this.#kind = kind;
    }
    this.#advance(sock, used, flags);
    this.#copied += used;
    sock.rcvSpaceAdjust();
    return this.#passedUrgent(sock, used);
  }

  #copy(skb: SkBuff, offset: number, length: number): number {
    const error = copyDatagram(this.#machine.memory.bytes, skb, offset, length, this.#iov);
    if (error < 0) return error;
    this.copiedBytes += length;
    return length;
  }

  #deliver(skb: SkBuff, offset: number, length: number, tokens: TokenTable, flags: number): number {
    if ((flags & MSG_SOCK_DEVMEM) === 0) return -EFAULT;
    return this.#dmabuf.receive(skb, offset, length, tokens, this.#iov, this.#control);
  }

  #advance(sock: TcpSock, n: number, flags: number): void {
    this.#seq = (this.#seq + n) | 0;
    if ((flags & MSG_PEEK) === 0) sock.copiedSeq = this.#seq;
  }

  #passedUrgent(sock: TcpSock, used: number): number {
    if (sock.urgData !== 0 && seqAfter(sock.copiedSeq, sock.urgSeq)) sock.urgData = 0;
    return used;
  }

  /** The skb is used up: frees it, and takes its FIN in. True when the stream ends here. */
  #finish(sock: TcpSock, skb: SkBuff, flags: number): boolean {
    const fin = ((skb.cb[CB_FLAGS] as number) & TCPHDR_FIN) !== 0;
    if (fin) this.#advance(sock, 1, flags);
    if ((flags & MSG_PEEK) === 0) sock.eatSkb(skb);
    return fin;
  }

  /** @kernel tcp_recv_urg — net/ipv4/tcp.c, 7.3 */
  #receiveUrgent(sock: TcpSock, msg: Msghdr, flags: number): number {
    if (sock.oobInline || sock.urgData === 0 || sock.urgData === TCP_URG_READ) return -EINVAL;
    if (sock.state === TCP_CLOSE && !sock.done) return -ENOTCONN;
    if ((sock.urgData & TCP_URG_VALID) === 0) {
      if (sock.state === TCP_CLOSE || (sock.shutdownMask & RCV_SHUTDOWN) !== 0) return 0;
      return sock.urgData === TCP_URG_NOTYET ? -EAGAIN : -EINVAL;
    }
    const byte = sock.urgData & 0xff;
    if ((flags & MSG_PEEK) === 0) sock.urgData = TCP_URG_READ;
    msg.flags |= MSG_OOB;
    const first = msg.iov.find((region) => region.length > 0);
    if (first === undefined) {
      msg.flags |= MSG_TRUNC;
      return 0;
    }
    if ((flags & MSG_TRUNC) === 0) first.bytes[first.base] = byte;
    return 1;
  }
}

/** `#takeFrom` met bytes of the other kind. No real count: a count is at most a request's length. */
const STOP = 2 ** 53 - 1;
