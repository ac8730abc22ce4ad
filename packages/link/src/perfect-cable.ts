import type { Cable, CableFaults } from './cable-options.ts';
import { type FrameSlots, GSO_NONE } from './frame-slots.ts';
import { newPortStats, type Port, type PortStats } from './port.ts';
import { SlotRing } from './slot-ring.ts';

/** Bytes that a frame may have beyond the MTU: the Ethernet header and two VLAN tags. */
export const FRAME_OVERHEAD_BYTES = 22;
/** Bytes of the longest frame there is, one that is yet to be cut: the longest IP packet and {@link FRAME_OVERHEAD_BYTES}. */
export const SUPER_FRAME_BYTES: number = 65_535 + FRAME_OVERHEAD_BYTES;

class PerfectEnd implements Port {
  readonly slots: FrameSlots;
  readonly mtu: number;
  readonly superFrames: boolean;
  linkUp: boolean = true;
  readonly stats: PortStats = newPortStats();
  readonly #out: SlotRing;
  readonly #in: SlotRing;

  constructor(slots: FrameSlots, mtu: number, superFrames: boolean, out: SlotRing, inbound: SlotRing) {
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
    if (!this.#out.push(slot)) return false;
    stats.txFrames++;
    stats.txBytes += length;
    return true;
  }

  receive(): number {
    const slot = this.#in.pop();
    if (slot !== 0) {
      this.stats.rxFrames++;
      this.stats.rxBytes += this.slots.length[slot];
    }
    return slot;
  }
}

/** Two ports that pass slots to each other through rings, and nothing else. */
export class PerfectCable implements Cable {
  readonly a: PerfectEnd;
  readonly b: PerfectEnd;
  readonly faults: CableFaults = { lost: 0, reordered: 0, duplicated: 0, corrupted: 0 };
  readonly #slots: FrameSlots;
  readonly #rings: readonly [SlotRing, SlotRing];

  constructor(slots: FrameSlots, mtu: number, superFrames: boolean, queueFrames: number) {
    const forth = new SlotRing(queueFrames);
    const back = new SlotRing(queueFrames);
    this.a = new PerfectEnd(slots, mtu, superFrames, forth, back);
    this.b = new PerfectEnd(slots, mtu, superFrames, back, forth);
    this.#slots = slots;
    this.#rings = [forth, back];
  }

  get framesUnderWay(): number {
    return this.#rings[0].length + this.#rings[1].length;
  }

  step(): boolean {
    return false;
  }

  setLinkUp(up: boolean): void {
    this.a.linkUp = up;
    this.b.linkUp = up;
    if (up) return;
    for (const ring of this.#rings) {
      for (let slot = ring.pop(); slot !== 0; slot = ring.pop()) {
        this.faults.lost++;
        this.#slots.release(slot);
      }
    }
  }
}
