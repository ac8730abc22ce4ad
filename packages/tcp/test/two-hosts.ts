import { Clock, type Machine, Random } from '@netmem/machine';
import type { Network } from '@netmem/netdev';
import { createPacketDriver, createTestNetwork, type FrameMeta, type PacketDriver } from '@netmem/netdev/testing';
import { regionOf } from '@netmem/region';
import { AF_INET, AF_INET6 } from '@netmem/uapi';
import { InetAddress } from '../src/stack/inet-address.ts';
import { InetCore } from '../src/stack/inet-core.ts';
import { TcpSock } from '../src/tcp/tcp-sock.ts';

/** What the wire does to one frame. */
export interface Fate {
  /** Copies that arrive, each after so many ns more than the latency. Empty: lost. */
  copies: readonly number[];
}

/** Decides for each frame; null: it arrives once, in order. */
export type Judge = (frame: Uint8Array, fromA: boolean, meta: FrameMeta) => Fate | null;

/** A host with one network device. */
export interface Host {
  readonly machine: Machine;
  readonly network: Network;
  readonly stack: InetCore;
  readonly driver: PacketDriver;
  readonly address: InetAddress;
  readonly address6: InetAddress;
}

/** Options of {@link TwoHosts}. */
export interface TwoHostsOptions {
  mtu?: number;
  latencyNs?: number;
  judge?: Judge;
  gro?: boolean;
  headers?: 'linear' | 'pool';
  ramBytes?: number;
  maxSkbs?: number;
  /** Without it neighbours are known from the start. */
  resolve?: boolean;
}

/** Two stacks on one wire, each on its own machine, in one virtual time. */
export class TwoHosts {
  readonly clock: Clock = new Clock();
  readonly a: Host;
  readonly b: Host;
  judge: Judge | null;
  /** Frames that were sent, both ways. */
  frames = 0;
  readonly #latencyNs: number;

  constructor(options: TwoHostsOptions = {}) {
    this.judge = options.judge ?? null;
    this.#latencyNs = options.latencyNs ?? 50_000;
    this.a = this.#host(1, options);
    this.b = this.#host(2, options);
    this.a.machine.join(this.b.machine);
    if (options.resolve !== true) {
      introduce(this.a, this.b);
      introduce(this.b, this.a);
    }
  }

  #host(number: number, options: TwoHostsOptions): Host {
    const { machine, network } = createTestNetwork({
      machine: {
        clock: this.clock,
        seed: number,
        name: number === 1 ? 'a' : 'b',
        ramBytes: options.ramBytes ?? 32 << 20,
      },
      network: { maxSkbs: options.maxSkbs ?? 4096 },
    });
    const driver = createPacketDriver(network, {
      address: Uint8Array.of(2, 0, 0, 0, 0, number),
      mtu: options.mtu ?? 1500,
      gro: options.gro ?? false,
      headers: options.headers ?? 'linear',
      onTransmit: (frame, _queue, meta) => this.#carry(frame, number === 1, meta),
    });
    const stack = new InetCore(network);
    driver.netdev.open();
    stack.addAddress(driver.netdev, `10.0.0.${number}/24`);
    stack.addAddress(driver.netdev, `fd00::${number}/64`);
    const address = InetAddress.parse(`10.0.0.${number}`)!;
    const address6 = InetAddress.parse(`fd00::${number}`)!;
    return { machine, network, stack, driver, address, address6 };
  }

  #carry(frame: Uint8Array, fromA: boolean, meta: FrameMeta): void {
    this.frames++;
    const to = fromA ? this.b : this.a;
    const fate = this.judge?.(frame, fromA, meta) ?? null;
    for (const delay of fate === null ? [0] : fate.copies) {
      to.machine.clock.schedule(this.clock.nowNs + this.#latencyNs + delay, () => to.driver.inject(0, frame, meta));
    }
  }

  /** Runs both until `until` holds. */
  run(until: () => boolean, timeoutNs: number = 600e9): boolean {
    return this.a.machine.run({ until, timeoutNs });
  }

  /** Lets `ns` of virtual time pass. */
  pass(ns: number): void {
    const end = this.clock.nowNs + ns;
    this.run(() => this.clock.nowNs >= end, ns);
    if (this.clock.nowNs < end) this.a.machine.clock.advance(end - this.clock.nowNs);
  }

  /** A listener on host B. */
  listen(port: number, family: number = AF_INET, backlog: number = 16): TcpSock {
    const sock = TcpSock.create(this.b.stack, family);
    check(sock.bind(InetAddress.any(family), port));
    check(sock.listen(backlog));
    return sock;
  }

  /** A connection from A to B, both ends established. */
  connect(options: { family?: number; tune?: (client: TcpSock, listener: TcpSock) => void } = {}): Pair {
    const family = options.family ?? AF_INET;
    const listener = this.listen(80, family);
    const client = TcpSock.create(this.a.stack, family);
    options.tune?.(client, listener);
    check(client.connect(family === AF_INET6 ? this.b.address6 : this.b.address, 80));
    this.run(() => listener.acceptQueueLength > 0 && client.state === 1);
    const server = listener.acceptDequeue();
    if (server === null) throw new Error(`no connection: client in state ${client.state}`);
    listener.close();
    return { client, server };
  }

  /** What is left after everything was closed and TIME_WAIT is over. */
  audit(): string[] {
    this.pass(200e9);
    return [this.a, this.b].flatMap((host) => [
      ...host.stack.audit(),
      ...host.network.audit(),
      ...(host.network.skbs.inUse > 0 ? [`${host.machine.name}: ${host.network.skbs.inUse} skbs in use`] : []),
      ...host.machine.log.unexpected().map((entry) => `${host.machine.name}: ${entry.text}`),
    ]);
  }
}

