/** A connection that carries ordinary bytes both ways without ever waiting: small messages are collected until they are whole. */
import type { Host } from '@netmem/lab';
import { regionOf } from '@netmem/region';
import { Msghdr } from '@netmem/tcp';
import { EAGAIN, errnoName } from '@netmem/uapi';

const NOTHING = new Uint8Array(0);

/** One end of a connection of our own stack. */
export class ControlChannel {
  readonly fd: number;
  readonly #host: Host;
  #wanted: Uint8Array = NOTHING;
  #got = 0;
  #unsent: Uint8Array = NOTHING;
  /** Ordinary bytes that were read. */
  bytes: number = 0;
  /** The other side has closed, or the connection broke. */
  ended: boolean = false;
  /** Why it broke; null when it did not. */
  error: string | null = null;

  constructor(host: Host, fd: number) {
    this.#host = host;
    this.fd = fd;
  }

  /**
   * Exactly `length` bytes, once they have all come; null before. Not one byte more is read from the socket. Ask for the same length until they
   * are there.
   */
  take(length: number): Uint8Array | null {
    if (this.#wanted.length !== length) {
      this.#wanted = new Uint8Array(length);
      this.#got = 0;
    }
    const { sockets } = this.#host.stack;
    while (this.#got < length && !this.ended) {
      const rest = new Msghdr([regionOf(this.#wanted.subarray(this.#got))]);
      const result = sockets.recvmsg(this.fd, rest);
      if (result === -EAGAIN) return null;
      if (result <= 0) {
        this.ended = true;
        if (result < 0) this.error = `receiving failed with ${errnoName(result)}`;
        return null;
      }
      this.#got += result;
      this.bytes += result;
    }
    if (this.#got < length) return null;
    const whole = this.#wanted;
    this.#wanted = NOTHING;
    return whole;
  }

  /** Sends now what fits, the rest with {@link ControlChannel.flush}. */
  send(bytes: Uint8Array): void {
    const all = new Uint8Array(this.#unsent.length + bytes.length);
    all.set(this.#unsent);
    all.set(bytes, this.#unsent.length);
    this.#unsent = all;
    this.flush();
  }

  /** Sends what is left to send; true if anything went. */
  flush(): boolean {
    let moved = false;
    while (this.#unsent.length > 0 && !this.ended) {
      const sent = this.#host.stack.sockets.sendmsg(this.fd, new Msghdr([regionOf(this.#unsent)]));
      if (sent === -EAGAIN) break;
      if (sent < 0) {
        this.ended = true;
        this.error = `sending failed with ${errnoName(sent)}`;
        break;
      }
      this.#unsent = this.#unsent.subarray(sent);
      moved = true;
    }
    return moved;
  }

  close(): void {
    this.#host.stack.sockets.close(this.fd);
  }
}
