/** Runs a scenario in a guest: shows what the guest says, does what it asks for, and gathers what happened. */
import type { ConsoleEvent } from '../guest/console.ts';
import { isUnexpected, type KnownMessage, parseKernelMessage, provokedBy } from '../guest/kernel-log.ts';
import type { QemuEnd } from '../guest/qemu-process.ts';
import type { VmOptions } from '../options.ts';
import type { GuestKit } from '../setup/prepare.ts';
import { GuestSession, type GuestTask } from './guest-session.ts';
import { observePort } from './observe-port.ts';
import { isRefused, type Scenario, scenarioScript } from './scenarios.ts';
import { buildVmReport, type Observations, type VmReport } from './vm-report.ts';

/** Lines of the console that are kept to show what went before a failure. */
const KEPT_LINES = 40;
/** A udmabuf may have that many bytes by default, and the ring posts pages of it. */
const MEMORY_BYTES = 16 * 2 ** 20;

/** Somebody who looks on. */
export interface RunListener {
  /** A step of the scenario is done, well or not. */
  step(ok: boolean, text: string): void;
  /** Something worth a line. */
  remark(text: string): void;
  /** A line of the guest's console that is not for us. */
  console(line: string): void;
}

class ScenarioRun {
  readonly seen: Observations;
  readonly lines: string[] = [];
  session: GuestSession | null = null;
  readonly #provoked: readonly KnownMessage[];
  readonly #listener: RunListener;
  readonly #startedMs: number = performance.now();

  constructor(provoked: readonly KnownMessage[], listener: RunListener, seen: Observations) {
    this.#provoked = provoked;
    this.#listener = listener;
    this.seen = seen;
  }

  text(line: string): void {
    this.lines.push(line);
    if (this.lines.length > KEPT_LINES) this.lines.shift();
    this.#listener.console(line);
  }

  event({ word, rest }: ConsoleEvent): void {
    const { seen } = this;
    switch (word) {
      case 'boot':
        seen.boots++;
        seen.bootSeconds ??= (performance.now() - this.#startedMs) / 1000;
        seen.kernel = rest.split(' ')[0] ?? '';
        this.#listener.remark(`Linux ${seen.kernel} is up`);
        break;
      case 'ok':
      case 'fail':
        seen.steps.push({ ok: word === 'ok', text: rest });
        this.#listener.step(word === 'ok', rest);
        break;
      case 'info':
        this.#listener.remark(rest);
        break;
      case 'kernel':
        this.#kernelMessage(rest);
        break;
      case 'ask':
        // How often the guest has booted is all that a guest cannot know by itself.
        this.session?.qemu.type(`${seen.boots}\n`);
        break;
      case 'exit':
        seen.exitStatus = Number(rest);
        break;
      default:
        this.session?.request({ word, rest });
    }
  }

  #kernelMessage(line: string): void {
    const message = parseKernelMessage(line);
    if (!isUnexpected(message, this.#provoked)) return;
    this.seen.kernelComplaints.push(message.text);
    this.#listener.step(false, `kernel: ${message.text}`);
  }
}

function taskOf(scenario: Scenario, options: VmOptions): GuestTask {
  return {
    start: scenarioScript(scenario.name),
    settings: { MEMORY_BYTES, SCENARIO: scenario.name, BYTES: Math.min(options.bytes, scenario.bytesMax ?? Infinity) },
    share: null,
    extraMemoryMiB: 0,
    superFrames: scenario.superFrames ?? false,
    mayReboot: scenario.mayReboot ?? false,
  };
}

/** What ends a run before the guest does. */
export interface StopSignal {
  /** Settles with the reason when it is to end. */
  readonly stopped: Promise<string>;
}

/**
 * Runs a scenario to its end.
 *
 * @throws what {@link GuestSession.start} throws. The guest has ended when this settles, however it does.
 */
export async function runScenario(
  kit: GuestKit,
  scenario: Scenario,
  options: VmOptions,
  listener: RunListener,
  stop: StopSignal,
): Promise<VmReport> {
  const seen: Observations = {
    boots: 0,
    bootSeconds: null,
    kernel: '',
    steps: [],
    exitStatus: null,
    kernelComplaints: [],
    cardEvents: [],
  };
  const run = new ScenarioRun([...(scenario.provokes ?? []), ...provokedBy(options.faults)], listener, seen);
  const observed = observePort(options);
  const isPlain = Object.values(options.cable).every((value) => value === 0);
  const effective = isPlain && scenario.cable !== undefined ? { ...options, cable: scenario.cable } : options;
  const startedMs = performance.now();
  const watcher = {
    event: (event: ConsoleEvent) => run.event(event),
    text: (line: string) => run.text(line),
    card: (event: { kind: string; detail: string }) => seen.cardEvents.push(`${event.kind}: ${event.detail}`),
  };
  const session = await GuestSession.start(kit, effective, taskOf(scenario, effective), watcher, observed.wrap);
  run.session = session;
  let end: QemuEnd | null = null;
  let stopReason: string | null = null;
  let timer: NodeJS.Timeout | undefined;
  try {
    const timeout = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve(`not finished after --timeout ${options.timeout} s`), options.timeout * 1000);
    });
    const outcome = await Promise.race([session.ended, stop.stopped, timeout]);
    if (typeof outcome === 'string') stopReason = outcome;
    else end = outcome;
  } catch (error) {
    stopReason = (error as Error).message;
  } finally {
    clearTimeout(timer);
  }
  const seconds = (performance.now() - startedMs) / 1000;
  const findings = await session.close();
  const report = buildVmReport({
    scenario: scenario.name,
    expect: isRefused(scenario, kit.kernel.release) ? null : (scenario.expect ?? null),
    seed: options.seed,
    qemu: kit.qemu.version,
    release: kit.kernel.release,
    seen,
    end,
    stopReason,
    seconds,
    transfers: session.transfers.finished,
    card: session.server.function.stats,
    server: session.server.stats,
    cable: session.peer.cable.faults,
    cardFaults: session.faults.counts,
    peerFindings: findings,
    pcapPackets: observed.packets(),
    lastLines: run.lines,
  });
  observed.close();
  return report;
}
