import type { DeviceClock, DeviceDma, NicEvent, NicFunction, NicHost } from '../host.ts';

const DELAY_MAX_NS_DEFAULT = 20_000;

/** A host that sits between a card and a real one and lets time pass. */
export interface DelayedHost extends NicHost {
  /** Give the driver this in place of the card: its register writes arrive late. */
  attach<F extends NicFunction>(nic: F): NicFunction;
  /** Writes under way. */
  readonly writesUnderWay: number;
}

interface Write {
  readonly dueNs: number;
  readonly bar: number;
  readonly offset: number;
  readonly size: number;
  readonly value: number;
}

class Delayed implements DelayedHost {
  readonly dma: DeviceDma;
  readonly clock: DeviceClock;
  readonly #host: NicHost;
  readonly #maxNs: number;
  readonly #writes: Write[] = [];
  #state: number;
  #lastDueNs = 0;

  constructor(host: NicHost, seed: number, maxNs: number) {
    this.#host = host;
    this.dma = host.dma;
    this.clock = host.clock;
    this.#maxNs = maxNs;
    // xorshift never leaves 0.
    this.#state = seed | 0 || 0x9e3779b9;
  }

  get writesUnderWay(): number {
    return this.#writes.length;
  }

  raise(vector: number): void {
    this.clock.schedule(this.clock.nowNs + this.#delay(), () => this.#host.raise(vector));
  }

  note(event: NicEvent): void {
    this.#host.note(event);
  }

  attach<F extends NicFunction>(nic: F): NicFunction {
    return {
      pci: nic.pci,
      // A read on PCI pushes the writes before it.
      barRead: (bar, offset, size) => {
        this.#deliver(nic, Number.POSITIVE_INFINITY);
        return nic.barRead(bar, offset, size);
      },
      barWrite: (bar, offset, size, value) => {
        // Posted writes arrive late but in order.
        const dueNs = Math.max(this.#lastDueNs, this.clock.nowNs + this.#delay());
        this.#lastDueNs = dueNs;
        this.#writes.push({ dueNs, bar, offset, size, value });
        this.clock.schedule(dueNs, () => this.#deliver(nic, this.clock.nowNs));
      },
      run: (budget) => nic.run(budget),
      reset: () => {
        this.#writes.length = 0;
        nic.reset();
      },
    };
  }

  #deliver(nic: NicFunction, untilNs: number): void {
    for (let write = this.#writes[0]; write !== undefined && write.dueNs <= untilNs; write = this.#writes[0]) {
      this.#writes.shift();
      nic.barWrite(write.bar, write.offset, write.size, write.value);
    }
  }

  #delay(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) % (this.#maxNs + 1);
  }
}

/**
 * Delays every register write and every interrupt by a random time, as a bus, a vfio-user socket or a busy hypervisor may.
 * Writes keep their order, and a register read pushes the writes before it; nothing else is promised. A driver that works
 * on a host and not on this one counts on a doorbell being served when the write returns.
 *
 * ```ts
 * import { createNic } from '@netmem/vnic';
 * import { createDelayedHost } from '@netmem/vnic/mock';
 *
 * const delayed = createDelayedHost(host, 7);
 * const endpoint = delayed.attach(createNic(delayed, { port, memory }));
 * ```
 *
 * @param seed - Decides every delay.
 * @param maxDelayNs - Longest delay; default 20 µs.
 */
export function createDelayedHost(host: NicHost, seed: number, maxDelayNs: number = DELAY_MAX_NS_DEFAULT): DelayedHost {
  return new Delayed(host, seed, maxDelayNs);
}
