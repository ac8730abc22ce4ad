import { createPair } from '@netmem/lab';
import { Machine } from '@netmem/machine';
import { Network } from '@netmem/netdev';
import { InetStack } from '@netmem/tcp';
import { AF_INET6 } from '@netmem/uapi';
import { type HostName, type LimitName, type StackUnderTest, type SystemCalls, UNTIL_TIMEOUT_MS } from '../stack.ts';
import { NetmemCalls } from './netmem-calls.ts';

/** Small: a scenario moves little. */
const RAM_BYTES = 16 * 2 ** 20;
/** Longer than TIME_WAIT and any timer that keeps a socket after close. */
const DRAIN_NS = 300e9;
/** When scenarios begin: seconds and nanoseconds of it are both not 0. */
const BEGIN_NS = 1.5e9;

/** What the two wirings of this project's stack have in common: a machine that pumps everything, and two hosts' calls. */
class NetmemStack implements StackUnderTest {
  readonly #machine: Machine;
  readonly #calls: Readonly<Record<HostName, SystemCalls>>;
  readonly #addresses: Readonly<Record<HostName, readonly [v4: string, v6: string]>>;
  readonly #audit: () => readonly string[];
  readonly #sysctl: InetStack['sysctl'];

  constructor(
    machine: Machine,
    stacks: Readonly<Record<HostName, InetStack>>,
    addresses: Readonly<Record<HostName, readonly [v4: string, v6: string]>>,
    audit: () => readonly string[],
  ) {
    this.#machine = machine;
    this.#calls = { client: new NetmemCalls(stacks.client), server: new NetmemCalls(stacks.server) };
    this.#addresses = addresses;
    this.#sysctl = stacks.client.sysctl;
    this.#audit = audit;
    // A virtual clock starts at 0, and a packet that came at 0 looks as if nobody had stamped it.
    this.#pass(BEGIN_NS);
  }

  host(name: HostName): SystemCalls {
    return this.#calls[name];
  }

  address(name: HostName, family: number): string {
    return this.#addresses[name][family === AF_INET6 ? 1 : 0];
  }

  limit(name: LimitName): number {
    const { rmemMax, wmemMax, rmemDefault, wmemDefault } = this.#sysctl;
    return { rmem_max: rmemMax, wmem_max: wmemMax, rmem_default: rmemDefault, wmem_default: wmemDefault }[name];
  }

  settle(): void {
    this.#machine.run();
  }

  until(name: HostName, fd: number, mask: number): number {
    const calls = this.#calls[name];
    const ready = (): boolean => (calls.poll(fd) & mask) !== 0;
    this.#machine.run({ until: ready, timeoutNs: UNTIL_TIMEOUT_MS * 1e6 });
    return calls.poll(fd);
  }

  sleep(milliseconds: number): void {
    this.#pass(milliseconds * 1e6);
  }

  #pass(ns: number): void {
    const { clock } = this.#machine;
    const end = clock.nowNs + ns;
    let over = false;
    clock.schedule(end, () => {
      over = true;
    });
    this.#machine.run({ until: () => over, timeoutNs: 2 * ns });
  }

  crossing(_sockets: readonly unknown[], calls: () => void): void {
    // Nothing moves until the machine is run.
    calls();
  }

  close(): readonly string[] {
    this.#pass(DRAIN_NS);
    return this.#audit();
  }
}

/** Two hosts with a card each, and a cable between them. */
export function createCableStack(): StackUnderTest {
  const pair = createPair({
    host: { addresses: ['10.0.0.1/24', 'fd00::1/64'], ramBytes: RAM_BYTES, maxNetIovs: 16 },
    peer: { addresses: ['10.0.0.2/24', 'fd00::2/64'], ramBytes: RAM_BYTES, maxNetIovs: 16 },
  });
  const { host, peer } = pair;
  return new NetmemStack(
    host.machine,
    { client: host.stack, server: peer.stack },
    { client: ['10.0.0.1', 'fd00::1'], server: ['10.0.0.2', 'fd00::2'] },
    () => pair.close(),
  );
}

/** One host that talks to itself over lo, as the kernel does. */
export function createLoStack(): StackUnderTest {
  const machine = new Machine({ ramBytes: RAM_BYTES, maxIovaPages: 16 });
  const network = new Network({ machine, maxSkbs: 4096 });
  const stack = new InetStack(network);
  if (network.loopback === null) throw new Error('this host has no lo');
  stack.addAddress(network.loopback, 'fd00::1/128');
  stack.addAddress(network.loopback, 'fd00::2/128');
  return new NetmemStack(
    machine,
    { client: stack, server: stack },
    { client: ['127.0.0.1', 'fd00::1'], server: ['127.0.0.2', 'fd00::2'] },
    () => [...stack.audit(), ...network.audit(), ...machine.audit()],
  );
}
