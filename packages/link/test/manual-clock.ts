import type { LinkClock } from '../src/index.ts';

/** A clock that moves when it is told to, and remembers how often it was asked to wake somebody. */
export class ManualClock implements LinkClock {
  nowNs: number = 0;
  scheduled: number = 0;
  #timers: { atNs: number; callback: () => void }[] = [];

  schedule(atNs: number, callback: () => void): void {
    this.scheduled++;
    this.#timers.push({ atNs, callback });
  }

  get pending(): number {
    return this.#timers.length;
  }

  /** Moves on, calling what falls due at its time. */
  advance(byNs: number): void {
    const end = this.nowNs + byNs;
    for (;;) {
      const due = this.#timers.filter(({ atNs }) => atNs <= end).sort((a, b) => a.atNs - b.atNs)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.nowNs = Math.max(this.nowNs, due.atNs);
      due.callback();
    }
    this.nowNs = end;
  }
}
