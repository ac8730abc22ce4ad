import { Ethtool } from '@netmem/ethtool';
import { createScriptedPort, FrameSlots, type ScriptedPort } from '@netmem/link';
import { type DmaMode, Machine, type PciEndpoint, type PciFunction, type PciHost } from '@netmem/machine';
import { Network, type SkBuff } from '@netmem/netdev';
import type { NetmemRef } from '@netmem/netmem';
import { TCP_DATA_SPLIT } from '@netmem/uapi';
// biome-ignore lint/style/noRestrictedImports: somebody has to plug the card in
import { createNic, type Nic, type NicOptions } from '@netmem/vnic';
import { createDelayedHost } from '@netmem/vnic/mock';
import { composeFrame, ethernet, tcp } from '@netmem/wire';
import { expect } from 'vitest';
import { type GveDevice, type GveOptions, probeGve } from '../src/index.ts';

export interface BenchOptions {
  readonly dmaMode?: DmaMode;
  readonly nic?: Partial<NicOptions>;
  readonly gve?: GveOptions;
  readonly slotBytes?: number;
  /** Default 2048. */
  readonly slotCount?: number;
  readonly portMtu?: number;
  readonly ramBytes?: number;
  readonly maxSkbs?: number;
  /** Seed of a host that delays every register write and interrupt. */
  readonly delaySeed?: number;
}

/** What the stack was given, copied while it held the packet. */
export interface Received {
  readonly linear: Uint8Array;
  /** Payload bytes behind the linear part, in order; empty where no CPU can read them. */
  readonly paged: Uint8Array;
  readonly frags: readonly { readonly ref: NetmemRef; readonly offset: number; readonly size: number }[];
  /** skbs on the frag list. */
  readonly listed: number;
  readonly len: number;
  readonly truesize: number;
  readonly unreadable: boolean;
  readonly ppRecycle: boolean;
  readonly rxQueue: number;
  readonly ipSummed: number;
  readonly hash: number;
  readonly l4Hash: boolean;
  readonly protocol: number;
  readonly gsoSize: number;
  readonly gsoSegs: number;
  readonly gsoType: number;
}

const IPV4 = 0x0800;
const IPV6 = 0x86dd;
const ARP = 0x0806;

/** A machine with a card, its driver, and a test in place of wire and stack. */
export class Bench {
  readonly machine: Machine;
  readonly network: Network;
  readonly ethtool: Ethtool;
  readonly port: ScriptedPort;
  readonly nic: Nic;
  readonly fn: PciFunction;
  readonly gve: GveDevice;
  readonly received: Received[] = [];
  /** While true packets are not freed but kept, as a stack does with queued data. */
  hold = false;
  readonly held: SkBuff[] = [];

