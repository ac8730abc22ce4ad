import { KernelBug } from '../log/kernel-bug.ts';
import type { TimerHeap } from './timer-heap.ts';

/** `softirq`: protocol timers, run in softirq context. `device`: the hardware's own, run outside any context. */
export type TimerKind = 'softirq' | 'device';

/**
 * A timer that can be moved and stopped at will. Make one with `Clock.createTimer`.
 *
 * Moving it later or stopping it is O(1): it stays where it is in the heap and is put right when it surfaces, because nearly
 * all of TCP's timers are moved again before they expire.
 *
 * @kernel struct timer_list — include/linux/timer_types.h, 7.3
 */
export class Timer {
  readonly kind: TimerKind;
  readonly #heap: TimerHeap;
  readonly #callback: (timer: Timer) => void;
  /** Whether it will fire. */
  pending: boolean = false;
  /** When it fires or fired last, in the clock's nanoseconds. */
  expiresNs: number = 0;
  /** Order among timers of one instant: the later moved fires later. @internal */
  seq: number = 0;
  /** Position in the heap, -1 when not in it. @internal */
  heapIndex: number = -1;
  /** The key under which the heap filed it: never later than `expiresNs`. @internal */
  heapNs: number = 0;
  /** Tie breaker of {@link Timer.heapNs}. @internal */
  heapSeq: number = 0;

  /** @internal */
  constructor(heap: TimerHeap, kind: TimerKind, callback: (timer: Timer) => void) {
    this.#heap = heap;
    this.kind = kind;
    this.#callback = callback;
  }

  /**
   * Starts the timer or moves it. A time that has passed means "at the next opportunity".
   *
   * @throws KernelBug when `atNs` is not a finite number.
   * @kernel mod_timer — kernel/time/timer.c, 7.3
   */
  mod(atNs: number): void {
    if (!Number.isFinite(atNs)) throw new KernelBug('timer', `${atNs} is no time to expire at`);
    this.#heap.file(this, atNs);
  }

  /**
   * Stops the timer; false when it was not pending.
   *
   * @kernel timer_delete — kernel/time/timer.c, 7.3
   */
  del(): boolean {
    const was = this.pending;
    this.pending = false;
    return was;
  }

  /** @internal */
  fire(): void {
    this.pending = false;
    this.#callback(this);
  }
}
