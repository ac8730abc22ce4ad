import type { Machine } from '@netmem/machine';
import type { SkBuff } from '@netmem/netdev';
import { EAGAIN, EFAULT, EINVAL, ENOTCONN, MSG_OOB, MSG_PEEK, MSG_SOCK_DEVMEM, MSG_TRUNC } from '@netmem/uapi';
import { seqAfter, seqBefore } from '@netmem/wire';
import type { ControlWriter } from '../devmem/control-writer.ts';
import type { DmabufReceiver } from '../devmem/recvmsg-dmabuf.ts';
import type { TokenTable } from '../devmem/token-table.ts';
import { readStamps } from '../stack/timestamping.ts';
import { CB_FLAGS, CB_SEQ } from '../tcp/skb-cb.ts';
import type { TcpSock } from '../tcp/tcp-sock.ts';
import { RCV_SHUTDOWN, TCP_CLOSE, TCP_LISTEN, TCPHDR_FIN, TCPHDR_SYN } from '../tcp/tcp-states.ts';
import { TCP_URG_READ, TCP_URG_VALID } from '../tcp/urgent.ts';
import type { IovCursor, Msghdr } from './msghdr.ts';

/** Which kind of bytes a call has delivered so far; one call never mixes them. */
const KIND_UNSET = -1;
const KIND_READABLE = 0;
const KIND_UNREADABLE = 1;

/** `#deliver` met bytes of the other kind. Not an errno: those are above -4096. */
const STOP: number = -(2 ** 31);

/** What receiving reads and calls of a socket. */
export type ReceiveSide = Pick<
  TcpSock,
  | 'state'
  | 'shutdownMask'
  | 'done'
  | 'error'
  | 'takeError'
  | 'receiveQueue'
  | 'copiedSeq'
  | 'urgData'
  | 'urgSeq'
  | 'oobInline'
  | 'tsFlags'
  | 'eatSkb'
  | 'rcvSpaceAdjust'
  | 'cleanupRbuf'
