/** What the guest says while scenarios run, sorted by scenario. */
import type { CableFaults } from '@netmem/link';
import type { ConsoleEvent } from '../guest/console.ts';
import { isUnexpected, type KnownMessage, parseKernelMessage } from '../guest/kernel-log.ts';
import type { Transfer } from '../peer/transfers.ts';
import { type CardFigures, subtractFigures, UNTOUCHED } from './card-figures.ts';
import type { Scenario } from './scenarios.ts';

/** Lines of the console that are kept to show what went before a failure. */
const KEPT_LINES = 40;

/** A step of a scenario, in the guest's words. */
export interface Step {
  readonly ok: boolean;
  readonly text: string;
}

/** Somebody who looks on. */
export interface RunListener {
  /** A step of the scenario is done, well or not. */
  step(ok: boolean, text: string): void;
  /** Something worth a line. */
  remark(text: string): void;
  /** A line of the guest's console that is not for us. */
  console(line: string): void;
}

/** Counters and lists that grow over the life of a guest; two of these are a scenario's share. */
export interface Tally {
  readonly card: CardFigures;
  /** Processor time of this process: card, server and the machine at the other end. */
  readonly cpuSeconds: number;
  readonly cable: Readonly<CableFaults>;
  readonly transfers: readonly Transfer[];
  readonly cardEvents: readonly string[];
}

/** What was seen of one scenario. */
export interface Observed {
  readonly scenario: Scenario;
  readonly steps: Step[];
  readonly kernelComplaints: string[];
  /** Status of its script; null when it did not get that far. */
  status: number | null;
  readonly seconds: number;
  readonly tally: Tally;
}

const NOTHING: Tally = {
  card: UNTOUCHED,
  cpuSeconds: 0,
  cable: { lost: 0, reordered: 0, duplicated: 0, corrupted: 0 },
  transfers: [],
  cardEvents: [],
};

class Observation implements Observed {
  readonly scenario: Scenario;
  readonly steps: Step[] = [];
  readonly kernelComplaints: string[] = [];
  status: number | null = null;
  seconds = 0;
  tally: Tally;
  readonly #startedMs: number;
  readonly #before: Tally;

  constructor(scenario: Scenario, startedMs: number, before: Tally) {
    this.scenario = scenario;
    this.#startedMs = startedMs;
    this.#before = before;
    this.tally = before;
  }

  /** Its share is what came since it began. */
  end(now: Tally): void {
    const before = this.#before;
    this.seconds = (performance.now() - this.#startedMs) / 1000;
    this.tally = {
      card: subtractFigures(now.card, before.card),
      cpuSeconds: now.cpuSeconds - before.cpuSeconds,
      cable: subtractFigures(now.cable, before.cable),
      transfers: now.transfers.slice(before.transfers.length),
      cardEvents: now.cardEvents.slice(before.cardEvents.length),
    };
  }
}

/** Listens to one guest. */
export class Observations {
  /** How often the guest has booted. */
  boots = 0;
  /** Until its first process ran; null when it never did. */
  bootSeconds: number | null = null;
  /** The guest's last words before it switched itself off; null when it did not. */
  exitStatus: number | null = null;
  /** The console's last lines. */
  readonly lines: string[] = [];
  readonly #scenarios: readonly Scenario[];
  readonly #provoked: readonly KnownMessage[];
  readonly #listener: RunListener;
  readonly #tally: () => Tally;
  readonly #startedMs: number = performance.now();
  readonly #seen: Observation[] = [];

  /**
   * @param provoked - What the kernel may say whatever the scenario.
   * @param tally - Reads all counters as they are now.
   */
  constructor(
    scenarios: readonly Scenario[],
    provoked: readonly KnownMessage[],
    listener: RunListener,
    tally: () => Tally,
  ) {
    this.#scenarios = scenarios;
    this.#provoked = provoked;
    this.#listener = listener;
    this.#tally = tally;
  }

  /** Every scenario that began, in order. The last one takes what came up to now. */
  finish(): readonly Observed[] {
    const last = this.#seen.at(-1);
    if (last !== undefined) last.end(this.#tally());
    return this.#seen;
  }

  text(line: string): void {
    this.lines.push(line);
    if (this.lines.length > KEPT_LINES) this.lines.shift();
    this.#listener.console(line);
  }

  /** Takes note of a line for us. False: it is none of these, but something to do. */
  event({ word, rest }: ConsoleEvent): boolean {
    switch (word) {
      case 'boot':
        this.boots++;
        this.bootSeconds ??= (performance.now() - this.#startedMs) / 1000;
        this.#listener.remark(`Linux ${rest.split(' ')[0]} is up`);
        return true;
      case 'scenario':
        this.#begin(rest);
        return true;
      case 'ok':
      case 'fail':
        this.#seen.at(-1)?.steps.push({ ok: word === 'ok', text: rest });
        this.#listener.step(word === 'ok', rest);
        return true;
      case 'info':
        this.#listener.remark(rest);
        return true;
      case 'kernel':
        this.#kernelMessage(rest);
        return true;
      case 'status': {
        const last = this.#seen.at(-1);
        if (last !== undefined) last.status = Number(rest);
        return true;
      }
      case 'exit':
        this.exitStatus = Number(rest);
        return true;
      default:
        return false;
    }
  }

  /** A guest that was restarted begins the same one again: it goes on. */
  #begin(name: string): void {
    const last = this.#seen.at(-1);
    const scenario = this.#scenarios.find((one) => one.name === name);
    if (scenario === undefined || last?.scenario === scenario) return;
    const now = this.#tally();
    last?.end(now);
    // The first one has the boot, with all that the card did meanwhile.
    const observation =
      last === undefined
        ? new Observation(scenario, this.#startedMs, NOTHING)
        : new Observation(scenario, performance.now(), now);
    this.#seen.push(observation);
  }

  #kernelMessage(line: string): void {
    const message = parseKernelMessage(line);
    const last = this.#seen.at(-1);
    if (!isUnexpected(message, [...this.#provoked, ...(last?.scenario.provokes ?? [])])) return;
    last?.kernelComplaints.push(message.text);
    this.#listener.step(false, `kernel: ${message.text}`);
  }
}
