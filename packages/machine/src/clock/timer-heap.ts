import type { TimeBase } from './time-base.ts';
import type { Timer } from './timer.ts';

function isBefore(a: Timer, b: Timer): boolean {
  return a.heapNs < b.heapNs || (a.heapNs === b.heapNs && a.heapSeq < b.heapSeq);
}

/**
 * A binary heap of timers, earliest first. Entries may be stale: a timer that was stopped or moved later keeps its place until
 * it reaches the top (see {@link Timer}).
 */
export class TimerHeap {
  readonly #base: TimeBase;
  readonly #timers: Timer[] = [];

  constructor(base: TimeBase) {
    this.#base = base;
  }

  /** Sets the timer to fire at `atNs`, and never before now: one that keeps moving itself into the past must not starve others. */
  file(timer: Timer, atNs: number): void {
    timer.expiresNs = Math.max(atNs, this.#base.nowNs);
    timer.seq = ++this.#base.seq;
    timer.pending = true;
    if (timer.heapIndex < 0) {
      timer.heapIndex = this.#timers.length;
      this.#timers.push(timer);
    } else if (timer.expiresNs >= timer.heapNs) {
      return;
    }
    timer.heapNs = timer.expiresNs;
    timer.heapSeq = timer.seq;
    this.#rise(timer);
  }

  /** The timer that fires next, or null. Puts stale entries right on the way. */
  first(): Timer | null {
    for (;;) {
      const top = this.#timers[0];
      if (top === undefined) return null;
      if (!top.pending) {
        this.#removeTop();
      } else if (top.heapSeq !== top.seq) {
        top.heapNs = top.expiresNs;
        top.heapSeq = top.seq;
        this.#sink(top);
      } else {
        return top;
      }
    }
  }

  /** Takes the timer that {@link TimerHeap.first} just returned out of the heap. */
  removeFirst(): void {
    this.#removeTop();
  }

  #removeTop(): void {
    const top = this.#timers[0] as Timer;
    const last = this.#timers.pop() as Timer;
    top.heapIndex = -1;
    if (last === top) return;
    last.heapIndex = 0;
    this.#timers[0] = last;
    this.#sink(last);
  }

  #rise(timer: Timer): void {
    const timers = this.#timers;
    let at = timer.heapIndex;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = timers[parentAt] as Timer;
      if (!isBefore(timer, parent)) break;
      timers[at] = parent;
      parent.heapIndex = at;
      at = parentAt;
    }
    timers[at] = timer;
    timer.heapIndex = at;
  }

  #sink(timer: Timer): void {
    const timers = this.#timers;
    const count = timers.length;
    let at = timer.heapIndex;
    for (;;) {
      let childAt = 2 * at + 1;
      if (childAt >= count) break;
      let child = timers[childAt] as Timer;
      const right = timers[childAt + 1];
      if (right !== undefined && isBefore(right, child)) {
        child = right;
        childAt++;
      }
      if (!isBefore(child, timer)) break;
      timers[at] = child;
      child.heapIndex = at;
      at = childAt;
    }
    timers[at] = timer;
    timer.heapIndex = at;
  }
}
