import type { Cable, CableFaults, CableOptions } from './cable-options.ts';
import { completeChecksum } from './frame-checksum.ts';
import { FRAME_DATA_VALID, type FrameSlots, GSO_NONE } from './frame-slots.ts';
import { FRAME_OVERHEAD_BYTES } from './perfect-cable.ts';
import { type LinkClock, newPortStats, type Port, type PortStats } from './port.ts';
import { SeededRandom } from './seeded-random.ts';
import { SlotRing } from './slot-ring.ts';
import { WaitingFrames } from './waiting-frames.ts';

/** What a frame takes on an Ethernet besides its bytes: preamble 8, check sequence 4, gap 12. */
const LINE_OVERHEAD_BYTES = 24;
const MIN_LINE_FRAME_BYTES = 60;
const DEFAULT_REORDER_NS = 50_000;
/** Without a clock a frame is held back until up to this many later ones passed. */
const REORDER_FRAMES = 3;

/** One direction: what is sent at one end, what is due at the other. */
class Lane {
  readonly arrived: SlotRing;
  readonly #slots: FrameSlots;
  readonly #clock: LinkClock | null;
  readonly #options: CableOptions;
  readonly #random: SeededRandom;
  readonly #faults: CableFaults;
  readonly #queueFrames: number;
  readonly #waiting: WaitingFrames;
  readonly #nsPerByte: number;
  #lineFreeNs: number = 0;
  #wakeNs: number = Infinity;
  readonly #wake: () => void;
  // Without a clock, time is the number of frames sent.
  #framesSent: number = 0;
  #sentAtLastStep: number = 0;

  constructor(
    slots: FrameSlots,
    clock: LinkClock | null,
    queueFrames: number,
    options: CableOptions,
    faults: CableFaults,
    seed: number,
  ) {
    this.#slots = slots;
    this.#clock = clock;
    this.#options = options;
    this.#random = new SeededRandom(seed);
    this.#faults = faults;
    this.#queueFrames = queueFrames;
    // A duplicate of each frame fits as well.
    this.arrived = new SlotRing(2 * queueFrames);
    this.#waiting = new WaitingFrames(2 * queueFrames);
    this.#nsPerByte = options.bandwidthBitsPerSecond ? 8e9 / options.bandwidthBitsPerSecond : 0;
    this.#wake = (): void => {
      // A wake-up that an earlier one made needless must not cancel what was asked for since, or needless ones would multiply.
      if (this.#clock !== null && this.#clock.nowNs >= this.#wakeNs) this.#wakeNs = Infinity;
      this.deliver();
    };
  }

  get framesUnderWay(): number {
    return this.#waiting.length + this.arrived.length;
  }

