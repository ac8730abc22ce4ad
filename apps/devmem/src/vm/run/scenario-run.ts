/** Runs scenarios, one after the other in one guest: shows what the guest says, does what it asks for, and gathers what happened. */
import type { CableFaultOptions } from '../../host/options.ts';
import type { ConsoleEvent } from '../guest/console.ts';
import { provokedBy } from '../guest/kernel-log.ts';
import type { QemuEnd } from '../guest/qemu-process.ts';
import type { VmOptions } from '../options.ts';
import type { GuestKit } from '../setup/prepare.ts';
import { cardFigures } from './card-figures.ts';
import { GuestSession, type GuestTask } from './guest-session.ts';
import { Observations, type RunListener, type Tally } from './observations.ts';
import { observePort } from './observe-port.ts';
import { type Scenario, scenarioScript } from './scenarios.ts';
import { buildVmReports, type VmReport } from './vm-report.ts';

/** A udmabuf may have that many bytes by default, and the ring posts pages of it. */
const MEMORY_BYTES = 16 * 2 ** 20;
const SCENARIO_FOLDER = '/run/devmem/scenarios';
const PERFECT: CableFaultOptions = { loss: 0, reorder: 0, duplicate: 0, corrupt: 0, delay: 0 };

/** Scenarios that can follow one another in a guest: they need the same cable, and leave things as they were. */
export function canShareGuest(scenario: Scenario): boolean {
  return !scenario.superFrames && !scenario.mayReboot && scenario.cable === undefined;
}

/** What init runs: each scenario in a shell of its own, its status, and what the kernel said meanwhile. */
function startScript(scenarios: readonly Scenario[], bytes: number): string {
  const lines = scenarios.flatMap(({ name, bytesMax }) => [
    `echo "@scenario ${name}"`,
    `BYTES=${Math.min(bytes, bytesMax ?? Number.POSITIVE_INFINITY)} sh ${SCENARIO_FOLDER}/${name}`,
    'echo "@status $?"',
    'report_kernel_log',
  ]);
  return `. /devmem/functions\n${lines.join('\n')}\n`;
}

function taskOf(scenarios: readonly Scenario[], options: VmOptions): GuestTask {
  const scripts = scenarios.map(({ name }) => [`${SCENARIO_FOLDER}/${name}`, scenarioScript(name)] as const);
  return {
    start: startScript(scenarios, options.bytes),
    files: new Map(scripts),
    settings: { MEMORY_BYTES },
    share: null,
    extraMemoryMiB: 0,
    superFrames: scenarios.some(({ superFrames }) => superFrames),
    mayReboot: scenarios.some(({ mayReboot }) => mayReboot),
  };
}

function cpuSecondsSince(began: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(began);
  return (user + system) / 1e6;
}

/** What ends a run before the guest does. */
export interface StopSignal {
  /** Settles with the reason when it is to end. */
  readonly stopped: Promise<string>;
}

/** The guest's end; or why the run was over before, as a sentence. */
async function outcomeOf(session: GuestSession, seconds: number, stop: StopSignal): Promise<QemuEnd | string> {
  let timer: NodeJS.Timeout | undefined;
  try {
    const timeout = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve(`not finished after --timeout ${seconds} s`), seconds * 1000);
    });
    return await Promise.race([session.ended, stop.stopped, timeout]);
  } catch (error) {
    return (error as Error).message;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Runs scenarios to their end, in the order given. Several have to be such as {@link canShareGuest}.
 *
 * @returns a report for each.
 * @throws what {@link GuestSession.start} throws. The guest has ended when this settles, however it does.
 */
export async function runScenarios(
  kit: GuestKit,
  scenarios: readonly Scenario[],
  options: VmOptions,
  listener: RunListener,
  stop: StopSignal,
): Promise<VmReport[]> {
  const observed = observePort(options);
  const isPerfect = Object.values(options.cable).every((value) => value === 0);
  const cable = isPerfect ? (scenarios[0]?.cable ?? PERFECT) : options.cable;
  const cardEvents: string[] = [];
  let session: GuestSession | null = null;
  const began = process.cpuUsage();
  const tally = (): Tally => {
    const { server, peer, transfers } = session as GuestSession;
    return {
      card: cardFigures(server.function.stats, server.stats),
      cpuSeconds: cpuSecondsSince(began),
      cable: { ...peer.cable.faults },
      transfers: [...transfers.finished],
      cardEvents: [...cardEvents],
    };
  };
  const seen = new Observations(scenarios, provokedBy(options.faults), listener, tally);
  const watcher = {
    text: (line: string) => seen.text(line),
    event: (event: ConsoleEvent) => {
      // How often it has booted is all that a guest cannot know by itself.
      if (event.word === 'ask') session?.qemu.type(`${seen.boots}\n`);
      else if (!seen.event(event)) session?.request(event);
    },
    card: ({ kind, detail }: { kind: string; detail: string }) => cardEvents.push(`${kind}: ${detail}`),
  };
  const startedMs = performance.now();
  session = await GuestSession.start(kit, { ...options, cable }, taskOf(scenarios, options), watcher, observed.wrap);
  const outcome = await outcomeOf(session, options.timeout * scenarios.length, stop);
  const findings = await session.close();
  const reports = buildVmReports({
    scenarios,
    seed: options.seed,
    qemu: kit.qemu.version,
    release: kit.kernel.release,
    seen,
    outcome,
    seconds: (performance.now() - startedMs) / 1000,
    cardFaults: session.faults.counts,
    peerFindings: findings,
    pcapPackets: observed.packets(),
  });
  observed.close();
  return reports;
}
