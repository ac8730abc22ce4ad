/** A stretch of bad cable between a card and a TAP. */
import { type Cable, type CableFaults, type CableOptions, createCable, type LinkClock, type Port } from '@netmem/link';

/** Frames in each direction before the card gets its turn. */
const FRAMES_PER_STEP = 64;

/** Moves frames from one port to another; one that is refused waits. */
class Carrier {
  readonly #from: Port;
  readonly #to: Port;
  #waiting = 0;

  constructor(from: Port, to: Port) {
    this.#from = from;
    this.#to = to;
  }

  step(): boolean {
    for (let moved = 0; moved < FRAMES_PER_STEP; moved++) {
      const slot = this.#waiting === 0 ? this.#from.receive() : this.#waiting;
      this.#waiting = slot === 0 || this.#to.transmit(slot) ? 0 : slot;
      if (slot === 0 || this.#waiting !== 0) return moved > 0;
    }
    return true;
  }
}

/** The card is plugged into {@link PatchedTap.port}; the TAP is at the other end of a cable. */
export class PatchedTap {
  readonly #cable: Cable;
  readonly #in: Carrier;
  readonly #out: Carrier;

  /** @throws RangeError when an option of the cable is out of its range. */
  constructor(tap: Port, clock: LinkClock, options: CableOptions) {
    const { slots, mtu, superFrames = false } = tap;
    this.#cable = createCable(slots, clock, { mtu, superFrames, ...options });
    this.#in = new Carrier(tap, this.#cable.b);
    this.#out = new Carrier(this.#cable.b, tap);
  }

  get port(): Port {
    return this.#cable.a;
  }

  get faults(): Readonly<CableFaults> {
    return this.#cable.faults;
  }

  /** One round; true if any frame moved. */
  step(): boolean {
    const came = this.#in.step();
    const delivered = this.#cable.step();
    return this.#out.step() || delivered || came;
  }
}