  send(slot: number): boolean {
    if (this.framesUnderWay >= this.#queueFrames) return false;
    const random = this.#random;
    const due = this.#dueAfterLine(this.#slots.length[slot]);
    if (random.chance(this.#options.loss ?? 0)) {
      this.#faults.lost++;
      this.#slots.release(slot);
      return true;
    }
    const copy = random.chance(this.#options.duplicate ?? 0) ? this.#slots.duplicate(slot) : 0;
    if (random.chance(this.#options.corrupt ?? 0)) this.#corrupt(slot);
    let held = 0;
    if (random.chance(this.#options.reorder ?? 0)) {
      this.#faults.reordered++;
      // Without a clock, the half puts the frame behind the later one whose turn it waits for.
      held = this.#clock
        ? random.float() * (this.#options.reorderNs ?? DEFAULT_REORDER_NS)
        : random.below(REORDER_FRAMES) + 0.5;
    }
    this.#waiting.add(slot, due + held);
    if (copy !== 0) {
      this.#faults.duplicated++;
      this.#waiting.add(copy, due);
    }
    this.deliver();
    return true;
  }

  #dueAfterLine(lengthBytes: number): number {
    if (this.#clock === null) return ++this.#framesSent;
    const now = this.#clock.nowNs;
    const lineBytes = Math.max(lengthBytes, MIN_LINE_FRAME_BYTES) + LINE_OVERHEAD_BYTES;
    this.#lineFreeNs = Math.max(now, this.#lineFreeNs) + lineBytes * this.#nsPerByte;
    return this.#lineFreeNs + (this.#options.latencyNs ?? 0);
  }

  #corrupt(slot: number): void {
    const slots = this.#slots;
    if (slots.length[slot] === 0) return;
    // A receiver could not notice the flip if the checksum were still to be made, or vouched for.
    if (slots.gsoType[slot] === GSO_NONE) completeChecksum(slots, slot);
    slots.flags[slot] &= ~FRAME_DATA_VALID;
    const bit = this.#random.below(slots.length[slot] * 8);
    slots.region.bytes[slots.address(slot) + (bit >> 3)] ^= 1 << (bit & 7);
    this.#faults.corrupted++;
  }

  /** Moves what is due to the receiver's ring, and asks to be woken for what comes next. */
  deliver(): boolean {
    const waiting = this.#waiting;
    const now = this.#clock === null ? this.#framesSent : this.#clock.nowNs;
    let delivered = false;
    while (waiting.length > 0 && waiting.firstDue <= now) {
      const due = waiting.firstDue;
      const slot = waiting.take();
      if (this.#clock !== null) this.#slots.timestampNs[slot] = due;
      this.arrived.push(slot);
      delivered = true;
    }
    if (this.#clock !== null && waiting.length > 0 && waiting.firstDue < this.#wakeNs) {
      this.#wakeNs = waiting.firstDue;
      this.#clock.schedule(this.#wakeNs, this.#wake);
    }
    return delivered;
  }

  /** Without a clock, a frame that was held back on a line that fell silent comes through here. */
  step(): boolean {
    if (this.#clock !== null) return this.deliver();
    if (this.#waiting.length === 0) return false;
    if (this.#framesSent === this.#sentAtLastStep) this.#framesSent = Math.ceil(this.#waiting.firstDue);
    this.#sentAtLastStep = this.#framesSent;
    this.deliver();
    return true;
  }

  cut(): void {
    for (let slot = this.arrived.pop(); slot !== 0; slot = this.arrived.pop()) this.#lose(slot);
    while (this.#waiting.length > 0) this.#lose(this.#waiting.take());
  }

  #lose(slot: number): void {
    this.#faults.lost++;
    this.#slots.release(slot);
  }
}

class ImpairedEnd implements Port {
  readonly slots: FrameSlots;
  readonly mtu: number;
  readonly superFrames: boolean;
  linkUp: boolean = true;
  readonly stats: PortStats = newPortStats();
  readonly #out: Lane;
  readonly #in: Lane;

  constructor(slots: FrameSlots, mtu: number, superFrames: boolean, out: Lane, inbound: Lane) {
    this.slots = slots;
    this.mtu = mtu;
    this.superFrames = superFrames;
    this.#out = out;
    this.#in = inbound;
  }

  transmit(slot: number): boolean {
    const { slots, stats } = this;
    const length = slots.length[slot];
    if (!this.linkUp || (length > this.mtu + FRAME_OVERHEAD_BYTES && slots.gsoType[slot] === GSO_NONE)) {
      stats.txDropped++;
      slots.release(slot);
      return true;
    }
    if (!this.#out.send(slot)) return false;
    stats.txFrames++;
    stats.txBytes += length;
    return true;
  }

  receive(): number {
    const slot = this.#in.arrived.pop();
    if (slot !== 0) {
      this.stats.rxFrames++;
      this.stats.rxBytes += this.slots.length[slot];
    }
    return slot;
  }
}

/** Two ports with a line between them that takes time and makes mistakes, each one decided by the seed. */
export class ImpairedCable implements Cable {
  readonly a: ImpairedEnd;
  readonly b: ImpairedEnd;
  readonly faults: CableFaults = { lost: 0, reordered: 0, duplicated: 0, corrupted: 0 };
  readonly #forth: Lane;
  readonly #back: Lane;

  constructor(slots: FrameSlots, clock: LinkClock | null, mtu: number, queueFrames: number, options: CableOptions) {
    const seed = options.seed ?? 1;
    // A stream for each direction: what one end sends does not change what happens to the other's frames.
    this.#forth = new Lane(slots, clock, queueFrames, options, this.faults, seed);
    this.#back = new Lane(slots, clock, queueFrames, options, this.faults, ~seed);
    const superFrames = options.superFrames ?? false;
    this.a = new ImpairedEnd(slots, mtu, superFrames, this.#forth, this.#back);
    this.b = new ImpairedEnd(slots, mtu, superFrames, this.#back, this.#forth);
  }

  get framesUnderWay(): number {
    return this.#forth.framesUnderWay + this.#back.framesUnderWay;
  }

  step(): boolean {
    const forth = this.#forth.step();
    return this.#back.step() || forth;
  }

  setLinkUp(up: boolean): void {
    this.a.linkUp = up;
    this.b.linkUp = up;
    if (up) return;
    this.#forth.cut();
    this.#back.cut();
  }
}
