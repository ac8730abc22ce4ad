import type { FrameSlots, Port, PortStats } from '@netmem/link';
import { DIRECTION_INBOUND, DIRECTION_OUTBOUND } from './captured-packet.ts';
import type { PcapngWriter } from './pcapng-writer.ts';

/** Says something about a frame, or null. It must neither change nor keep the slot; `direction` is one of the DIRECTION_ constants. */
export type FrameComment = (direction: number, slots: FrameSlots, slot: number) => string | null;

/** How a port is captured. */
export interface CaptureOptions {
  /** The interface's name in the file. */
  name: string;
  /** Where times come from: the machine's clock. */
  clock: { readonly nowNs: number };
  description?: string;
  /** Bytes kept of each frame; 0, the default, keeps all. */
  snapLength?: number;
  /** Seconds from 1970 to the clock's 0. Default 0: a virtual clock's captures begin in 1970. */
  epochSeconds?: number;
  /** A comment for each frame, such as {@link commentHeaderSplit}. Default: none. */
  comment?: FrameComment;
}

/** A port that is being captured. */
export interface CapturingPort extends Port {
  /** The port's number in the file. */
  readonly interfaceId: number;
  /** False to let frames pass unseen for a while. */
  capturing: boolean;
}

class PcapPort implements CapturingPort {
  readonly interfaceId: number;
  capturing: boolean = true;
  readonly #port: Port;
  readonly #writer: PcapngWriter;
  readonly #clock: { readonly nowNs: number };
  readonly #comment: FrameComment | null;

  constructor(port: Port, writer: PcapngWriter, options: CaptureOptions) {
    this.#port = port;
    this.#writer = writer;
    this.#clock = options.clock;
    this.#comment = options.comment ?? null;
    const { clock: _clock, comment: _comment, ...description } = options;
    this.interfaceId = writer.addInterface(description);
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

  get stats(): PortStats {
    return this.#port.stats;
  }

  get superFrames(): boolean {
    return this.#port.superFrames === true;
  }

  transmit(slot: number): boolean {
    if (!this.capturing) return this.#port.transmit(slot);
    // Before, not after: once the port has taken the slot, its bytes may be somebody else's.
    const position = this.#record(DIRECTION_OUTBOUND, slot);
    if (this.#port.transmit(slot)) return true;
    this.#writer.withdraw(position);
    return false;
  }

  receive(): number {
    const slot = this.#port.receive();
    if (slot !== 0 && this.capturing) this.#record(DIRECTION_INBOUND, slot);
    return slot;
  }

  #record(direction: number, slot: number): number {
    const { slots } = this.#port;
    const comment = this.#comment === null ? null : this.#comment(direction, slots, slot);
    return this.#writer.writeFrame(
      this.interfaceId,
      this.#clock.nowNs,
      slots.region.bytes,
      slots.address(slot),
      slots.length[slot],
      direction,
      slots.queue[slot],
      comment,
    );
  }
}

/**
 * A port that does what `port` does and writes every frame that passes it to a capture, with its time, direction and queue.
 *
 * A frame that the port refuses is not in the capture; one that it takes and drops is, as on a real machine. Frames are written as they
 * are in their slots: one that is still to be cut or to get its checksum (`gsoType`, `FRAME_NEEDS_CSUM`) looks too long or wrong in a
 * viewer, as it does when captured on a machine whose card does that work.
 *
 * @example
 * ```ts
 * const writer = new PcapngWriter({ application: 'my test' });
 * const port = capturePort(cable.a, writer, { name: 'eth0', clock, comment: commentHeaderSplit });
 * const host = createHost({ port, memory, clock });
 * writeFileSync('trace.pcapng', writer.toBytes());
 * ```
 * @throws RangeError when the snap length or the epoch is no integer in range.
 */
export function capturePort(port: Port, writer: PcapngWriter, options: CaptureOptions): CapturingPort {
  return new PcapPort(port, writer, options);
}
