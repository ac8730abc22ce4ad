import type { DeviceClock, DeviceDma, NicEvent, NicHost } from './host.ts';

/** What goes wrong with one interrupt. */
export interface InterruptFault {
  /**
   * - `'delay'`: it comes `delayNs` later.
   * - `'lose'`: it never comes. The card does not know: the block stays disarmed, and nothing more comes of it until its driver looks by itself.
   */
  readonly action: 'delay' | 'lose';
  /** Which one, counted from 1 over all vectors. */
  readonly nth: number;
  /** For `'delay'`. */
  readonly delayNs?: number;
}

/** Interrupts that faults have hit. */
export interface InterruptFaultCounts {
  delayed: number;
  lost: number;
}

/** A host between a card and a real one. */
export interface FaultyInterruptHost extends NicHost {
  readonly faults: Readonly<InterruptFaultCounts>;
}

class FaultyHost implements FaultyInterruptHost {
  readonly faults: InterruptFaultCounts = { delayed: 0, lost: 0 };
  readonly dma: DeviceDma;
  readonly clock: DeviceClock;
  readonly #host: NicHost;
  readonly #byNumber: ReadonlyMap<number, InterruptFault>;
  #raised = 0;

  constructor(host: NicHost, faults: readonly InterruptFault[]) {
    this.#host = host;
    this.dma = host.dma;
    this.clock = host.clock;
    this.#byNumber = new Map(faults.map((fault) => [fault.nth, fault]));
  }

  raise(vector: number): void {
    const fault = this.#byNumber.get(++this.#raised);
    if (fault === undefined) this.#host.raise(vector);
    else if (fault.action === 'lose') this.faults.lost++;
    else {
      this.faults.delayed++;
      const { clock } = this;
      clock.schedule(clock.nowNs + (fault.delayNs as number), () => this.#host.raise(vector));
    }
  }

  note(event: NicEvent): void {
    this.#host.note(event);
  }
}

/**
 * A host whose interrupts do not all come in time, or at all: give it to `createNic` in place of the real one. For trying what a driver does
 * about it; hardware delays interrupts every day, and loses one when a vector is moved at the wrong moment.
 *
 * @throws RangeError when a delay has no `delayNs`, or a number is none.
 */
export function injectInterruptFaults(host: NicHost, faults: readonly InterruptFault[]): FaultyInterruptHost {
  for (const { action, nth, delayNs } of faults) {
    if (!(Number.isSafeInteger(nth) && nth >= 1)) throw new RangeError(`faults: there is no interrupt ${nth}`);
    if (action === 'delay' && !((delayNs ?? -1) >= 0)) throw new RangeError('faults: a delay needs delayNs');
  }
  return new FaultyHost(host, faults);
}
