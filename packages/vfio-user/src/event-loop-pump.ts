import { processTimeNs } from './device-clock.ts';

/** What runs in rounds: a device, a simulated machine, a cable with a clock. */
export interface Pumped {
  /** Does what there is to do now; true if anything was done. */
  step(): boolean;
  /** When there is something to do at the latest, in the pump's time; Infinity or absent: not by itself. */
  readonly nextDeadlineNs?: number;
}

/** What a pump is made from. */
export interface EventLoopPumpOptions {
  /** The time that deadlines are in. Default {@link processTimeNs}. */
  readonly nowNs?: () => number;
  /** Gets what a participant throws; the pump has stopped then. Default: it is thrown from the event loop. */
  readonly onError?: (error: unknown) => void;
}

/** How long rounds go on before the event loop gets its turn, for sockets, signals and timers of others. */
const TURN_NS = 2_000_000;
/** The longest sleep that a timer of the platform can be set to. */
const SLEEP_MS_MAX = 0x7fff_ffff;

/**
 * Runs its participants from Node's event loop: in rounds while anyone has something to do, and not at all while nobody has.
 * It sleeps until it is woken or a deadline comes; it never spins. Deadlines are met to the millisecond, as the platform's timers are.
 *
 * Participants of one pump see each other's work in the same turn: put the machine at the other end of a cable into the pump
 * of the device, and a frame needs no wake-up.
 */
export class EventLoopPump {
  /** Rounds made. */
  rounds = 0;
  readonly #nowNs: () => number;
  readonly #onError: ((error: unknown) => void) | undefined;
  readonly #participants: Pumped[] = [];
  readonly #turn: () => void;
  #immediate: NodeJS.Immediate | null = null;
  #timer: NodeJS.Timeout | null = null;
  #timerAtNs: number = Number.POSITIVE_INFINITY;
  #stopped = false;

  constructor(options: EventLoopPumpOptions = {}) {
    this.#nowNs = options.nowNs ?? processTimeNs;
    this.#onError = options.onError;
    this.#turn = () => {
      this.#immediate = null;
      this.#run();
    };
  }

  /** Adds a participant, behind those that are there. */
  join(participant: Pumped): void {
    if (!this.#participants.includes(participant)) this.#participants.push(participant);
    this.wake();
  }

  leave(participant: Pumped): void {
    const at = this.#participants.indexOf(participant);
    if (at >= 0) this.#participants.splice(at, 1);
  }

  /** There is something to do for somebody. Costs next to nothing when that is known already. */
  wake(): void {
    if (this.#immediate === null && !this.#stopped) this.#immediate = setImmediate(this.#turn);
  }

  /** Ends it; nothing runs any more. */
  stop(): void {
    this.#stopped = true;
    if (this.#immediate !== null) clearImmediate(this.#immediate);
    this.#immediate = null;
    this.#sleepUntil(Number.POSITIVE_INFINITY);
  }

  #run(): void {
    const end = this.#nowNs() + TURN_NS;
    let busy = true;
    try {
      while (busy && !this.#stopped && this.#nowNs() < end) busy = this.#round();
    } catch (error) {
      this.stop();
      if (this.#onError === undefined) throw error;
      this.#onError(error);
      return;
    }
    if (this.#stopped) return;
    if (busy) {
      this.wake();
      return;
    }
    let next = Number.POSITIVE_INFINITY;
    for (const { nextDeadlineNs } of this.#participants) {
      if (nextDeadlineNs !== undefined && nextDeadlineNs < next) next = nextDeadlineNs;
    }
    this.#sleepUntil(next);
  }

  #round(): boolean {
    this.rounds++;
    let busy = false;
    const participants = this.#participants;
    for (let i = 0; i < participants.length; i++) if (participants[i].step()) busy = true;
    return busy;
  }

  /** Keeps a timer that is early enough: setting one anew in every turn would be its main cost. */
  #sleepUntil(atNs: number): void {
    if (this.#timer !== null) {
      if (this.#timerAtNs <= atNs && atNs !== Number.POSITIVE_INFINITY) return;
      clearTimeout(this.#timer);
      this.#timer = null;
    }
    this.#timerAtNs = atNs;
    if (atNs === Number.POSITIVE_INFINITY) return;
    const ms = Math.ceil((atNs - this.#nowNs()) / 1e6);
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        this.wake();
      },
      Math.min(Math.max(ms, 1), SLEEP_MS_MAX),
    );
  }
}