/** The two ends of a connection. */
export interface Pair {
  client: TcpSock;
  server: TcpSock;
}

/** A result that is no errno. */
export function check(result: number): number {
  if (result < 0) throw new Error(`errno ${-result}`);
  return result;
}

function introduce(to: Host, whom: Host): void {
  const mac = `02:00:00:00:00:0${whom.address.w3 & 0xff}`;
  check(to.stack.addNeighbour(to.driver.netdev, whom.address.toString(), mac));
  check(to.stack.addNeighbour(to.driver.netdev, whom.address6.toString(), mac));
}

/** Bytes of a stream that differ at every place within 64 KiB. */
export function patternAt(i: number): number {
  return ((i * 167) ^ (i >>> 8) ^ (i >>> 16)) & 0xff;
}

/** `length` bytes of the pattern from `at`. */
export function pattern(length: number, at: number = 0): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = patternAt(at + i);
  return bytes;
}

const NOTHING: Uint8Array = new Uint8Array(0);

/** Takes what waits on a sock, as recvmsg does: at most `most` bytes. */
export function read(sk: TcpSock, most: number = Number.MAX_SAFE_INTEGER): Uint8Array {
  // Asked far more often than there is something.
  if (sk.receiveQueue.peek() === null) return NOTHING;
  const parts: number[] = [];
  const scratch = new Uint8Array(1 << 17);
  for (let skb = sk.receiveQueue.peek(); skb !== null && parts.length < most; skb = sk.receiveQueue.peek()) {
    const offset = (sk.copiedSeq - skb.cb[0]) | 0;
    const n = Math.min(skb.len - offset, most - parts.length);
    if (n > 0) {
      const got = skb.copyDatagram(offset, scratch, 0, n);
      if (got !== n) throw new Error(`copied ${got} of ${n}`);
      for (let i = 0; i < n; i++) parts.push(scratch[i]);
      sk.copiedSeq = (sk.copiedSeq + n) | 0;
    }
    if (((sk.copiedSeq - skb.cb[0]) | 0) >= skb.len) {
      if ((skb.cb[2] & 1) !== 0) sk.copiedSeq = skb.cb[1] | 0;
      sk.rcvSpaceAdjust();
      sk.eatSkb(skb);
    } else break;
  }
  if (parts.length > 0) sk.cleanupRbuf(parts.length);
  return Uint8Array.from(parts);
}

/** Writes all of `bytes` and reads it on the other end; returns what arrived. Runs until both are done or the time is up. */
export function transfer(
  hosts: TwoHosts,
  from: TcpSock,
  to: TcpSock,
  bytes: Uint8Array,
  options: { chunk?: number; timeoutNs?: number; readMost?: number } = {},
): Uint8Array {
  const region = regionOf(bytes);
  const out = new Uint8Array(bytes.length);
  const chunk = options.chunk ?? 65536;
  let sent = 0;
  let got = 0;
  const step = (): boolean => {
    while (sent < bytes.length) {
      const n = from.sendFrom(region, sent, Math.min(chunk, bytes.length - sent), 0);
      if (n <= 0) break;
      sent += n;
    }
    const piece = read(to, options.readMost);
    out.set(piece.subarray(0, out.length - got), got);
    got += piece.length;
    return got >= bytes.length || from.state === 7 || to.state === 7;
  };
  hosts.run(step, options.timeoutNs ?? 3600e9);
  step();
  return out.subarray(0, got);
}

/** Seeded chance for a test's wire. */
export function chance(seed: number): Random {
  return new Random(seed);
}
