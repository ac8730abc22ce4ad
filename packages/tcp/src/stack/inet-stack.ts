import type { Network } from '@netmem/netdev';
import { Sockets } from '../socket/sockets.ts';
import { InetCore, type InetCoreOptions } from './inet-core.ts';

/**
 * The internet stack of one host: addresses, routes, neighbours, IP, ICMP, UDP and TCP, with sockets on top.
 */
export class InetStack extends InetCore {
  /** The system calls, in Linux's numbers and errnos. */
  readonly sockets: Sockets;

  constructor(network: Network, options: InetCoreOptions = {}) {
    super(network, options);
    this.sockets = new Sockets(this);
  }

  /** What protocol and sockets still hold, as sentences; empty when everything was closed and returned. */
  override audit(): string[] {
    return [...this.sockets.audit(), ...super.audit()];
  }
}
