// A stream from the peer into the host's device memory, moved on step by step: for tests that look in between.

import { type CompareResult, type DeviceProgram, programs } from '@netmem/dmabuf';
import { regionOf } from '@netmem/region';
import { Msghdr } from '@netmem/tcp';
import {
  AF_INET,
  AF_INET6,
  EAGAIN,
  EINPROGRESS,
  errnoName,
  MSG_SOCK_DEVMEM,
  readCmsgs,
  readDmabufCmsg,
  SCM_DEVMEM_DMABUF,
  SHUT_WR,
  SO,
  SO_DEVMEM_DONTNEED,
  SOCK_STREAM,
  SOL_SOCKET,
  writeDmabufToken,
} from '@netmem/uapi';
import type { Pair } from '../src/index.ts';

export const HOST = '10.0.0.1';
/** Where hosts have one. */
export const HOST6 = 'fd00::1';
export const PORT = 5201;
/** Longer than any run of the tests here takes on the virtual clock. */
const PATIENCE_NS = 300e9;

/** A token that was not returned, and what it stands for. */
export interface Held {
  readonly token: number;
  readonly dmabufId: number;
  readonly offset: number;
  readonly length: number;
}

/** Where a stream comes in. What is not given: the port of all tests, the first bound queue, the buffer that a socket has anyway. */
export interface StreamOptions {
  readonly port?: number;
  /** Of the host. Default {@link HOST}. */
  readonly address?: string;
  /** The rx queue that a flow rule chooses; null for no rule. */
  readonly queue?: number | null;
  /** SO_RCVBUFFORCE of the listener, before the kernel doubles it. */
  readonly receiveBuffer?: number;
  /** Bytes of the iovec that one recvmsg is given. Default 1 MiB. */
  readonly iovBytes?: number;
}

/** One connection from peer to host, with both ends in hand. */
export class DevmemStream {
  readonly pair: Pair;
  readonly fd: number;
  readonly peerFd: number;
  readonly held: Held[] = [];
  devmemBytes: number = 0;
  linearBytes: number = 0;
  tokensIssued: number = 0;
  tokensReturned: number = 0;
  /** Where bytes that are not in device memory are copied. */
  readonly iov: Uint8Array;
  readonly #listener: number;
  readonly #msg: Msghdr;

  /** Steers the flow to its queue and connects. */
  constructor(pair: Pair, options: StreamOptions = {}) {
    const { address = HOST, port = PORT, queue = pair.host.memory?.queues[0] ?? 0 } = options;
    const { receiveBuffer, iovBytes = 1 << 20 } = options;
    const family = address.includes(':') ? AF_INET6 : AF_INET;
    this.pair = pair;
    this.iov = new Uint8Array(iovBytes);
    this.#msg = new Msghdr([regionOf(this.iov)], regionOf(new Uint8Array(64 * 40)));
    const host = pair.host.stack.sockets;
    const peer = pair.peer.stack.sockets;
    if (queue !== null) pair.host.steer(address, port, queue);
    this.#listener = host.socket(family, SOCK_STREAM);
    if (receiveBuffer !== undefined) {
      host.setsockopt(this.#listener, SOL_SOCKET, SO.RCVBUFFORCE, new Uint8Array(Int32Array.of(receiveBuffer).buffer));
    }
    host.bind(this.#listener, address, port);
    host.listen(this.#listener, 4);
    this.peerFd = peer.socket(family, SOCK_STREAM);
    if (peer.connect(this.peerFd, address, port) !== -EINPROGRESS) throw new Error('connect did not start');
    let fd = -EAGAIN;
    pair.run({
      timeoutNs: PATIENCE_NS,
      until: () => {
        fd = host.accept(this.#listener);
        return fd !== -EAGAIN;
      },
    });
    if (fd < 0) throw new Error(`nobody came: ${errnoName(fd)}`);
    this.fd = fd;
  }

  /** Takes all that is there, keeping the tokens. Returns the bytes of this call, 0 at the end, -EAGAIN when nothing was there. */
  receive(): number {
    const msg = this.#msg;
    const result = this.pair.host.stack.sockets.recvmsg(this.fd, msg, MSG_SOCK_DEVMEM);
    const control = msg.control;
    if (result <= 0 || control === null) return result;
    let announced = 0;
    for (const cmsg of readCmsgs(control.view, control.base, msg.controlLength)) {
      const frag = readDmabufCmsg(control.view, cmsg.dataAt);
      if (cmsg.type !== SCM_DEVMEM_DMABUF) continue;
      announced += frag.fragSize;
      const { fragToken: token, dmabufId, fragOffset: offset, fragSize: length } = frag;
      this.held.push({ token, dmabufId, offset, length });
      this.tokensIssued++;
    }
    this.devmemBytes += announced;
    this.linearBytes += result - announced;
    return result;
  }

  /** Feeds every held range to `program`, oldest first. */
  feed(program: DeviceProgram<CompareResult>): void {
    const device = this.pair.host.memory?.device;
    for (const { offset, length } of this.held) device?.feed(program, offset, length);
  }

  /** Returns held tokens, the oldest ones first, by default all; the number that came back. */
  returnTokens(count: number = this.held.length): number {
    let returned = 0;
    const one = new Uint8Array(8);
    for (const { token } of this.held.splice(0, count)) {
      writeDmabufToken(new DataView(one.buffer), 0, token, 1);
      returned += this.pair.host.stack.sockets.setsockopt(this.fd, SOL_SOCKET, SO_DEVMEM_DONTNEED, one);
    }
    this.tokensReturned += returned;
    return returned;
  }

  /** Sends `bytes` and has them verified in device memory and returned as they come; -1 when all were right. */
  transfer(bytes: Uint8Array): number {
    const program = programs.compare(bytes);
    const want = this.devmemBytes + this.linearBytes + bytes.length;
    let sent = 0;
    const done = this.pair.run({
      timeoutNs: PATIENCE_NS,
      until: () => {
        sent += Math.max(0, this.send(bytes.subarray(sent)));
        while (this.receive() > 0);
        this.feed(program);
        this.returnTokens();
        return this.devmemBytes + this.linearBytes >= want;
      },
    });
    if (!done) throw new Error(`${this.devmemBytes + this.linearBytes} of ${want} bytes came`);
    return program.result().mismatchAt;
  }

  /** What the peer's socket takes of `bytes` now. */
  send(bytes: Uint8Array): number {
    if (bytes.length === 0) return 0;
    return this.pair.peer.stack.sockets.sendmsg(this.peerFd, new Msghdr([regionOf(bytes)]));
  }

  /** The peer's FIN. */
  finish(): void {
    this.pair.peer.stack.sockets.shutdown(this.peerFd, SHUT_WR);
  }

  /** Closes the host's two sockets. */
  closeHostSockets(): void {
    const host = this.pair.host.stack.sockets;
    host.close(this.fd);
    host.close(this.#listener);
  }

  closePeerSocket(): void {
    this.pair.peer.stack.sockets.close(this.peerFd);
  }

  /** Closes all sockets and lets TIME_WAIT pass. */
  close(): void {
    this.closePeerSocket();
    this.pair.run();
    this.closeHostSockets();
    settle(this.pair);
  }
}

/** Lets two minutes pass: TIME_WAIT, retransmissions and drains end. */
export function settle(pair: Pair): void {
  pair.run({ until: () => false, timeoutNs: 120e9 });
}

/** Bytes that no shift makes equal to themselves. */
export function distinctBytes(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >>> 8) * 7 + (i >>> 16)) & 0xff);
}
