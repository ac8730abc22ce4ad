import type { Clock } from '../clock/clock.ts';
import type { Timer } from '../clock/timer.ts';

/**
 * A function that runs later in process context, at most once per time it was scheduled.
 *
 * @kernel struct work_struct — include/linux/workqueue_types.h, 7.3
 */
export class Work {
  readonly #fn: (work: Work) => void;
  /** Waiting for its delay or for its turn. @internal */
  state: number = 0;
  /** @internal */
  next: Work | null = null;
  /** @internal */
  timer: Timer | null = null;

  constructor(fn: (work: Work) => void) {
    this.#fn = fn;
  }

  get pending(): boolean {
    return this.state !== IDLE;
  }

  /** @internal */
  execute(): void {
    this.#fn(this);
  }
}

const IDLE = 0;
const DELAYED = 1;
const QUEUED = 2;

/**
 * The system workqueue: first in, first out, in process context, after softirqs.
 *
 * @kernel queue_work — kernel/workqueue.c, 7.3
 */
export class Workqueue {
  readonly #clock: Clock;
  #first: Work | null = null;
  #last: Work | null = null;
  #queued = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Works whose turn it is. */
  get queued(): number {
    return this.#queued;
  }

  /**
   * Queues the work; false when it was pending already.
   *
   * @kernel schedule_work — include/linux/workqueue.h, 7.3
   */
  schedule(work: Work): boolean {
    if (work.state !== IDLE) return false;
    this.#append(work);
    return true;
  }

  /**
   * Queues the work after `delayNs`; false when it was pending already, whatever its delay. A delay of 0 queues it at once.
   *
   * @kernel schedule_delayed_work — include/linux/workqueue.h, 7.3
   */
  scheduleDelayed(work: Work, delayNs: number): boolean {
    if (delayNs <= 0) return this.schedule(work);
    if (work.state !== IDLE) return false;
    work.timer ??= this.#clock.createTimer(() => this.#append(work));
    work.state = DELAYED;
    work.timer.mod(this.#clock.nowNs + delayNs);
    return true;
  }

  /**
   * Takes back a pending work; false when it was not pending.
   *
   * @kernel cancel_delayed_work_sync — kernel/workqueue.c, 7.3
   */
  cancel(work: Work): boolean {
    if (work.state === IDLE) return false;
    if (work.state === DELAYED) work.timer?.del();
    else this.#remove(work);
    work.state = IDLE;
    return true;
  }

  /** Runs what was queued when it began; true when anything ran. A work may schedule itself again. */
  run(): boolean {
    const turns = this.#queued;
    for (let i = 0; i < turns && this.#first !== null; i++) {
      const work = this.#first;
      this.#remove(work);
      work.state = IDLE;
      work.execute();
    }
    return turns > 0;
  }

  #append(work: Work): void {
    work.state = QUEUED;
    work.next = null;
    if (this.#last === null) this.#first = work;
    else this.#last.next = work;
    this.#last = work;
    this.#queued++;
  }

  #remove(work: Work): void {
    let before: Work | null = null;
    for (let at = this.#first; at !== null; at = at.next) {
      if (at === work) {
        if (before === null) this.#first = work.next;
        else before.next = work.next;
        if (this.#last === work) this.#last = before;
        work.next = null;
        this.#queued--;
        return;
      }
      before = at;
    }
  }
}
