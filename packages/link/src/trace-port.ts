import type { FrameSlots } from './frame-slots.ts';
import type { Port, PortStats } from './port.ts';

/**
 * `'transmit'`: the frame is about to be handed to the port. `'refused'`: the port was full, the frame came back. `'receive'`: the frame came in.
 */
export type FrameEvent = 'transmit' | 'refused' | 'receive';

/** Looks at a frame, and may copy it; it must neither change nor keep the slot. */
export type FrameListener = (event: FrameEvent, slots: FrameSlots, slot: number) => void;

class TracedPort implements Port {
  readonly #port: Port;
  readonly #listener: FrameListener;

  constructor(port: Port, listener: FrameListener) {
    this.#port = port;
    this.#listener = listener;
  }

  get slots(): FrameSlots {
    return this.#port.slots;
  }

  get mtu(): number {
    return this.#port.mtu;
  }

  get linkUp(): boolean {
    return this.#port.linkUp;
  }

  get superFrames(): boolean {
    return this.#port.superFrames === true;
  }

  get stats(): PortStats {
    return this.#port.stats;
  }

  transmit(slot: number): boolean {
    // Before, not after: once the port has taken the slot, its bytes may be somebody else's.
    this.#listener('transmit', this.#port.slots, slot);
    if (this.#port.transmit(slot)) return true;
    this.#listener('refused', this.#port.slots, slot);
    return false;
  }

  receive(): number {
    const slot = this.#port.receive();
    if (slot !== 0) this.#listener('receive', this.#port.slots, slot);
    return slot;
  }
}

/** A port that does what `port` does and shows every frame to `listener`. See `describeFrame` for a line of text. */
export function tracePort(port: Port, listener: FrameListener): Port {
  return new TracedPort(port, listener);
}
