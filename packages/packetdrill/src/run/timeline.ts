import type { PacketdrillHost, ScriptNetwork } from './host.ts';
import { decodeLive, type LivePacket } from './live-packet.ts';
import { answerNeighbour } from './neighbours.ts';

/** Rounds at one instant, or calls of `runUntil` that do not move the clock, after which the host is called stuck. */
const MAX_ROUNDS = 100_000;

/** Something that waits and is tried again whenever the host did something. */
export interface Waiter {
  /** When it stops waiting by itself, script time; Infinity for never. */
  readonly deadlineNs: number;
  retry(): void;
}

/** The host's clock and wire as a script sees them: time counts from its start, packets come in order and without the interface's own. */
export class Timeline {
  readonly #host: PacketdrillHost;
  readonly #network: ScriptNetwork;
  readonly #startNs: number;
  readonly #packets: LivePacket[] = [];
  /** Tried again after every step; null when nothing waits. */
  waiter: Waiter | null = null;

  constructor(host: PacketdrillHost, network: ScriptNetwork) {
    this.#host = host;
    this.#network = network;
    this.#startNs = host.nowNs;
  }

  /** Nanoseconds since the script started. */
  get nowNs(): number {
    return this.#host.nowNs - this.#startNs;
  }

  /** Packets that the stack sent and nobody took, oldest first. */
  get packets(): readonly LivePacket[] {
    return this.#packets;
  }

  takePacket(): LivePacket | null {
    return this.#packets.shift() ?? null;
  }

  inject(frame: Uint8Array): void {
    this.#host.inject(frame);
  }

  /** Lets everything happen that is due now. */
  settle(): void {
    for (let round = 0; ; round++) {
      this.#host.runUntil(this.#host.nowNs);
      if (!this.#collect()) break;
      if (round === MAX_ROUNDS) throw new Error('the host keeps asking for neighbours at one instant');
    }
    const { waiter } = this;
    waiter?.retry();
    // What the call did, a window update for example, happens at this instant too.
    if (waiter !== null && this.waiter === null) this.settle();
  }

  /** Moves on to script time `ns`, or until `enough` holds. */
  runTo(ns: number, enough: () => boolean): void {
    this.settle();
    let idle = 0;
    while (!enough() && this.nowNs < ns) {
      const before = this.nowNs;
      this.#host.runUntil(this.#startNs + Math.min(ns, Math.max(before, this.waiter?.deadlineNs ?? ns)));
      this.settle();
      idle = this.nowNs > before ? 0 : idle + 1;
      if (idle === MAX_ROUNDS) throw new Error(`the host's clock stands still at ${this.#host.nowNs} ns`);
    }
  }

  /** Takes what was sent; true when a neighbour was answered, so that the host has something to do. */
  #collect(): boolean {
    let answered = false;
    for (let frame = this.#host.takeTransmitted(); frame !== null; frame = this.#host.takeTransmitted()) {
      const answer = answerNeighbour(frame.bytes, this.#network);
      if (answer !== null) {
        this.#host.inject(answer);
        answered = true;
        continue;
      }
      const packet = decodeLive(frame, this.#startNs);
      if (packet !== null) this.#packets.push(packet);
    }
    return answered;
  }
}
