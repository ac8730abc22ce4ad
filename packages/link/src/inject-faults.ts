import type { FrameSlots } from './frame-slots.ts';
import type { LinkClock, Port, PortStats } from './port.ts';
import { SeededRandom } from './seeded-random.ts';

/** What happens to which frames: see {@link injectFaults}. */
export interface FaultRule {
  /**
   * - `'drop'`: the frame is lost.
   * - `'duplicate'`: it comes twice, one right after the other.
   * - `'corrupt'`: one bit of the byte at `corruptAt` is flipped.
   * - `'delay'`: it is held back, by `delayNs` or `delayFrames`.
   */
  action: 'drop' | 'duplicate' | 'corrupt' | 'delay';
  /** Frames handed to the port (default), or frames that come from it. */
  direction?: 'transmit' | 'receive';
  /** Frames that this rule looks at. Default: all. It must not change the frame. */
  when?: (slots: FrameSlots, slot: number) => boolean;
  /** Which of those are hit, counted from 1. Default: each one. */
  nth?: number | readonly number[];
  /** Chance that a frame is hit that would be otherwise. Default 1. */
  probability?: number;
  /** How long `'delay'` holds a frame, in nanoseconds of the plan's clock. */
  delayNs?: number;
  /** How many later frames of the direction pass a frame that `'delay'` holds. Used when there is no `delayNs`; default 1. */
  delayFrames?: number;
  /** Offset of the byte that `'corrupt'` changes, from the start of the frame. Default: by chance. */
  corruptAt?: number;
}

/** Rules for both directions of a port. The first rule that hits a frame decides; every rule counts every frame that it looks at. */
export interface FaultPlan {
  rules: readonly FaultRule[];
  /** Needed for `delayNs`. */
  clock?: LinkClock | null;
  /** Decides every random choice. Default 1. */
  seed?: number;
}

/** How often each action was taken. */
export interface FaultCounts {
  drop: number;
  duplicate: number;
  corrupt: number;
  delay: number;
}

/** A port with faults. */
export interface FaultyPort extends Port {
  readonly faults: FaultCounts;
  /** Frames held back now. */
  readonly held: number;
  /** Lets all held frames go, in the order in which they came. Those that the port refuses stay held. */
  releaseHeld(): void;
}

interface HeldFrame {
  readonly slot: number;
  readonly dueNs: number;
  framesToPass: number;
}

class RuleState {
  readonly rule: FaultRule;
  readonly #hits: ReadonlySet<number> | null;
  seen: number = 0;
  looked: boolean = false;

  constructor(rule: FaultRule) {
    this.rule = rule;
    const { nth } = rule;
    this.#hits = nth === undefined ? null : new Set(typeof nth === 'number' ? [nth] : nth);
  }

  hits(slots: FrameSlots, slot: number, random: SeededRandom): boolean {
    this.looked = this.rule.when === undefined || this.rule.when(slots, slot);
    if (!this.looked) return false;
    this.seen++;
    if (this.#hits !== null && !this.#hits.has(this.seen)) return false;
    return this.rule.probability === undefined || random.chance(this.rule.probability);
  }
}

/** One direction of a faulty port. A test tool: it keeps held frames in ordinary arrays. */
class FaultyDirection {
  readonly #slots: FrameSlots;
  readonly #states: readonly RuleState[];
  readonly #random: SeededRandom;
  readonly #clock: LinkClock | null;
  readonly #counts: FaultCounts;
  readonly #wake: () => void;
  readonly held: HeldFrame[] = [];

  constructor(
    slots: FrameSlots,
    plan: FaultPlan,
    direction: 'transmit' | 'receive',
    counts: FaultCounts,
    wake: () => void,
  ) {
    this.#slots = slots;
    this.#states = plan.rules
      .filter((rule) => (rule.direction ?? 'transmit') === direction)
      .map((rule) => new RuleState(rule));
    this.#random = new SeededRandom((plan.seed ?? 1) ^ (direction === 'transmit' ? 0 : -1));
    this.#clock = plan.clock ?? null;
    this.#counts = counts;
    this.#wake = wake;
  }

