/**
 * The protocol half of a host's internet stack: addresses, routes, neighbours, IP, ICMP, UDP, TCP. `InetStack` (inet-stack.ts) is this plus sockets;
 * protocol code and the socket layer both name only InetCore, which keeps the import graph without cycles.
 */
import type { Machine } from '@netmem/machine';
import type { NetDevice, Network } from '@netmem/netdev';

export interface InetCoreOptions {
  hostname?: string;
  seed?: number;
}

export class InetCore {
  readonly network: Network;
  readonly machine: Machine;
  readonly hostname: string;

  constructor(network: Network, options: InetCoreOptions = {}) {
    this.network = network;
    this.machine = network.machine;
    this.hostname = options.hostname ?? 'netmem';
  }

  /** @param address `10.0.0.2/24` or `2001:db8::2/64`. @returns 0; -EINVAL cannot be read; -EEXIST */
  addAddress(_dev: NetDevice, _address: string): number {
    return 0;
  }
}