  constructor(options: BenchOptions = {}) {
    this.machine = new Machine({ dmaMode: options.dmaMode ?? 'coherent', ramBytes: options.ramBytes ?? 32 << 20 });
    this.network = new Network({
      machine: this.machine,
      ...(options.maxSkbs === undefined ? {} : { maxSkbs: options.maxSkbs }),
    });
    this.ethtool = new Ethtool(this.network);
    const slots = new FrameSlots(this.machine.memory, {
      count: options.slotCount ?? 2048,
      slotBytes: options.slotBytes ?? 2048,
    });
    this.port = createScriptedPort(slots, { mtu: options.portMtu ?? 1500 });
    let nic: Nic | null = null;
    this.fn = this.machine.pci.plug((host: PciHost): PciEndpoint => {
      const delayed = options.delaySeed === undefined ? null : createDelayedHost(host, options.delaySeed);
      nic = createNic(delayed ?? host, {
        port: this.port,
        memory: this.machine.memory,
        maxQueues: 4,
        defaultQueues: 2,
        ...options.nic,
      });
      return delayed === null ? nic : delayed.attach(nic);
    });
    this.nic = nic as unknown as Nic;
    const gve = probeGve(this.network, this.ethtool, this.fn, options.gve);
    if (typeof gve === 'number') throw new Error(`probe failed: ${gve}`);
    this.gve = gve;
    const keep = { receive: (skb: SkBuff): void => this.#keep(skb) };
    for (const type of [IPV4, IPV6, ARP]) this.network.addPacketType(type, keep);
  }

  get dev(): GveDevice['netdev'] {
    return this.gve.netdev;
  }

  /** Opens the interface and waits for the carrier. */
  up(): this {
    expect(this.dev.open()).toBe(0);
    expect(this.machine.run({ until: () => this.dev.operUp, timeoutNs: 1e9 })).toBe(true);
    return this;
  }

  split(on: boolean = true): this {
    const tcpDataSplit = on ? TCP_DATA_SPLIT.ENABLED : TCP_DATA_SPLIT.DISABLED;
    expect(this.ethtool.setRings(this.dev, { tcpDataSplit })).toBe(0);
    this.run();
    return this;
  }

  /** Until everybody is idle at this instant of time; on a delayed host also for as long as its delays are. */
  run(ns: number = 0): this {
    this.machine.run();
    if (ns > 0) this.machine.run({ until: () => false, timeoutNs: ns });
    return this;
  }

  push(frame: Uint8Array): void {
    expect(this.port.push(frame)).toBe(true);
  }

  /** Pushes frames and lets them arrive; what arrived since the last call is returned. */
  deliver(...frames: Uint8Array[]): Received[] {
    const before = this.received.length;
    for (const frame of frames) this.push(frame);
    this.run();
    return this.received.slice(before);
  }

  releaseHeld(): void {
    for (const skb of this.held.splice(0)) skb.free();
  }

  /** Everything down; what is left over is a sentence each. */
  finish(): string[] {
    this.releaseHeld();
    this.gve.remove();
    // The worker of a destroyed pool looks once a second.
    this.machine.run({ until: () => false, timeoutNs: 3e9 });
    this.machine.pci.unplug(this.fn);
    const { hold, release } = this.network.pools.totals();
    const pools = hold === release ? [] : [`pools hold ${hold - release}`];
    return [
      ...this.network.audit(),
      ...this.network.pools.audit(),
      ...this.network.netmem.audit(),
      ...this.machine.audit(),
      ...pools,
    ];
  }

  #keep(skb: SkBuff): void {
    const { bytes } = this.machine.memory;
    // From the Ethernet header on, as the driver delivered it.
    const linear = bytes.slice(skb.macHeader, skb.tail);
    const frags = Array.from({ length: skb.nrFrags }, (_, i) => ({
      ref: skb.fragRef(i),
      offset: skb.fragOffset(i),
      size: skb.fragSize(i),
    }));
    const paged = new Uint8Array(skb.unreadable ? 0 : skb.dataLen);
    if (!skb.unreadable) expect(skb.copyDatagram(skb.headlen, paged, 0, skb.dataLen)).toBe(skb.dataLen);
    let listed = 0;
    for (let member = skb.fragList; member !== null; member = member.next) listed++;
    this.received.push({
      linear,
      paged,
      frags,
      listed,
      len: skb.len + (skb.data - skb.macHeader),
      truesize: skb.truesize,
      unreadable: skb.unreadable,
      ppRecycle: skb.ppRecycle,
      rxQueue: skb.rxQueue,
      ipSummed: skb.ipSummed,
      hash: skb.hash,
      l4Hash: skb.l4Hash,
      protocol: skb.protocol,
      gsoSize: skb.gsoSize,
      gsoSegs: skb.gsoSegs,
      gsoType: skb.gsoType,
    });
    if (this.hold) this.held.push(skb);
    else skb.consume();
  }
}

/** `length` bytes that depend on position and seed, so that a misplaced one is seen. */
export function pattern(length: number, seed: number = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >>> 8) * 7 + seed) & 0xff);
}

export interface SegmentOptions {
  readonly port?: number;
  readonly from?: number;
  readonly timestamps?: boolean;
  readonly v6?: boolean;
  readonly sequence?: number;
  /** Default ACK and PSH, which no card merges with what follows. */
  readonly flags?: number;
}

/** A TCP segment to the card, and how many of its bytes are header. */
export function segment(
  bench: Bench,
  payload: Uint8Array,
  options: SegmentOptions = {},
): { frame: Uint8Array; headerBytes: number } {
  const layers = {
    ethernet: { destination: formatted(bench.dev.address), source: '02:00:00:00:00:99' },
    tcp: {
      sourcePort: options.from ?? 40000,
      destinationPort: options.port ?? 5201,
      flags: options.flags ?? tcp.ACK | tcp.PSH,
      sequence: options.sequence ?? 0,
      window: 1000,
      payload,
      ...(options.timestamps === true ? { options: { timestamp: { value: 1, echo: 2 } } } : {}),
    },
  };
  const addresses =
    options.v6 === true
      ? { source: 'fd00::2', destination: 'fd00::1' }
      : { source: '10.0.0.2', destination: '10.0.0.1' };
  const frame = composeFrame(options.v6 === true ? { ...layers, ipv6: addresses } : { ...layers, ipv4: addresses });
  return { frame, headerBytes: frame.length - payload.length };
}

export function formatted(mac: Uint8Array): string {
  return [...mac].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

export const ETHERNET_BYTES: number = ethernet.HEADER_BYTES;
