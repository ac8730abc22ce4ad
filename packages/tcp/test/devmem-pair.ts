import { Clock, Machine } from '@netmem/machine';
import { Network } from '@netmem/netdev';
import { createPacketDriver, type PacketDriver } from '@netmem/netdev/testing';
import { connect } from '../src/connection/connect.ts';
import type { Connection } from '../src/connection/connection.ts';
import { createListener } from '../src/connection/listener.ts';
import { InetStack } from '../src/stack/inet-stack.ts';
import { QueueBinding } from './dmabuf-memory.ts';
import { drive } from './drive.ts';

class EthernetHost {
  readonly machine: Machine;
  readonly network: Network;
  readonly driver: PacketDriver;
  readonly stack: InetStack;
  readonly address: string;

  constructor(name: string, address: string, clock: Clock) {
    this.machine = new Machine({ name, ramBytes: 2 ** 24, clock });
    this.network = new Network({ machine: this.machine });
    const mac = Uint8Array.of(2, 0, 0, 0, 0, Number(address.split('.')[3]));
    this.driver = createPacketDriver(this.network, { address: mac });
    this.stack = new InetStack(this.network);
    this.address = address;
    if (this.driver.netdev.open() < 0) throw new Error('open');
    if (this.stack.addAddress(this.driver.netdev, `${address}/24`) < 0) throw new Error('address');
  }

  audit(): string[] {
    const findings = [...this.stack.audit(), ...this.network.audit(), ...this.network.pools.audit()];
    return [...findings, ...this.machine.audit()].map((finding) => `${this.machine.name}: ${finding}`);
  }
}

/** A sender, and a receiver whose only queue receives into device memory. */
export class DevmemPair {
  readonly #clock: Clock = new Clock();
  readonly host: EthernetHost = new EthernetHost('host', '10.0.0.1', this.#clock);
  readonly peer: EthernetHost = new EthernetHost('peer', '10.0.0.2', this.#clock);
  readonly memory: QueueBinding;
  #port = 5000;
  #bound = true;

  constructor(niovs: number) {
    this.host.machine.join(this.peer.machine);
    this.host.driver.link(this.peer.driver);
    this.memory = new QueueBinding(this.host.network, this.host.driver, 0, niovs);
  }

  drive<T>(work: Promise<T>): Promise<T> {
    return drive(this.host.machine, work);
  }

  /** A connection from the peer: its end, and the host's. */
  async connect(): Promise<{ sender: Connection; receiver: Connection }> {
    const port = this.#port++;
    const listener = createListener(this.host.stack, { port });
    const [sender, receiver] = await this.drive(
      Promise.all([connect(this.peer.stack, { address: this.host.address, port }), listener.accept()]),
    );
    await listener.close();
    if (receiver === null) throw new Error('nothing accepted');
    return { sender, receiver };
  }

  /** Lets what is on its way arrive, and timers up to `seconds` run. */
  pass(seconds: number = 0): void {
    this.host.machine.run();
    if (seconds > 0) this.host.machine.run({ until: () => false, timeoutNs: seconds * 1e9 });
  }

  /** Gives the queue back to ordinary memory. */
  unbind(): void {
    if (this.#bound) this.memory.unbind();
    this.#bound = false;
  }

  /** Takes everything down; returns what is still held. */
  close(): string[] {
    this.pass(200);
    this.unbind();
    for (const { driver } of [this.host, this.peer]) {
      driver.netdev.close();
      driver.remove();
    }
    this.pass(10);
    this.memory.unmap();
    const { binding } = this.memory;
    const findings = [...this.host.audit(), ...this.peer.audit()];
    if (binding.refs !== 1) findings.push(`${binding.refs - 1} pools hold the binding`);
    if (binding.available !== binding.area.numNiovs) findings.push(`${binding.available} net_iovs are back`);
    return findings;
  }
}
