/** The machine at the other end of the guest's cable: a host of our own, on real time, in this process. */
import { createHost, type Host } from '@netmem/lab';
import { type Cable, createCable, FRAME_OVERHEAD_BYTES, FrameSlots, type Port, SUPER_FRAME_BYTES } from '@netmem/link';
import { Clock } from '@netmem/machine';
import { LinearMemory } from '@netmem/region';
import type { CableFaultOptions } from '../../host/options.ts';

const RAM_BYTES = 64 * 2 ** 20;
const SLOT_COUNT = 4096;
const SLOT_BYTES = 2048;
/** Super-frames are large and few. */
const SUPER_SLOT_COUNT = 512;
const SLOT_OVERHEAD_BYTES = 64;
/** Scratch of two cards and a stack. */
const SCRATCH_BYTES = 32 * 2 ** 20;
/** A page pool frees its last memory at most one second after it came back. */
const DRAIN_MS = 5_000;
const DRAIN_STEP_MS = 10;

/** How cable and peer are made. */
export interface PeerOptions {
  readonly address: string;
  readonly seed: number;
  readonly mtu: number;
  /** TCP crosses the cable in frames that nobody has cut. */
  readonly superFrames: boolean;
  readonly cable: CableFaultOptions;
}

/** A cable, what is at its far end, and the memory that frames live in. */
export class PeerMachine {
  readonly host: Host;
  readonly cable: Cable;
  readonly clock: Clock;
  /** Frames, and scratch for the guest's card. */
  readonly memory: LinearMemory;

  constructor(options: PeerOptions) {
    const { superFrames, mtu, seed } = options;
    const { delay, ...faults } = options.cable;
    const slotBytes = Math.max(SLOT_BYTES, superFrames ? SUPER_FRAME_BYTES : mtu + FRAME_OVERHEAD_BYTES);
    const count = superFrames ? SUPER_SLOT_COUNT : SLOT_COUNT;
    this.memory = new LinearMemory(RAM_BYTES + count * (slotBytes + SLOT_OVERHEAD_BYTES) + SCRATCH_BYTES);
    this.clock = new Clock({ source: () => performance.now() * 1e6 });
    const slots = new FrameSlots(this.memory, { count, slotBytes });
    this.cable = createCable(slots, this.clock, { seed, mtu, superFrames, latencyNs: delay, ...faults });
    this.host = createHost({
      name: 'peer',
      port: this.cable.b,
      memory: this.memory,
      clock: this.clock,
      seed,
      ramBytes: RAM_BYTES,
      addresses: [`${options.address}/24`],
    });
  }

  /** Where the guest's card is plugged in. */
  get guestPort(): Port {
    return this.cable.a;
  }

  /** What a pump asks: see {@link step}. */
  get nextDeadlineNs(): number {
    return this.clock.nextExpiryNs;
  }

  /** One round of cable and host; true if anything was done. */
  step(): boolean {
    const moved = this.cable.step();
    return this.host.machine.step() || moved;
  }

  /** Takes the host down and returns what its audit finds. The pump must not run it any more. */
  async close(): Promise<readonly string[]> {
    const { host } = this;
    host.takeDown();
    const deadline = performance.now() + DRAIN_MS;
    while (!host.drained && performance.now() < deadline) {
      while (this.step());
      await new Promise((resolve) => setTimeout(resolve, DRAIN_STEP_MS));
    }
    return host.close();
  }
}
