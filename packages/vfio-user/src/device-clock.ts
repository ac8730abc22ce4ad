import type { DeviceClock } from '@netmem/vnic';

interface Due {
  readonly atNs: number;
  readonly callback: () => void;
}

/**
 * Real time for a device, read once a round, so that everything in a round happens at one time.
 */
export class RealClock implements DeviceClock {
  nowNs: number;
  readonly #source: () => number;
  readonly #due: Due[] = [];

  /** @param source - Real time in nanoseconds, from any start. */
  constructor(source: () => number) {
    this.#source = source;
    this.nowNs = source();
  }

  schedule(atNs: number, callback: () => void): void {
    const due = this.#due;
    let at = due.length;
    while (at > 0 && due[at - 1].atNs > atNs) at--;
    due.splice(at, 0, { atNs, callback });
  }

  /** When the next callback is due; Infinity when none is. */
  get nextNs(): number {
    return this.#due.length === 0 ? Number.POSITIVE_INFINITY : this.#due[0].atNs;
  }

  /** Callbacks not run yet. */
  get scheduled(): number {
    return this.#due.length;
  }

  /** Reads the time. It never goes back. */
  refresh(): void {
    const now = this.#source();
    if (now > this.nowNs) this.nowNs = now;
  }

  /** Runs what is due, and not what that schedules. True: there was something. */
  runDue(): boolean {
    const due = this.#due;
    let count = 0;
    while (count < due.length && due[count].atNs <= this.nowNs) count++;
    if (count === 0) return false;
    for (const { callback } of due.splice(0, count)) callback();
    return true;
  }
}

/** Nanoseconds since the process started. */
export function processTimeNs(): number {
  return Math.round(performance.now() * 1e6);
}
