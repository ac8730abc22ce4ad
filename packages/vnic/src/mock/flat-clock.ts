import type { DeviceClock } from '../host.ts';

interface Due {
  readonly atNs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** A clock that stands still until it is told to move. Callbacks of one instant run in the order of their scheduling. */
export class FlatClock implements DeviceClock {
  nowNs = 0;
  readonly #due: Due[] = [];
  #order = 0;

  schedule(atNs: number, callback: () => void): void {
    this.#due.push({ atNs: Math.max(atNs, this.nowNs), order: this.#order++, callback });
    this.#due.sort((a, b) => a.atNs - b.atNs || a.order - b.order);
  }

  /** When the next callback is due; Infinity when none is. */
  get nextNs(): number {
    return this.#due[0]?.atNs ?? Number.POSITIVE_INFINITY;
  }

  /** Callbacks not run yet. */
  get scheduled(): number {
    return this.#due.length;
  }

  /** Moves on by `ns`, running what falls due on the way. */
  advance(ns: number): void {
    const until = this.nowNs + ns;
    while (this.nextNs <= until) {
      const due = this.#due.shift() as Due;
      this.nowNs = due.atNs;
      due.callback();
    }
    this.nowNs = until;
  }
}
