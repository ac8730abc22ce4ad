import { AF_INET, AF_INET6, EINVAL, KernelError, SO, SOCK_STREAM, SOL_SOCKET } from '@netmem/uapi';
import { InetAddress } from '../stack/inet-address.ts';
import type { InetStack } from '../stack/inet-stack.ts';
import { Connection, type WaitOptions } from './connection.ts';
import { checked, Endpoint } from './endpoint.ts';

/** Where to listen. */
export interface ListenOptions {
  /** 0 picks a free one: see `Listener.port`. */
  readonly port: number;
  /** Default `0.0.0.0`, every IPv4 address; `::` is every address of both families. */
  readonly address?: string | undefined;
  /** Connections that may wait to be accepted. Default 128. */
  readonly backlog?: number | undefined;
}

const DEFAULT_BACKLOG = 128;
const ONE: Uint8Array = Uint8Array.of(1, 0, 0, 0);

/**
 * Accepts TCP connections: iterate over it, or call {@link accept}. Nothing here pumps: somebody must run the machine meanwhile.
 */
export class Listener implements AsyncIterable<Connection>, AsyncDisposable {
  /** The stack it is on. */
  readonly stack: InetStack;
  /** The port it listens on. */
  readonly port: number;
  readonly #endpoint: Endpoint;

  /** Use {@link createListener}. Takes over a listening socket's descriptor. */
  constructor(stack: InetStack, fd: number) {
    this.stack = stack;
    this.port = stack.sockets.getsockname(fd)?.port ?? 0;
    this.#endpoint = new Endpoint(stack, fd);
  }

  /** The descriptor, for `stack.sockets`: options set on it before a connection comes hold for the connection. */
  get fd(): number {
    return this.#endpoint.fd;
  }

  /** Whether {@link close} was called. */
  get closed(): boolean {
    return !this.#endpoint.open;
  }

  /**
   * Waits for the next connection.
   *
   * @returns null once the listener is closed.
   * @throws KernelError with accept's errno; the signal's reason.
   */
  async accept(options: WaitOptions = {}): Promise<Connection | null> {
    const { sockets } = this.stack;
    const fd = await this.#endpoint.blocking('accept', () => sockets.accept(this.fd), options.signal);
    return fd < 0 ? null : new Connection(this.stack, fd);
  }

  /** Connections until the listener is closed. Leaving the loop does not close it. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Connection, void, undefined> {
    for (let connection = await this.accept(); connection !== null; connection = await this.accept()) yield connection;
  }

  /** Stops listening; connections that nobody accepted are reset, accepted ones live on. Idempotent. */
  async close(): Promise<void> {
    this.#endpoint.close();
  }

  /** As {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * Listens for TCP connections, with SO_REUSEADDR.
 *
 * @throws KernelError EADDRINUSE, EADDRNOTAVAIL; EINVAL for an address that cannot be read.
 */
export function createListener(stack: InetStack, options: ListenOptions): Listener {
  const { sockets } = stack;
  const address = InetAddress.parse(options.address ?? '0.0.0.0');
  if (address === null) throw new KernelError(EINVAL, 'bind', `not an address: ${options.address}`);
  const fd = checked('socket', sockets.socket(address.isV4 ? AF_INET : AF_INET6, SOCK_STREAM));
  try {
    checked('setsockopt', sockets.setsockopt(fd, SOL_SOCKET, SO.REUSEADDR, ONE));
    checked('bind', sockets.bind(fd, address, options.port));
    checked('listen', sockets.listen(fd, options.backlog ?? DEFAULT_BACKLOG));
  } catch (error) {
    sockets.close(fd);
    throw error;
  }
  return new Listener(stack, fd);
}
