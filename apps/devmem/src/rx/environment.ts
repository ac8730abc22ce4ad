/** Where the receiver lives: on a TAP with the kernel as its neighbour, or on a cable with a second host of our own. */

import { createHost, createPair, type Host, type HostOptions } from '@netmem/lab';
import { FrameSlots } from '@netmem/link';
import { Clock } from '@netmem/machine';
import { LinearMemory } from '@netmem/region';
import { openTap, TapPoll } from '@netmem/tap';
import type { RxOptions } from './options.ts';

/** RAM of a host: rings, header buffers, ordinary pools, socket buffers, and the udmabuf's pages. */
const HOST_RAM_BYTES = 96 * 2 ** 20;
const FRAME_SLOTS = 4096;
const SLOT_BYTES = 2048;
const SCRATCH_BYTES = 32 * 2 ** 20;
const MTU_BYTES = 1500;
/** Longest wait for a frame: signals, the sender's exit and messages from the command have to be noticed in between. */
const MAX_WAIT_MS = 50;

/** A receiving host, and how to move it on. */
export interface Environment {
  readonly host: Host;
  /** The second host of the embedded sender; null beside the kernel. */
  readonly peer: Host | null;
  /** One round of everything; true if anything was done. */
  step(): boolean;
  /** Waits until something may be to do: for a frame, or by moving a virtual clock to the next timer. */
  wait(): void;
  /** Takes the hosts down, waits until their pools are drained, and returns what the audits found. */
  close(): readonly string[];
}

/** A udmabuf is made of the host's own pages. */
function ramBytes(options: RxOptions): number {
  return HOST_RAM_BYTES + (options.exporter === 'udmabuf' ? 2 * options.dmabuf : 0);
}

function hostOptions(options: RxOptions): Omit<HostOptions, 'port' | 'memory' | 'clock'> {
  return {
    name: 'receiver',
    seed: options.seed,
    queues: options.queues,
    ramBytes: ramBytes(options),
    addresses: [`${options.listen.address}/24`],
    dmabuf: { bytes: options.dmabuf, exporter: options.exporter },
  };
}

/** Two hosts on a cable and a virtual clock: what happens is decided by the seed alone. */
export function cableEnvironment(options: RxOptions): Environment {
  const pair = createPair({
    host: hostOptions(options),
    peer: { name: 'sender', addresses: [`${neighbourAddress(options.listen.address)}/24`], ramBytes: HOST_RAM_BYTES },
    seed: options.seed,
  });
  return {
    host: pair.host,
    peer: pair.peer,
    step: () => pair.step(),
    wait() {
      const next = pair.clock.nextExpiryNs;
      if (next !== Number.POSITIVE_INFINITY) pair.clock.jumpTo(next);
    },
    close: () => pair.close(),
  };
}

/** A host on a TAP in the network namespace that this process is in; the kernel has the other address of the /24. */
export function tapEnvironment(options: RxOptions): Environment {
  const deviceBytes = options.exporter === 'device' ? options.dmabuf : 0;
  const memory = new LinearMemory(ramBytes(options) + deviceBytes + FRAME_SLOTS * SLOT_BYTES + SCRATCH_BYTES);
  const slots = new FrameSlots(memory, { count: FRAME_SLOTS, slotBytes: SLOT_BYTES });
  const kernelEnd = `${neighbourAddress(options.listen.address)}/24`;
  const tap = openTap({ name: options.tap, slots, mtu: MTU_BYTES, addresses: [kernelEnd] });
  const poll = new TapPoll([tap]);
  const clock = new Clock({ source: () => performance.now() * 1e6 });
  const host = createHost({ ...hostOptions(options), port: tap, memory, clock });
  const { machine } = host;
  return {
    host,
    peer: null,
    step: () => machine.step(),
    wait() {
      const untilTimerMs = (machine.clock.nextExpiryNs - performance.now() * 1e6) / 1e6;
      poll.wait(Math.max(0, Math.min(MAX_WAIT_MS, untilTimerMs)));
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

/** The kernel's address in the /24 of ours: .1, or .2 when ours is .1. */
export function neighbourAddress(address: string): string {
  const octets = address.split('.');
  const last = octets[3] === '1' ? '2' : '1';
  return [...octets.slice(0, 3), last].join('.');
}
