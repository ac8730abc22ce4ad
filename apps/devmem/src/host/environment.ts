/** Where the receiver lives: on a TAP with the kernel as its neighbour, on a cable with a second host of our own, or in a recording. */

import { createHost, createPair, type Host, hostMemoryBytes, type HostOptions as LabHostOptions } from '@netmem/lab';
import {
  type CableFaults,
  type CableOptions,
  FRAME_OVERHEAD_BYTES,
  FrameSlots,
  type Port,
  SUPER_FRAME_BYTES,
} from '@netmem/link';
import { Clock } from '@netmem/machine';
import { LinearMemory } from '@netmem/region';
import { openTap, TapPoll } from '@netmem/tap';
import { ethernet } from '@netmem/wire';
import { type CardFaultCounts, CardFaults } from '../faults/card-faults.ts';
import { PacedPort } from '../replay/paced-port.ts';
import type { Recording } from '../replay/recording.ts';
import type { HostOptions } from './options.ts';
import { PatchedTap } from './patched-tap.ts';

/** RAM of a host: rings, header buffers, ordinary pools, socket buffers, and the udmabuf's pages. */
const HOST_RAM_BYTES = 96 * 2 ** 20;
const FRAME_SLOTS = 4096;
const SLOT_BYTES = 2048;
const SCRATCH_BYTES = 32 * 2 ** 20;
/** Super-frames are large, and few are under way. */
const SUPER_FRAME_SLOTS = 512;
const MTU_BYTES = 1500;
/** Longest wait for a frame: signals, the sender's exit and messages from the command have to be noticed in between. */
const MAX_WAIT_MS = 50;
/** How long frames gather before the next look at the TAP, right after there was something to do: what `rx-usecs` is for a card. */
const MODERATION_NS = 20_000;

/** A receiving host, and how to move it on. */
export interface Environment {
  readonly host: Host;
  /** The second host of the embedded sender; null beside the kernel. */
  readonly peer: Host | null;
  /** What an in-memory cable did to frames; null where there is none. */
  readonly cableFaults: Readonly<CableFaults> | null;
  /** What `--fault` did at the card; null when nothing was asked for. */
  readonly cardFaults: CardFaultCounts | null;
  /** One round of everything; true if anything was done. */
  step(): boolean;
  /** Waits until something may be to do: for a frame, or by moving a virtual clock to the next timer. */
  wait(): void;
  /** Takes the hosts down, waits until their pools are drained, and returns what the audits found. */
  close(): readonly string[];
}

/** Stands between the receiver's card and the port it is plugged into, to look at what passes. */
export type PortWrapper = (port: Port, clock: Clock) => Port;

const NOT_WRAPPED: PortWrapper = (port) => port;

/** A udmabuf is made of the host's own pages. */
function ramBytes(options: HostOptions): number {
  return HOST_RAM_BYTES + (options.exporter === 'udmabuf' ? 2 * options.dmabuf : 0);
}

function labOptions(options: HostOptions, faults?: CardFaults): Omit<LabHostOptions, 'port' | 'memory' | 'clock'> {
  return {
    name: 'receiver',
    seed: options.seed,
    queues: options.queues,
    ramBytes: ramBytes(options),
    dmaMode: options.dma,
    addresses: [`${options.listen.address}/24`],
    wrapNicHost: (host) => faults?.wrapNicHost(host) ?? host,
    dmabuf: { bytes: options.dmabuf, exporter: options.exporter },
  };
}

function cableOptions({ cable: { delay, ...faults } }: HostOptions): CableOptions {
  return { ...faults, latencyNs: delay };
}

/** Two hosts on a cable and a virtual clock: what happens is decided by the seed alone. */
export function cableEnvironment(options: HostOptions, wrap: PortWrapper = NOT_WRAPPED): Environment {
  const clock = new Clock();
  const faults = new CardFaults(options.faults, options.seed);
  const pair = createPair({
    host: labOptions(options, faults),
    peer: { name: 'sender', addresses: [`${neighbourAddress(options.listen.address)}/24`], ramBytes: HOST_RAM_BYTES },
    cable: { mtu: options.mtu, superFrames: options.vnetHdr, ...cableOptions(options) },
    clock,
    seed: options.seed,
    wrapPort: (port, name) => (name === 'receiver' ? wrap(faults.wrapPort(port, clock), clock) : port),
  });
  faults.attach(pair.host.nic);
  return {
    host: pair.host,
    peer: pair.peer,
    cableFaults: pair.cable.faults,
    get cardFaults() {
      return faults.counts;
    },
    step: () => pair.step(),
    wait() {
      const next = clock.nextExpiryNs;
      if (next !== Number.POSITIVE_INFINITY) clock.jumpTo(next);
    },
    close: () => pair.close(),
  };
}

