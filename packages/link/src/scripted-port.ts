import type { FrameSlots } from './frame-slots.ts';
import { newPortStats, type Port, type PortStats } from './port.ts';
import { SlotRing } from './slot-ring.ts';

/** The columns of `FrameSlots` that a pushed frame may set. */
export interface FrameMetadata {
  flags: number;
  gsoType: number;
  gsoSize: number;
  headerLength: number;
  checksumStart: number;
  checksumOffset: number;
  timestampNs: number;
  queue: number;
}

/** A port whose other side is a test: see {@link createScriptedPort}. */
export interface ScriptedPort extends Port {
  linkUp: boolean;
  /** Frames that `receive` will hand out, and that were transmitted and not taken. */
  readonly pending: number;
  readonly transmitted: number;
  /** Queues a copy of a frame for `receive`. False, and counted as `rxDropped`, when no slot is left or the frame is longer than one. */
  push(frame: Uint8Array, metadata?: Partial<FrameMetadata>): boolean;
  /** The oldest transmitted frame's bytes, or null. */
  take(): Uint8Array<ArrayBuffer> | null;
  /** All transmitted frames' bytes. */
  takeAll(): Uint8Array<ArrayBuffer>[];
  /** The oldest transmitted frame with its columns, or 0. The caller owns the slot. */
  takeSlot(): number;
  /** Makes the next `count` calls of `transmit` return false. */
  refuse(count: number): void;
}

class TestPort implements ScriptedPort {
  readonly slots: FrameSlots;
  readonly mtu: number;
  readonly superFrames: boolean;
  linkUp: boolean = true;
  readonly stats: PortStats = newPortStats();
  readonly #toReceive: SlotRing;
  readonly #sent: SlotRing;
  #toRefuse: number = 0;

  constructor(slots: FrameSlots, mtu: number, superFrames: boolean) {
    this.slots = slots;
    this.mtu = mtu;
    this.superFrames = superFrames;
    this.#toReceive = new SlotRing(slots.count);
    this.#sent = new SlotRing(slots.count);
  }

  get pending(): number {
    return this.#toReceive.length;
  }

  get transmitted(): number {
    return this.#sent.length;
  }

  push(frame: Uint8Array, metadata: Partial<FrameMetadata> = {}): boolean {
    const { slots } = this;
    const slot = slots.store(frame);
    if (slot === 0) {
      this.stats.rxDropped++;
      return false;
    }
    slots.flags[slot] = metadata.flags ?? 0;
    slots.gsoType[slot] = metadata.gsoType ?? 0;
    slots.gsoSize[slot] = metadata.gsoSize ?? 0;
    slots.headerLength[slot] = metadata.headerLength ?? 0;
    slots.checksumStart[slot] = metadata.checksumStart ?? 0;
    slots.checksumOffset[slot] = metadata.checksumOffset ?? 0;
    slots.timestampNs[slot] = metadata.timestampNs ?? 0;
    slots.queue[slot] = metadata.queue ?? 0;
    return this.#toReceive.push(slot);
  }

  take(): Uint8Array<ArrayBuffer> | null {
    const slot = this.#sent.pop();
    if (slot === 0) return null;
    const bytes = this.slots.copyOf(slot);
    this.slots.release(slot);
    return bytes;
  }

  takeAll(): Uint8Array<ArrayBuffer>[] {
    const frames: Uint8Array<ArrayBuffer>[] = [];
    for (let frame = this.take(); frame !== null; frame = this.take()) frames.push(frame);
    return frames;
  }

  takeSlot(): number {
    return this.#sent.pop();
  }

  refuse(count: number): void {
    this.#toRefuse = count;
  }

  transmit(slot: number): boolean {
    if (this.#toRefuse > 0) {
      this.#toRefuse--;
      return false;
    }
    const { slots, stats } = this;
    if (!this.linkUp) {
      stats.txDropped++;
      slots.release(slot);
      return true;
    }
    if (!this.#sent.push(slot)) return false;
    stats.txFrames++;
    stats.txBytes += slots.length[slot];
    return true;
  }

  receive(): number {
    const slot = this.#toReceive.pop();
    if (slot !== 0) {
      this.stats.rxFrames++;
      this.stats.rxBytes += this.slots.length[slot];
    }
    return slot;
  }
}

/**
 * A port for tests of whatever uses a port: `push` frames for it to receive, `take` what it transmitted.
 *
 * @param options - `mtu`, default 1500. It is told to the user of the port and not enforced: a test may want to see a frame that is too long.
 *   `superFrames`, default false, likewise.
 * @example
 * ```ts
 * const port = createScriptedPort(new FrameSlots(new LinearMemory(16 << 20)));
 * port.push(frame); // what the card under test will receive
 * card.run(64);
 * expect(port.take()).toEqual(answer);
 * ```
 */
export function createScriptedPort(
  slots: FrameSlots,
  options: { mtu?: number; superFrames?: boolean } = {},
): ScriptedPort {
  return new TestPort(slots, options.mtu ?? 1500, options.superFrames ?? false);
}
