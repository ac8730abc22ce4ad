/** `--pcap`: a pcapng file of what the card's port saw. */
import { closeSync, openSync, writeSync } from 'node:fs';
import type { Host } from '@netmem/lab';
import { type FrameSlots, GSO_NONE, type Port } from '@netmem/link';
import type { Clock } from '@netmem/machine';
import { capturePort, DIRECTION_INBOUND, PcapngWriter } from '@netmem/pcap';
import { Dissection, dissect } from '@netmem/wire';
import { CommandError, EXIT } from '../exit-codes.ts';
import { RxPlacement, splitAt } from './rx-placement.ts';

/** What the file says wrote it; a replay trusts the times of such files to be the host's own. */
export const CAPTURE_APPLICATION = 'devmem';
const FLUSH_BYTES = 1 << 20;

/** A capture that is being written. */
export class CaptureFile {
  readonly #fd: number;
  readonly #writer: PcapngWriter = new PcapngWriter({ application: CAPTURE_APPLICATION });
  readonly #frame: Dissection = new Dissection();
  #placement: RxPlacement | null = null;
  #written = 0;

  /** @throws CommandError (usage) when the file cannot be written. */
  constructor(path: string) {
    try {
      this.#fd = openSync(path, 'w');
    } catch (error) {
      throw new CommandError(EXIT.usage, `error: --pcap ${path}: ${(error as NodeJS.ErrnoException).code}`);
    }
  }

  get packets(): number {
    return this.#writer.packets;
  }

  /** The port to give to the card instead. Times are the clock's: from 0 on a virtual one, real dates on a real one. */
  wrap(port: Port, clock: Clock): Port {
    const epochSeconds = clock.virtual ? 0 : Math.round(performance.timeOrigin / 1000);
    return capturePort(port, this.#writer, {
      name: 'eth0',
      clock,
      epochSeconds,
      comment: (direction, slots, slot) => this.#describe(direction, slots, slot),
    });
  }

  /** Takes note of rules and RSS as they are now, so that packets from here on show their queue. Call it from process context. */
  learn(host: Host): void {
    this.#placement = new RxPlacement(host);
  }

  close(): void {
    this.#flush();
    closeSync(this.#fd);
  }

  #describe(direction: number, slots: FrameSlots, slot: number): string {
    if (this.#writer.bytesWritten - this.#written > FLUSH_BYTES) this.#flush();
    const { bytes, view } = slots.region;
    const at = slots.address(slot);
    const frame = this.#frame;
    dissect(view, at, slots.length[slot], frame);
    const split = splitAt(frame, at);
    const gso = slots.gsoType[slot] === GSO_NONE ? '' : `, gso ${slots.gsoSize[slot]}`;
    const payload =
      split === 0 ? 'not split' : `headers ${split}, payload ${frame.l4At + frame.l4Length - frame.payloadAt}`;
    if (direction !== DIRECTION_INBOUND) return `tx, ${payload}${gso}`;
    const queue = this.#placement === null ? '?' : this.#placement.queueOf(view, bytes, frame);
    return `rx queue ${queue}, ${payload}${gso}`;
  }

  #flush(): void {
    const bytes = this.#writer.take();
    writeSync(this.#fd, bytes);
    this.#written += bytes.length;
  }
}
