interface Run {
  start: number;
  count: number;
}

/**
 * Free runs of slots, lowest first; first fit. Areas come and go with bindings, so that clarity beats speed here.
 */
export class FreeRuns {
  readonly #runs: Run[] = [];

  constructor(start: number, count: number) {
    if (count > 0) this.#runs.push({ start, count });
  }

  /** Slots that are free, in all runs together. */
  get free(): number {
    return this.#runs.reduce((sum, run) => sum + run.count, 0);
  }

  /** The first slot of the lowest run that is long enough, -1 when there is none. */
  take(count: number): number {
    const at = this.#runs.findIndex((run) => run.count >= count);
    const run = this.#runs[at];
    if (run === undefined) return -1;
    const start = run.start;
    run.start += count;
    run.count -= count;
    if (run.count === 0) this.#runs.splice(at, 1);
    return start;
  }

  /** Gives a run back and merges it with its neighbours. */
  give(start: number, count: number): void {
    let at = this.#runs.findIndex((run) => run.start > start);
    if (at < 0) at = this.#runs.length;
    const before = this.#runs[at - 1];
    const after = this.#runs[at];
    if (before !== undefined && before.start + before.count === start) {
      before.count += count;
      if (after !== undefined && before.start + before.count === after.start) {
        before.count += after.count;
        this.#runs.splice(at, 1);
      }
    } else if (after !== undefined && start + count === after.start) {
      after.start = start;
      after.count += count;
    } else {
      this.#runs.splice(at, 0, { start, count });
    }
  }
}
