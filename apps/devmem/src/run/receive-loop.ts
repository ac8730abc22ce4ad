/** The receiver's loop: the network and the application in turn, never an unbounded wait, and an end to every run. */
import { writeSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Environment } from '../host/environment.ts';
import { describeState } from '../host/state-dump.ts';

/** A run in which bytes should come ends when none came for this long. */
export const STALL_SECONDS = 10;
const PROGRESS_MS = 100;
/** Between two looks at the event loop, which cost as much as receiving a frame: nothing there is more urgent. */
const TURN_MS = 5;
/** Rounds for what is on its way when all is over. */
const LAST_ROUNDS = 64;
/** How long the last ACKs and the sender's farewell may take after the last byte. */
const LINGER_MS = 2_000;
const STDERR_FD = 2;

/** What runs beside the network. */
export interface Application {
  /** Does what can be done without waiting; true if anything was. */
  service(): boolean;
  readonly finished: boolean;
  /** Bytes so far: what progress is measured by. */
  readonly bytes: number;
  /** Nobody owes us bytes now. */
  readonly waiting: boolean;
}

/** Moves an environment and an application on. */
export class ReceiveLoop {
  readonly #environment: Environment;
  readonly #application: Application;
  readonly #progress: (bytes: number) => void;
  #stopReason: string | null = null;
  #movedMs: number = performance.now();
  #movedBytes = 0;
  #toldMs = 0;

  constructor(environment: Environment, application: Application, progress: (bytes: number) => void) {
    this.#environment = environment;
    this.#application = application;
    this.#progress = progress;
  }

  /** Why the run was ended from outside, or for want of bytes; null when it was not. */
  get stopReason(): string | null {
    return this.#stopReason;
  }

  stop(reason: string): void {
    this.#stopReason ??= reason;
  }

  /** Until the application has finished or the loop was stopped. */
  async run(): Promise<void> {
    let turnMs = performance.now();
    while (this.#stopReason === null && !this.#application.finished) {
      if (!this.#round()) this.#environment.wait();
      const nowMs = performance.now();
      if (nowMs - turnMs < TURN_MS) continue;
      turnMs = nowMs;
      await nextTurn();
      this.#watch(nowMs);
    }
  }

  /** After the last byte: on for a little while, until `settled`, and what is on its way by then. */
  async linger(settled: () => boolean): Promise<void> {
    const deadline = performance.now() + LINGER_MS;
    while (performance.now() < deadline && !settled()) {
      if (!this.#round()) this.#environment.wait();
      await nextTurn();
    }
    for (let round = 0; round < LAST_ROUNDS && this.#environment.step(); round++);
  }

  #round(): boolean {
    const moved = this.#environment.step();
    return this.#application.service() || moved;
  }

  #watch(now: number): void {
    const { bytes, waiting } = this.#application;
    if (now - this.#toldMs >= PROGRESS_MS) {
      this.#toldMs = now;
      this.#progress(bytes);
    }
    if (bytes !== this.#movedBytes || waiting) {
      this.#movedBytes = bytes;
      this.#movedMs = now;
    } else if (now - this.#movedMs > STALL_SECONDS * 1000) {
      writeSync(STDERR_FD, `${describeState(this.#environment.host)}\n`);
      this.stop(`no byte came for ${STALL_SECONDS} s`);
    }
  }
}
