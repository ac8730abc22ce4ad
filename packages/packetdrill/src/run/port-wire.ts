import { completeChecksum, createScriptedPort, FrameSlots, type ScriptedPort } from '@netmem/link';
import { LinearMemory } from '@netmem/region';
import type { TransmittedFrame } from './host.ts';

const SLOT_COUNT = 512;
/** Room for a frame of the usual MTU with its Ethernet header, rounded up. */
const SLOT_BYTES = 2048;
const ROOM_BYTES = 4096;

/** How a {@link PortWire} is made. */
export interface PortWireOptions {
  /** Where the frame slots lie; the stack's own memory, if it wants them there. Default: one of their own. */
  readonly memory?: LinearMemory;
  /** Default 1500. */
  readonly mtu?: number;
  /** Default 2048; more for a larger MTU. */
  readonly slotBytes?: number;
}

/** The wire of a host whose stack ends in a port of `@netmem/link`: gives the stack that port, and the script its frames. */
export class PortWire {
  /** Plug the stack's card in here. */
  readonly port: ScriptedPort;

  constructor(options: PortWireOptions = {}) {
    const slotBytes = options.slotBytes ?? SLOT_BYTES;
    const memory = options.memory ?? new LinearMemory(SLOT_COUNT * slotBytes + ROOM_BYTES);
    this.port = createScriptedPort(new FrameSlots(memory, { count: SLOT_COUNT, slotBytes }), {
      mtu: options.mtu ?? 1500,
    });
  }

  /** Whether a frame waits for {@link takeTransmitted}. */
  get hasTransmitted(): boolean {
    return this.port.transmitted > 0;
  }

  /** As `PacketdrillHost.inject`. Throws RangeError when the frame is longer than a slot, or none is left: the stack does not receive. */
  inject(frame: Uint8Array): void {
    if (!this.port.push(frame)) throw new RangeError(`no slot for a frame of ${frame.length} bytes`);
  }

  /** As `PacketdrillHost.takeTransmitted`, with a checksum that the card left to do done. @param nowNs - The host's clock. */
  takeTransmitted(nowNs: number): TransmittedFrame | null {
    const slot = this.port.takeSlot();
    if (slot === 0) return null;
    const { slots } = this.port;
    completeChecksum(slots, slot);
    const bytes = slots.copyOf(slot);
    slots.release(slot);
    return { bytes, timeNs: nowNs };
  }
}
