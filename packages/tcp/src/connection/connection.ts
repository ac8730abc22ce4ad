import { type Region, regionOf, subregion } from '@netmem/region';
import { EBADF, KernelError, SHUT_WR } from '@netmem/uapi';
import { Msghdr } from '../socket/msghdr.ts';
import type { InetStack } from '../stack/inet-stack.ts';
import { checked, Endpoint } from './endpoint.ts';
import type { FragBatch } from './frag-batch.ts';
import { FragReader, type FragsOptions } from './frag-reader.ts';
import { TokenReturn } from './token-return.ts';

/** For calls that can wait. */
export interface WaitOptions {
  /** When it aborts, the call rejects with its reason. The connection stays as it is. */
  readonly signal?: AbortSignal | undefined;
}

/** Bytes per chunk of the connection's own iteration. */
const CHUNK_BYTES = 65_536;

/**
 * An established TCP connection, for programs that await: the comfortable voice over the same sockets.
 *
 * Nothing here pumps: somebody must run the machine (`machine.run`, or a driver that alternates with promises) while something is awaited.
 * Failures are `KernelError`s; test `code`.
 */
export class Connection implements AsyncDisposable {
  /** The stack it is on. */
  readonly stack: InetStack;
  readonly #endpoint: Endpoint;
  readonly #tokens: TokenReturn;
  readonly #msg: Msghdr = new Msghdr([]);
  #writing: Promise<void> = Promise.resolve();
  #bytesWritten = 0;

  /** Use `connect` or a listener. Takes over an established socket's descriptor. */
  constructor(stack: InetStack, fd: number) {
    this.stack = stack;
    this.#endpoint = new Endpoint(stack, fd);
    this.#tokens = new TokenReturn(this.#endpoint);
  }

  /** The descriptor, for `stack.sockets`. */
  get fd(): number {
    return this.#endpoint.fd;
  }

  /** Whether {@link close} was called. */
  get closed(): boolean {
    return !this.#endpoint.open;
  }

  /** Bytes that {@link write} has handed to the socket. */
  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  /** Address and port of the other side, `10.0.0.2` and 5201; null when the connection is gone. */
  get remote(): { readonly address: string; readonly port: number } | null {
    return textual(this.closed ? null : this.stack.sockets.getpeername(this.fd));
  }

  /** Address and port of this side; null when closed. */
  get local(): { readonly address: string; readonly port: number } | null {
    return textual(this.closed ? null : this.stack.sockets.getsockname(this.fd));
  }

  /**
   * Receives with MSG_SOCK_DEVMEM: what lies in device memory comes as places and tokens, the rest as bytes. Each batch holds its tokens until
   * `release()`; memory that is not released cannot be received into. Ends when the peer has sent everything, or when this side closes.
   *
   * @throws RangeError for a `maxBatch` below 1. The iteration rejects with KernelError ECONNRESET, ETIMEDOUT, … or the signal's reason; EBUSY when no
   * token is left, ENODEV for memory that is no dma-buf's.
   */
  frags(options: FragsOptions = {}): AsyncIterableIterator<FragBatch> {
    return new FragReader(this.#endpoint, this.#tokens, options);
  }

  /**
   * Receives ordinary bytes into `into`, as many as are there, at least one.
   *
   * @returns how many; 0 at the end of the stream, and once this side closed.
   * @throws KernelError EFAULT when the next bytes are device memory, ECONNRESET, ETIMEDOUT, …; the signal's reason.
   */
  async read(into: Uint8Array, options: WaitOptions = {}): Promise<number> {
    if (into.length === 0) return 0;
    const iov = [regionOf(into)];
    const attempt = (): number => {
      this.#msg.iov = iov;
      return this.stack.sockets.recvmsg(this.fd, this.#msg);
    };
    return Math.max(0, await this.#endpoint.blocking('recvmsg', attempt, options.signal));
  }

  /** Ordinary bytes, in chunks of the caller's own. Rejects as {@link read}. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    const buffer = new Uint8Array(CHUNK_BYTES);
    for (let n = await this.read(buffer); n > 0; n = await this.read(buffer)) yield buffer.slice(0, n);
  }

  /**
   * Hands all of `bytes` to the socket, waiting for room. Calls are served in order; the bytes must not change before the promise settles.
   *
   * @throws KernelError EPIPE after {@link end}, ECONNRESET, EBADF once this side closed, …; the signal's reason. `bytesWritten` says how far it came.
   */
  write(bytes: Uint8Array, options: WaitOptions = {}): Promise<void> {
    const write = (): Promise<void> => this.#writeAll(regionOf(bytes), options.signal);
    const done = this.#writing.then(write, write);
    // The caller gets the failure; the next write only waits for it to be over.
    this.#writing = done.catch(() => {});
    return done;
  }

  /**
   * Says that nothing more will be written, after all writes that are under way: the peer reads the end of the stream. Receiving goes on.
   *
   * @throws KernelError ENOTCONN when the connection is gone.
   */
  async end(): Promise<void> {
    await this.#writing;
    if (this.closed) return;
    checked('shutdown', this.stack.sockets.shutdown(this.fd, SHUT_WR));
  }

  /**
   * Closes at once; what was written is still delivered. Tokens of batches that are not released go back with the socket: their memory may be
   * overwritten. A waiting `write` fails with EBADF; receivers see the end. Idempotent.
   */
  async close(): Promise<void> {
    this.#endpoint.close();
  }

  /** As {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #writeAll(region: Region, signal: AbortSignal | undefined): Promise<void> {
    for (let at = 0; at < region.length; ) {
      const iov = [subregion(region, at, region.length - at)];
      const attempt = (): number => {
        this.#msg.iov = iov;
        return this.stack.sockets.sendmsg(this.fd, this.#msg);
      };
      const sent = await this.#endpoint.blocking('sendmsg', attempt, signal);
      if (sent < 0) throw new KernelError(EBADF, 'sendmsg');
      at += sent;
      this.#bytesWritten += sent;
    }
  }
}

function textual(
  name: { readonly address: { toString(): string }; readonly port: number } | null,
): { readonly address: string; readonly port: number } | null {
  return name === null ? null : { address: name.address.toString(), port: name.port };
}