/** A host on a TAP in the network namespace that this process is in; the kernel has the other address of the /24. */
export function tapEnvironment(options: HostOptions, wrap: PortWrapper = NOT_WRAPPED): Environment {
  const { mtu, vnetHdr } = options;
  const count = vnetHdr ? SUPER_FRAME_SLOTS : FRAME_SLOTS;
  const slotBytes = vnetHdr ? SUPER_FRAME_BYTES : Math.max(SLOT_BYTES, mtu + FRAME_OVERHEAD_BYTES);
  const memory = hostMemory(options, count * slotBytes);
  const slots = new FrameSlots(memory, { count, slotBytes });
  const kernelEnd = `${neighbourAddress(options.listen.address)}/24`;
  const tap = openTap({ name: options.tap, slots, mtu, addresses: [kernelEnd], vnetHeader: vnetHdr });
  const poll = new TapPoll([tap]);
  const clock = new Clock({ source: () => performance.now() * 1e6 });
  const isBad = Object.values(options.cable).some((value) => value > 0);
  const patch = isBad ? new PatchedTap(tap, clock, { ...cableOptions(options), seed: options.seed }) : null;
  const faults = new CardFaults(options.faults, options.seed);
  const port = wrap(faults.wrapPort(patch?.port ?? tap, clock), clock);
  const host = createHost({ ...labOptions(options, faults), port, memory, clock });
  faults.attach(host.nic);
  const { machine } = host;
  let worked = false;
  return {
    host,
    peer: null,
    cableFaults: patch?.faults ?? null,
    get cardFaults() {
      return faults.counts;
    },
    step() {
      const carried = patch?.step() ?? false;
      const moved = machine.step() || carried;
      if (moved) worked = true;
      return moved;
    },
    wait() {
      const untilTimerNs = Math.max(0, machine.clock.nextExpiryNs - performance.now() * 1e6);
      if (worked) {
        worked = false;
        poll.pause(Math.min(MODERATION_NS, untilTimerNs));
      } else poll.wait(Math.min(MAX_WAIT_MS, untilTimerNs / 1e6));
    },
    close() {
      host.takeDown();
      const deadline = performance.now() + 5_000;
      while (!host.drained && performance.now() < deadline) {
        if (!machine.step()) poll.wait(MAX_WAIT_MS);
      }
      const findings = host.close();
      tap.close();
      return findings;
    },
  };
}

/** A host that gets the frames of a recording, at the recorded times of a virtual clock. It has the recorded host's hardware address. */
export function replayEnvironment(
  options: HostOptions,
  recording: Recording,
  wrap: PortWrapper = NOT_WRAPPED,
): Environment & { readonly port: PacedPort } {
  const slotBytes = Math.max(SLOT_BYTES, recording.longestFrame);
  const mtu = Math.max(MTU_BYTES, recording.longestFrame - ethernet.HEADER_BYTES);
  const memory = hostMemory(options, FRAME_SLOTS * slotBytes);
  const slots = new FrameSlots(memory, { count: FRAME_SLOTS, slotBytes });
  const clock = new Clock();
  const port = new PacedPort(slots, recording, options.listen.port, clock, mtu);
  const host = createHost({ ...labOptions(options), mac: recording.mac, port: wrap(port, clock), memory, clock });
  const { machine } = host;
  introduce(host, recording);
  return {
    host,
    peer: null,
    cableFaults: null,
    cardFaults: null,
    port,
    step: () => machine.step(),
    wait() {
      if (port.release()) return;
      const next = clock.nextExpiryNs;
      if (next !== Number.POSITIVE_INFINITY) clock.jumpTo(next);
    },
    close: () => host.close(),
  };
}

/** Tells a host where the clients of a recording are, when the recording does not: it may begin after they met, and they may be far away. */
function introduce({ stack, device }: Host, { neighbours }: Recording): void {
  if (neighbours.length === 0) return;
  stack.addRoute({ destination: '0.0.0.0/0', dev: device });
  for (const { address, mac } of neighbours) stack.addNeighbour(device, address, mac);
}

/** What a host alone in its process needs. */
function hostMemory(options: HostOptions, slabBytes: number): LinearMemory {
  return new LinearMemory(hostMemoryBytes(labOptions(options)) + slabBytes + SCRATCH_BYTES);
}

/** The kernel's address in the /24 of ours: .1, or .2 when ours is .1. */
export function neighbourAddress(address: string): string {
  const octets = address.split('.');
  const last = octets[3] === '1' ? '2' : '1';
  return [...octets.slice(0, 3), last].join('.');
}
