import type { Clock } from './clock.ts';

/** Time itself: shared by the clocks of all machines that live in one time. @internal */
export class TimeBase {
  nowNs: number;
  /** Counts every timer movement, so that timers of one instant fire in the order in which they were set. */
  seq: number = 0;
  readonly source: (() => number) | null;
  readonly clocks: Clock[] = [];

  constructor(source: (() => number) | null, startNs: number) {
    this.source = source;
    this.nowNs = source === null ? startNs : source();
  }
}
