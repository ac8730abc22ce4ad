import type { LinkClock } from '@netmem/link';

/** A clock that moves when it is told to, and remembers when it was asked to stop. */
export class ManualClock implements LinkClock {
  nowNs: number = 0;
  readonly stops: number[] = [];

  schedule(atNs: number, callback: () => void): void {
    this.stops.push(atNs);
    callback();
  }
}
