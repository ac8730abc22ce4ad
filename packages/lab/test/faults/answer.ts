// The other direction of a connection: what the host sends while it receives into device memory.

import { regionOf } from '@netmem/region';
import { Msghdr } from '@netmem/tcp';
import { type DevmemStream, distinctBytes } from '../devmem-stream.ts';

const READ_BYTES = 1 << 16;

/** Bytes that the host sends and the peer compares. */
export class Answer {
  readonly bytes: Uint8Array;
  sent: number = 0;
  received: number = 0;
  /** Offset of the first wrong byte; -1 while all were right. */
  mismatchAt: number = -1;
  readonly #stream: DevmemStream;
  readonly #buffer: Uint8Array = new Uint8Array(READ_BYTES);
  readonly #msg: Msghdr = new Msghdr([regionOf(this.#buffer)]);

  constructor(stream: DevmemStream, length: number) {
    this.#stream = stream;
    this.bytes = distinctBytes(length);
  }

  get done(): boolean {
    return this.received >= this.bytes.length;
  }

  /** Both ends do what they can. */
  turn(): void {
    this.#send();
    if (!this.done) this.#receive();
  }

  #send(): void {
    const { pair, fd } = this.#stream;
    while (this.sent < this.bytes.length) {
      const sent = pair.host.stack.sockets.sendmsg(fd, new Msghdr([regionOf(this.bytes.subarray(this.sent))]));
      if (sent <= 0) return;
      this.sent += sent;
    }
  }

  #receive(): void {
    const { pair, peerFd } = this.#stream;
    for (;;) {
      const length = pair.peer.stack.sockets.recvmsg(peerFd, this.#msg);
      if (length <= 0) return;
      for (let i = 0; i < length; i++) {
        if (this.#buffer[i] === this.bytes[this.received + i] || this.mismatchAt >= 0) continue;
        this.mismatchAt = this.received + i;
      }
      this.received += length;
    }
  }
}
