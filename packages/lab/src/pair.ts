import { type Cable, createCable, FRAME_OVERHEAD_BYTES, FrameSlots, type Port, SUPER_FRAME_BYTES } from '@netmem/link';
import { Clock, Random } from '@netmem/machine';
import { LinearMemory } from '@netmem/region';
import { drive } from './drive.ts';
import { createHost, type Host } from './host.ts';
import { hostMemoryBytes } from './host-memory.ts';
import type { PairOptions } from './host-options.ts';

const SLOT_COUNT = 4096;
const SLOT_BYTES = 2048;
/** Super-frames are large and few. */
const SUPER_SLOT_COUNT = 512;
/** Headroom of a slot, and what is rounded up. */
const SLOT_OVERHEAD_BYTES = 64;
/** Room for scratch of cards, engines and stacks besides RAM, slots and device memory. */
const SCRATCH_BYTES = 16 * 2 ** 20;

type PairedHostOptions = NonNullable<PairOptions['host']>;

/** Two hosts and the cable between them, on one clock and in one linear memory. */
export interface Pair {
  readonly host: Host;
  readonly peer: Host;
  readonly cable: Cable;
  readonly clock: Clock;
  readonly memory: LinearMemory;
  readonly slots: FrameSlots;
  /** One round of both hosts and the cable; true if anything was done. */
  step(): boolean;
  /** Pumps both hosts and the cable; see `Machine.run`. */
  run(options?: { until?: () => boolean; timeoutNs?: number }): boolean;
  /** Pumps until the promise settles, and returns its result: how a test awaits the comfortable layer. */
  drive<T>(work: Promise<T>): Promise<T>;
  /** Closes both hosts; returns both audits. */
  close(): readonly string[];
}

/**
 * Builds a host under test and a peer, joined by an in-memory cable: the whole of a network in one process, on one clock.
 *
 * @throws what `createHost` throws.
 */
export function createPair(options: PairOptions = {}): Pair {
  const superFrames = options.cable?.superFrames === true;
  const frameBytes = superFrames ? SUPER_FRAME_BYTES : (options.cable?.mtu ?? 0) + FRAME_OVERHEAD_BYTES;
  const slotBytes = Math.max(SLOT_BYTES, frameBytes);
  const count = superFrames ? SUPER_SLOT_COUNT : SLOT_COUNT;
  const memory =
    options.memory ??
    new LinearMemory(
      hostMemoryBytes(options.host ?? {}) +
        hostMemoryBytes(options.peer ?? {}) +
        count * (slotBytes + SLOT_OVERHEAD_BYTES) +
        SCRATCH_BYTES,
    );
  const slots = options.slots ?? new FrameSlots(memory, { count, slotBytes });
  const clock = options.clock ?? new Clock();
  const random = new Random(options.seed ?? 1);
  const cable = createCable(slots, clock, { seed: random.fork('cable').uint32(), ...options.cable });
  const plugIn = (port: Port, defaults: PairedHostOptions, given: PairedHostOptions = {}): Host => {
    const chosen = { ...defaults, ...given };
    const { name } = chosen;
    return createHost({ ...chosen, memory, clock, port: options.wrapPort?.(port, name ?? '') ?? port });
  };
  const seedOf = (name: string): number => random.fork(name).uint32();
  const host = plugIn(cable.a, { name: 'host', addresses: ['10.0.0.1/24'], seed: seedOf('host') }, options.host);
  const peer = plugIn(cable.b, { name: 'peer', addresses: ['10.0.0.2/24'], seed: seedOf('peer') }, options.peer);
  // Each pumps all: whoever runs one machine lets time pass for the other's timers, too.
  for (const { machine } of [host, peer]) {
    machine.join(cable);
    machine.join(host.machine);
    machine.join(peer.machine);
  }
  const run: Pair['run'] = (runOptions) => host.machine.run(runOptions);
  return {
    host,
    peer,
    cable,
    clock,
    memory,
    slots,
    step() {
      const hostMoved = host.machine.step();
      const cableMoved = cable.step();
      return peer.machine.step() || cableMoved || hostMoved;
    },
    run,
    drive: (work) => drive(host, work),
    close() {
      const peerFindings = peer.close();
      return [...host.close(), ...peerFindings];
    },
  };
}