  /** The rule that hits this frame. */
  decide(slot: number): FaultRule | null {
    let hit: FaultRule | null = null;
    for (const state of this.#states) {
      if (state.hits(this.#slots, slot, this.#random)) hit ??= state.rule;
    }
    return hit;
  }

  /** The port refused the frame, and it will come again: it does not count. */
  undecide(): void {
    for (const state of this.#states) if (state.looked) state.seen--;
  }

  count(action: FaultRule['action']): void {
    this.#counts[action]++;
  }

  flip(slot: number, rule: FaultRule): number {
    const length = this.#slots.length[slot];
    if (length === 0) return -1;
    const offset = rule.corruptAt ?? this.#random.below(length);
    if (offset >= length) return -1;
    const bit = (offset << 3) | this.#random.below(8);
    this.flipBit(slot, bit);
    return bit;
  }

  flipBit(slot: number, bit: number): void {
    if (bit >= 0) this.#slots.region.bytes[this.#slots.address(slot) + (bit >> 3)] ^= 1 << (bit & 7);
  }

  hold(slot: number, rule: FaultRule): void {
    if (rule.delayNs === undefined || this.#clock === null) {
      this.held.push({ slot, dueNs: Infinity, framesToPass: rule.delayFrames ?? 1 });
      return;
    }
    const dueNs = this.#clock.nowNs + rule.delayNs;
    this.held.push({ slot, dueNs, framesToPass: Infinity });
    this.#clock.schedule(dueNs, this.#wake);
  }

  /** A second copy of a received frame: it is due at once. */
  holdCopy(slot: number): void {
    this.held.unshift({ slot, dueNs: Infinity, framesToPass: 0 });
  }

  framePassed(): void {
    for (const frame of this.held) frame.framesToPass--;
  }

  /** Index of the first frame that is due, or -1. */
  firstDue(): number {
    const now = this.#clock?.nowNs ?? 0;
    return this.held.findIndex((frame) => frame.framesToPass <= 0 || frame.dueNs <= now);
  }
}

class InjectingPort implements FaultyPort {
  readonly faults: FaultCounts = { drop: 0, duplicate: 0, corrupt: 0, delay: 0 };
  readonly #port: Port;
  readonly #out: FaultyDirection;
  readonly #in: FaultyDirection;

  constructor(port: Port, plan: FaultPlan) {
    this.#port = port;
    this.#out = new FaultyDirection(port.slots, plan, 'transmit', this.faults, () => this.#sendDue());
    // A frame that comes late from the port waits for the next receive(); the wake-up only makes the clock stop there.
    this.#in = new FaultyDirection(port.slots, plan, 'receive', this.faults, () => {});
  }

  get slots(): FrameSlots {
    return this.#port.slots;
  }

  get mtu(): number {
    return this.#port.mtu;
  }

  get linkUp(): boolean {
    return this.#port.linkUp;
  }

  get superFrames(): boolean {
    return this.#port.superFrames === true;
  }

  get stats(): PortStats {
    return this.#port.stats;
  }

  get held(): number {
    return this.#out.held.length + this.#in.held.length;
  }

  releaseHeld(): void {
    for (const frame of this.#in.held) frame.framesToPass = 0;
    for (const frame of this.#out.held) frame.framesToPass = 0;
    this.#sendDue();
  }

  transmit(slot: number): boolean {
    const out = this.#out;
    this.#sendDue();
    const rule = out.decide(slot);
    if (rule?.action === 'drop') this.slots.release(slot);
    else if (rule?.action === 'delay') out.hold(slot, rule);
    else if (!this.#send(slot, rule)) {
      out.undecide();
      return false;
    }
    if (rule !== null) out.count(rule.action);
    if (rule?.action !== 'delay') {
      out.framePassed();
      this.#sendDue();
    }
    return true;
  }

  #send(slot: number, rule: FaultRule | null): boolean {
    const copy = rule?.action === 'duplicate' ? this.slots.duplicate(slot) : 0;
    const bit = rule?.action === 'corrupt' ? this.#out.flip(slot, rule) : -1;
    const sent = this.#port.transmit(slot);
    if (!sent) this.#out.flipBit(slot, bit);
    if (copy !== 0 && !(sent && this.#port.transmit(copy))) this.slots.release(copy);
    return sent;
  }

  #sendDue(): void {
    const { held } = this.#out;
    for (let i = this.#out.firstDue(); i >= 0; i = this.#out.firstDue()) {
      if (!this.#port.transmit(held[i].slot)) return;
      held.splice(i, 1);
    }
  }

  receive(): number {
    const inbound = this.#in;
    for (;;) {
      const due = inbound.firstDue();
      if (due >= 0) return inbound.held.splice(due, 1)[0].slot;
      const slot = this.#port.receive();
      if (slot === 0) return 0;
      const rule = inbound.decide(slot);
      if (rule !== null) inbound.count(rule.action);
      if (rule?.action === 'delay') {
        inbound.hold(slot, rule);
        continue;
      }
      inbound.framePassed();
      if (rule?.action === 'drop') {
        this.slots.release(slot);
        continue;
      }
      if (rule?.action === 'corrupt') inbound.flip(slot, rule);
      const copy = rule?.action === 'duplicate' ? this.slots.duplicate(slot) : 0;
      if (copy !== 0) inbound.holdCopy(copy);
      return slot;
    }
  }
}

/**
 * A port that does what `port` does, except to the frames that the plan names: "drop the third SYN", "delay every ACK by a millisecond".
 *
 * @example
 * ```ts
 * const faulty = injectFaults(cable.a, { rules: [{ action: 'drop', nth: 3 }] }); // the third frame sent is lost
 * ```
 * @throws RangeError when a rule needs a clock and the plan has none.
 */
export function injectFaults(port: Port, plan: FaultPlan): FaultyPort {
  for (const rule of plan.rules) {
    if (rule.delayNs !== undefined && !plan.clock) throw new RangeError('faults: delayNs needs a clock in the plan');
  }
  return new InjectingPort(port, plan);
}
