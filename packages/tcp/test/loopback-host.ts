import { Machine } from '@netmem/machine';
import { Network } from '@netmem/netdev';
import { NetmemTable } from '@netmem/netmem';
import { regionOf } from '@netmem/region';
import { AF_INET, EINPROGRESS, SOCK_STREAM } from '@netmem/uapi';
import { Msghdr } from '../src/socket/msghdr.ts';
import type { Sockets } from '../src/socket/sockets.ts';
import { InetStack } from '../src/stack/inet-stack.ts';
import { pattern } from './skb-builder.ts';

/** One host that talks to itself over lo. */
export class LoopbackHost {
  readonly machine: Machine = new Machine({ ramBytes: 2 ** 23, maxIovaPages: 16 });
  readonly network: Network = new Network({
    machine: this.machine,
    netmem: new NetmemTable(this.machine, { maxNetIovs: 16 }),
    maxSkbs: 2048,
  });
  readonly stack: InetStack = new InetStack(this.network);
  #port = 5000;

  get sockets(): Sockets {
    return this.stack.sockets;
  }

  run(): void {
    this.machine.run();
  }

  /** A listening TCP socket and its port. */
  listen(address: string = '127.0.0.1', family: number = AF_INET): { fd: number; port: number } {
    const fd = this.sockets.socket(family, SOCK_STREAM);
    const port = this.#port++;
    must(this.sockets.bind(fd, address, port));
    must(this.sockets.listen(fd, 16));
    return { fd, port };
  }

  /** Two ends of a TCP connection. */
  pair(): { client: number; server: number } {
    const listener = this.listen();
    const client = this.sockets.socket(AF_INET, SOCK_STREAM);
    const started = this.sockets.connect(client, '127.0.0.1', listener.port);
    if (started !== -EINPROGRESS && started !== 0) must(started);
    this.run();
    const server = must(this.sockets.accept(listener.fd));
    this.sockets.close(listener.fd);
    return { client, server };
  }

  /** Sends `length` bytes of the pattern and lets them arrive. */
  send(fd: number, length: number, flags: number = 0): number {
    const sent = this.sockets.sendmsg(fd, bytesOut(length), flags);
    this.run();
    return sent;
  }

  /** Closes everything, lets time pass until the protocol has forgotten it, and returns the audit. */
  close(...fds: readonly number[]): string[] {
    for (const fd of fds) this.sockets.close(fd);
    this.machine.run({ until: () => false, timeoutNs: 200e9 });
    return [...this.stack.audit(), ...this.network.audit(), ...this.machine.audit()];
  }
}

/** A result that is no errno. */
export function must(result: number): number {
  if (result < 0) throw new Error(`errno ${-result}`);
  return result;
}

/** A message that holds `length` bytes of the pattern. */
export function bytesOut(length: number): Msghdr {
  return new Msghdr([regionOf(Uint8Array.from({ length }, (_, i) => pattern(i)))]);
}

/** A message to receive into. */
export function bytesIn(length: number, control: number = 0): Msghdr {
  return new Msghdr([regionOf(new Uint8Array(length))], control === 0 ? null : regionOf(new Uint8Array(control)));
}