>;

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
  /** When the last bytes of the call came, if `stamped`. */
  readonly stamps: Float64Array = new Float64Array(2);
  stamped = false;

  // State of the call in progress.
  #seq = 0;
  #copied = 0;
  #wanted = 0;
  #kind = KIND_UNSET;
  #flags = 0;

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
  receive(sock: ReceiveSide, tokens: TokenTable, msg: Msghdr, flags: number): number {
    if (sock.state === TCP_LISTEN) return -ENOTCONN;
    if ((flags & MSG_OOB) !== 0) return receiveUrgent(sock, msg, flags);
    this.#seq = sock.copiedSeq;
    this.#copied = 0;
    this.#wanted = msg.length;
    this.#kind = KIND_UNSET;
    this.#flags = flags;
    this.stamped = false;
    // Once even for a request of 0 bytes: it takes the FIN in, and finds out about errors.
    while (this.#receiveNext(sock, tokens) && this.#wanted > 0);
    // Also after a peek and a failure, as in Linux: an ACK may be due that has nothing to do with this call.
    sock.cleanupRbuf(this.#copied);
    return this.#copied;
  }

  /** One turn of the loop: the bytes of one skb. False when the call is over. */
  #receiveNext(sock: ReceiveSide, tokens: TokenTable): boolean {
    // The mark stays visible: a read ends before the urgent byte, and the next one starts at it.
    if (sock.urgData !== 0 && sock.urgSeq === this.#seq && this.#copied > 0) return false;
    const skb = this.#find(sock);
    if (skb === null) {
      if (this.#copied === 0) this.#copied = nothingThere(sock);
      return false;
    }
    if (this.#offsetIn(skb) < skb.len) {
      const result = this.#takeFrom(sock, skb, tokens);
      if (result < 0) {
        if (this.#copied === 0 && result !== STOP) this.#copied = result;
        return false;
      }
      if (this.#offsetIn(skb) < skb.len) return true;
    }
    return !this.#finish(sock, skb);
  }

  /** The queued skb that holds the next byte or its FIN. */
  #find(sock: ReceiveSide): SkBuff | null {
    for (let skb = sock.receiveQueue.peek(); skb !== null; skb = skb.next) {
      const seq = skb.cb[CB_SEQ] as number;
      if (seqBefore(this.#seq, seq)) {
        this.#machine.log.warn(`TCP recvmsg seq # bug: copied ${this.#seq >>> 0}, seq ${seq >>> 0}`, 'tcp');
        return null;
      }
      if (this.#offsetIn(skb) < skb.len || ((skb.cb[CB_FLAGS] as number) & TCPHDR_FIN) !== 0) return skb;
      if ((this.#flags & MSG_PEEK) === 0) {
        this.#machine.log.warn(`TCP recvmsg seq # bug 2: copied ${this.#seq >>> 0}, seq ${seq >>> 0}`, 'tcp');
      }
    }
    return null;
  }

  #offsetIn(skb: SkBuff): number {
    const offset = (this.#seq - (skb.cb[CB_SEQ] as number)) | 0;
    return ((skb.cb[CB_FLAGS] as number) & TCPHDR_SYN) === 0 ? offset : offset - 1;
  }

  /** Takes from one skb. Returns 0, a negative errno, or STOP. */
  #takeFrom(sock: ReceiveSide, skb: SkBuff, tokens: TokenTable): number {
    let used = Math.min(skb.len - this.#offsetIn(skb), this.#wanted);
    if (sock.urgData !== 0) {
      const urgent = (sock.urgSeq - this.#seq) >>> 0;
      if (urgent === 0 && used > 0 && !sock.oobInline) {
        // The urgent byte is not part of the stream: step over it.
        this.#advance(sock, 1);
        used--;
        if (used === 0) return passedUrgent(sock);
      } else if (urgent > 0 && urgent < used) {
        used = urgent;
      }
    }
    if ((this.#flags & MSG_TRUNC) === 0) {
      used = this.#deliver(skb, this.#offsetIn(skb), used, tokens);
      if (used < 0) return used;
    }
    this.#kind = skb.readable ? KIND_READABLE : KIND_UNREADABLE;
    this.#advance(sock, used);
    this.#copied += used;
    this.#wanted -= used;
    sock.rcvSpaceAdjust();
    if (sock.tsFlags !== 0 && readStamps(skb, this.stamps)) this.stamped = true;
    return passedUrgent(sock);
  }

  /** Bytes delivered, perhaps fewer than asked; a negative errno; STOP. */
  #deliver(skb: SkBuff, offset: number, length: number, tokens: TokenTable): number {
    const kind = skb.readable ? KIND_READABLE : KIND_UNREADABLE;
    if (this.#kind !== KIND_UNSET && this.#kind !== kind) return STOP;
    if (kind === KIND_UNREADABLE) {
      if ((this.#flags & MSG_SOCK_DEVMEM) === 0) return -EFAULT;
      return this.#dmabuf.receive(skb, offset, length, tokens, this.#iov, this.#control);
    }
    const error = this.#iov.copySkb(skb, offset, length);
    if (error < 0) return error;
    this.copiedBytes += length;
    return length;
  }

  #advance(sock: ReceiveSide, n: number): void {
    this.#seq = (this.#seq + n) | 0;
    if ((this.#flags & MSG_PEEK) === 0) sock.copiedSeq = this.#seq;
  }

  /** The skb is used up: takes its FIN in and frees it. True when the stream ends here. */
  #finish(sock: ReceiveSide, skb: SkBuff): boolean {
    const fin = ((skb.cb[CB_FLAGS] as number) & TCPHDR_FIN) !== 0;
    if (fin) this.#advance(sock, 1);
    if ((this.#flags & MSG_PEEK) === 0) sock.eatSkb(skb);
    return fin;
  }
}

/** Why there is nothing, in Linux's order: 0 the end of the stream, or the errno. */
function nothingThere(sock: ReceiveSide): number {
  if (sock.done) return 0;
  if (sock.error !== 0) return sock.takeError();
  if ((sock.shutdownMask & RCV_SHUTDOWN) !== 0) return 0;
  if (sock.state === TCP_CLOSE) return -ENOTCONN;
  return -EAGAIN;
}

/** Forgets the urgent mark once it is read past. Returns 0. */
function passedUrgent(sock: ReceiveSide): number {
  if (sock.urgData !== 0 && seqAfter(sock.copiedSeq, sock.urgSeq)) sock.urgData = 0;
  return 0;
}

/** @kernel tcp_recv_urg — net/ipv4/tcp.c, 7.3 */
function receiveUrgent(sock: ReceiveSide, msg: Msghdr, flags: number): number {
  if (sock.oobInline || sock.urgData === 0 || sock.urgData === TCP_URG_READ) return -EINVAL;
  if (sock.state === TCP_CLOSE && !sock.done) return -ENOTCONN;
  if ((sock.urgData & TCP_URG_VALID) === 0) {
    return sock.state === TCP_CLOSE || (sock.shutdownMask & RCV_SHUTDOWN) !== 0 ? 0 : -EAGAIN;
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
