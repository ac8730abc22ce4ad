/**
 * The port of a host that relives a recording. Frames come at their recorded times, and in the recorded order of question and answer: what the client
 * sent after the host had answered does not come before this host has answered too, or has nothing left to do. Without that a virtual clock, on which
 * all of a fast transfer may happen at one instant, would pour everything into the card at once.
 */
import type { FrameSlots, LinkClock, Port, PortStats } from '@netmem/link';
import { createReplayPort, type ReplayPort } from '@netmem/pcap';
import { AnswerAlignment } from './answer-alignment.ts';
import type { RecordedFrame, Recording } from './recording.ts';

/** Frames that come without an answer in between, where the recording has no answers: fewer than a card has buffers. */
const LONGEST_BURST = 256;

/** A recording as a port. */
export class PacedPort implements Port {
  readonly slots: FrameSlots;
  readonly #replay: ReplayPort;
  readonly #frames: readonly RecordedFrame[];
  readonly #alignment: AnswerAlignment;
  #next = 0;
  #burst = 0;
  /** Frames that our host has sent, or has been taken to have sent. */
  #sent = 0;
  #isHolding = false;
  #isOpen = false;
  /** How often the next frame came only because the host had nothing left to do. */
  pauses: number = 0;

  constructor(slots: FrameSlots, recording: Recording, port: number, clock: LinkClock, mtu: number) {
    const startNs = recording.startNs ?? undefined;
    this.slots = slots;
    this.#frames = recording.frames;
    this.#replay = createReplayPort(slots, recording.frames, {
      clock,
      mtu,
      ...(startNs === undefined ? {} : { startNs }),
    });
    this.#alignment = new AnswerAlignment(port, recording.streams);
  }

  get mtu(): number {
    return this.#replay.mtu;
  }

  get linkUp(): boolean {
    return this.#replay.linkUp;
  }

  get stats(): PortStats {
    return this.#replay.stats;
  }

  /** All frames have come. */
  get finished(): boolean {
    return this.#replay.finished;
  }

  /** Frames whose acknowledgment or timestamp was not what it had been. */
  get aligned(): number {
    return this.#alignment.changed;
  }

  /** The host is ready: before, it would miss what comes. */
  open(): void {
    this.#isOpen = true;
  }

  transmit(slot: number): boolean {
    this.#sent++;
    this.#burst = 0;
    this.#alignment.sent(this.slots, slot);
    return this.#replay.transmit(slot);
  }

  receive(): number {
    const frame = this.#frames[this.#next];
    if (frame === undefined || !this.#isOpen) return 0;
    if (frame.after > this.#sent || this.#burst === LONGEST_BURST) {
      this.#isHolding = true;
      return 0;
    }
    const slot = this.#replay.receive();
    if (slot === 0) return 0;
    this.#next++;
    this.#burst++;
    this.#alignment.receive(this.slots, slot);
    return slot;
  }

  /** The host has nothing left to do: lets the frames come that were held for its answer. False when none were. */
  release(): boolean {
    if (!this.#isHolding) return false;
    this.#isHolding = false;
    this.#burst = 0;
    this.#sent = Math.max(this.#sent, this.#frames[this.#next]?.after ?? 0);
    this.pauses++;
    return true;
  }
}
