import { EAGAIN, EINVAL, ENOTCONN, EPIPE, POLL } from '@netmem/uapi';
import type { IovCursor, Msghdr } from './msghdr.ts';

/**
 * One end of a connected pair of UNIX stream sockets: enough for the checks that Linux makes on sockets that are not TCP, and for a test that wants
 * a byte stream without a network. It never fills up.
 *
 * @kernel unix_stream_recvmsg — net/unix/af_unix.c, 7.3 (partial: byte stream of a socketpair only)
 */
export class UnixSock {
  /** Called when something about this end changed; set by the socket layer. */
  onChange: (() => void) | null = null;
  #peer: UnixSock | null = null;
  #chunks: Uint8Array[] = [];
  #shut = false;

  /** Two connected ends. */
  static pair(): [UnixSock, UnixSock] {
    const a = new UnixSock();
    const b = new UnixSock();
    a.#peer = b;
    b.#peer = a;
    return [a, b];
  }

  /** @returns bytes taken; -ENOTCONN never connected; -EPIPE the other end is closed. */
  send(msg: Msghdr): number {
    const peer = this.#peer;
    if (peer === null) return -ENOTCONN;
    if (peer.#shut) return -EPIPE;
    for (const region of msg.iov) {
      if (region.length > 0) peer.#chunks.push(region.bytes.slice(region.base, region.base + region.length));
    }
    peer.onChange?.();
    return msg.length;
  }

  /** @returns bytes copied, 0 when the other end is closed; -EAGAIN nothing there; -EINVAL never connected. */
  receive(msg: Msghdr, iov: IovCursor, peek: boolean): number {
    if (this.#peer === null) return -EINVAL;
    let copied = 0;
    let left = msg.length;
    for (let i = 0; i < this.#chunks.length && left > 0; i++) {
      const chunk = this.#chunks[i] as Uint8Array;
      const n = iov.copyTo(chunk, 0, Math.min(chunk.length, left));
      copied += n;
      left -= n;
      if (!peek) this.#chunks[i] = chunk.subarray(n);
    }
    const wasEmpty = this.#chunks.length === 0;
    this.#chunks = this.#chunks.filter((chunk) => chunk.length > 0);
    if (!wasEmpty || this.#peer.#shut) return copied;
    return -EAGAIN;
  }

  /** POLL bits. @kernel unix_poll — net/unix/af_unix.c, 7.3 */
  poll(): number {
    if (this.#peer === null) return POLL.OUT | POLL.HUP;
    const ended = this.#peer.#shut;
    return POLL.OUT | (this.#chunks.length > 0 || ended ? POLL.IN : 0) | (ended ? POLL.RDHUP | POLL.HUP : 0);
  }

  close(): void {
    this.#shut = true;
    this.#chunks = [];
    this.#peer?.onChange?.();
  }
}
