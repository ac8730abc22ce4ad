import type { ExecutionContext } from '../context/execution-context.ts';
import { KernelBug } from '../log/kernel-bug.ts';
import { TimeBase } from './time-base.ts';
import { Timer, type TimerKind } from './timer.ts';
import { TimerHeap } from './timer-heap.ts';

/** What a {@link Clock} is made from; nothing makes a virtual clock that starts at 0. */
export interface ClockOptions {
  /** Reads real time in nanoseconds; makes the clock a real one. Only apps have such a thing. */
  source?: () => number;
  /** Where a virtual clock starts. */
  startNs?: number;
  /** Another clock whose time this one shares. Timers stay apart: each machine runs its own. */
  sharing?: Clock;
}

/** Timers that may fire at one virtual instant during {@link Clock.advance} before it is called an endless loop. */
const MAX_FIRED_AT_ONE_INSTANT = 1_000_000;

/**
 * The machine's time, in nanoseconds as a number.
 *
 * Virtual: stands still until it is moved. Real: moves only when {@link Clock.refresh} reads its source, once per poll, so that
 * everything within one poll happens at one time.
 */
export class Clock {
  readonly #base: TimeBase;
  readonly #softirq: TimerHeap;
  readonly #device: TimerHeap;
  /** The context that softirq timers run in; a machine sets it when it takes the clock. @internal */
  context: ExecutionContext | null = null;

  constructor(options: ClockOptions = {}) {
    this.#base = options.sharing?.timeBase ?? new TimeBase(options.source ?? null, options.startNs ?? 0);
    this.#base.clocks.push(this);
    this.#softirq = new TimerHeap(this.#base);
    this.#device = new TimerHeap(this.#base);
  }

  /** @internal */
  get timeBase(): TimeBase {
    return this.#base;
  }

  get nowNs(): number {
    return this.#base.nowNs;
  }

  get virtual(): boolean {
    return this.#base.source === null;
  }

  /** Whether both clocks show one time. */
  sharesTimeWith(other: Clock): boolean {
    return this.#base === other.#base;
  }

  /** When the next timer fires, over all clocks that share this time; Infinity when none is set. */
  get nextExpiryNs(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const clock of this.#base.clocks) next = Math.min(next, clock.nextOwnExpiryNs());
    return next;
  }

  /** As {@link Clock.nextExpiryNs}, of this clock's own timers (of one kind). */
  nextOwnExpiryNs(kind?: TimerKind): number {
    const first = this.#first(kind);
    return first === null ? Number.POSITIVE_INFINITY : first.expiresNs;
  }

  /** Reads the source. Time never goes back, whatever the source does. Nothing on a virtual clock. */
  refresh(): void {
    const base = this.#base;
    if (base.source !== null) base.nowNs = Math.max(base.nowNs, base.source());
  }

  /**
   * Moves virtual time on, stopping at every timer on the way, of all clocks that share it, in order.
   *
   * @throws KernelBug on a real clock, for a negative step, and when timers keep re-arming themselves at one instant.
   */
  advance(ns: number): void {
    if (!this.virtual || !(ns >= 0))
      throw new KernelBug('clock', `cannot advance by ${ns} ns (virtual: ${this.virtual})`);
    const target = this.nowNs + ns;
    let fired = 0;
    for (let next = this.nextExpiryNs; next <= target; next = this.nextExpiryNs) {
      if (next > this.nowNs) fired = 0;
      this.jumpTo(next);
      for (const clock of this.#base.clocks) fired += clock.runDue();
      if (fired > MAX_FIRED_AT_ONE_INSTANT)
        throw new KernelBug('clock', `timers re-arm themselves at ${this.nowNs} ns`);
    }
    this.jumpTo(target);
  }

  /** Sets virtual time without running anything; back in time is ignored. For pumps, which run what became due themselves. */
  jumpTo(atNs: number): void {
    if (!this.virtual) throw new KernelBug('clock', 'a real clock cannot jump');
    if (atNs > this.#base.nowNs) this.#base.nowNs = atNs;
  }

  createTimer(callback: (timer: Timer) => void, kind: TimerKind = 'softirq'): Timer {
    return new Timer(kind === 'device' ? this.#device : this.#softirq, kind, callback);
  }

  /** Runs `callback` once at `atNs`, as a device timer. A time that has passed means "at the next opportunity". */
  schedule(atNs: number, callback: () => void): void {
    this.createTimer(callback, 'device').mod(atNs);
  }

  /** Whether {@link Clock.runDue} would run anything. */
  hasDue(kind?: TimerKind): boolean {
    return this.nextOwnExpiryNs(kind) <= this.nowNs;
  }

  /**
   * Runs this clock's timers that are due, in order of expiry, and returns how many ran. One that a callback sets meanwhile
   * waits for the next call, so that the call ends.
   */
  runDue(kind?: TimerKind): number {
    const lastSeq = this.#base.seq;
    const now = this.nowNs;
    let ran = 0;
    for (;;) {
      const timer = this.#first(kind);
      if (timer === null || timer.expiresNs > now || timer.seq > lastSeq) return ran;
      (timer.kind === 'device' ? this.#device : this.#softirq).removeFirst();
      this.#fire(timer);
      ran++;
    }
  }

  #first(kind: TimerKind | undefined): Timer | null {
    if (kind === 'device') return this.#device.first();
    if (kind === 'softirq') return this.#softirq.first();
    const device = this.#device.first();
    const softirq = this.#softirq.first();
    if (device === null || softirq === null) return device ?? softirq;
    if (device.expiresNs !== softirq.expiresNs) return device.expiresNs < softirq.expiresNs ? device : softirq;
    return device.seq < softirq.seq ? device : softirq;
  }

  #fire(timer: Timer): void {
    const context = this.context;
    if (context === null || timer.kind === 'device' || context.inSoftirq) {
      timer.fire();
      return;
    }
    context.enterSoftirq(0);
    try {
      timer.fire();
    } finally {
      context.leaveSoftirq();
    }
  }
}
