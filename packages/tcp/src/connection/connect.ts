import {
  AF_INET,
  AF_INET6,
  EALREADY,
  EINPROGRESS,
  EINVAL,
  KernelError,
  kernelErrorFrom,
  SOCK_STREAM,
} from '@netmem/uapi';
import { InetAddress } from '../stack/inet-address.ts';
import type { InetStack } from '../stack/inet-stack.ts';
import { Connection, type WaitOptions } from './connection.ts';
import { checked } from './endpoint.ts';

/** Where to connect to. */
export interface ConnectOptions extends WaitOptions {
  /** `10.0.0.2`, `2001:db8::2`, `fe80::1%3`. */
  readonly address: string;
  readonly port: number;
  /** Address to connect from. Default: the route's. */
  readonly localAddress?: string | undefined;
  /** Port to connect from. Default: a free one. */
  readonly localPort?: number | undefined;
}

/**
 * Opens a TCP connection. Somebody must run the machine meanwhile.
 *
 * @throws KernelError ECONNREFUSED, ETIMEDOUT, ENETUNREACH, EADDRINUSE …, EINVAL for an address that cannot be read; the signal's reason, and nothing
 * stays open.
 */
export async function connect(stack: InetStack, options: ConnectOptions): Promise<Connection> {
  const { sockets } = stack;
  const { port, signal } = options;
  signal?.throwIfAborted();
  const address = InetAddress.parse(options.address);
  if (address === null) throw new KernelError(EINVAL, 'connect', `not an address: ${options.address}`);
  const fd = checked('socket', sockets.socket(address.isV4 ? AF_INET : AF_INET6, SOCK_STREAM));
  try {
    if (options.localAddress !== undefined || options.localPort !== undefined) {
      const local = options.localAddress ?? InetAddress.any(address.isV4 ? AF_INET : AF_INET6);
      checked('bind', sockets.bind(fd, local, options.localPort ?? 0));
    }
    for (;;) {
      const result = sockets.connect(fd, address, port);
      if (result === 0) return new Connection(stack, fd);
      if (result !== -EINPROGRESS && result !== -EALREADY) throw kernelErrorFrom(result, 'connect');
      await sockets.whenReady(fd, signal);
    }
  } catch (error) {
    sockets.close(fd);
    throw error;
  }
}
