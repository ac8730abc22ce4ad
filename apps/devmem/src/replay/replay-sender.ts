/** A recording as the sender: everything it will ever send is known before. */
import type { Clock } from '@netmem/machine';
import type { SenderControl } from '../rx/sender.ts';
import type { PacedPort } from './paced-port.ts';
import type { Recording } from './recording.ts';

/** Virtual time that the host gets after the last frame. */
const GRACE_NS = 1e9;

/** Sees a replay to its end. */
export class ReplaySender implements SenderControl {
  readonly connections: number;
  readonly total: number;
  readonly error: null = null;
  readonly cpuSeconds: number = 0;
  readonly #recording: Recording;
  readonly #port: PacedPort;
  readonly #clock: Clock;
  #lastNs: number | null = null;

  constructor(recording: Recording, port: PacedPort, clock: Clock) {
    this.connections = recording.streams.length;
    this.total = recording.streams.reduce((total, stream) => total + stream.length, 0);
    this.#recording = recording;
    this.#port = port;
    this.#clock = clock;
    port.open();
  }

  /** Notes when the last frame came. */
  service(): boolean {
    if (this.#lastNs === null && this.#port.finished) this.#lastNs = this.#clock.nowNs;
    return false;
  }

  get done(): boolean {
    return this.#lastNs !== null && this.#clock.nowNs >= this.#lastNs + GRACE_NS;
  }

  digestOf(port: number, nth: number): string | null {
    return this.#recording.streams.filter((stream) => stream.port === port)[nth]?.digest ?? null;
  }

  close(): void {}
}
