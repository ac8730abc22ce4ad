import { type Difference, differences, judge, type Verdict } from './compare.ts';
import { runInKernel } from './kernel/run-in-kernel.ts';
import type { Wiring } from './known-differences.ts';
import { createCableStack, createLoStack } from './netmem/netmem-stack.ts';
import { runScenario, type Scenario } from './scenario-run.ts';
import type { StackUnderTest } from './stack.ts';
import type { Transcript } from './transcript.ts';

/** Our stack's ways to be wired. */
export const WIRINGS: Readonly<Record<Wiring, () => StackUnderTest>> = { cable: createCableStack, lo: createLoStack };

/** What our stack did in one scenario. */
export interface NetmemRun {
  readonly scenario: string;
  readonly wiring: Wiring;
  readonly transcript: Transcript;
  /** What was still held after everything was closed, as sentences. */
  readonly leftovers: readonly string[];
}

/** Runs scenarios on our stack, wired either way. */
export function runOnNetmem(scenarios: readonly Scenario[]): readonly NetmemRun[] {
  const wirings = Object.entries(WIRINGS) as [Wiring, () => StackUnderTest][];
  return scenarios.flatMap((scenario) =>
    wirings.map(([wiring, make]) => ({ scenario: scenario.id, wiring, ...runScenario(scenario, make()) })),
  );
}

/** Differences between our runs and the kernel's transcripts. */
export function compareRuns(
  runs: readonly NetmemRun[],
  kernel: Readonly<Record<string, Transcript>>,
): readonly Difference[] {
  return runs.flatMap(({ scenario, wiring, transcript }) =>
    differences(scenario, wiring, kernel[scenario] ?? [], transcript),
  );
}

/** How long the kernel is given after every call when it is asked a second time. */
const PATIENT_MS = 20;

/**
 * Judges our runs by the kernel. Where they disagree without being listed, the kernel is asked again and given more time: on a machine that is very busy
 * it may not have been done when it was looked at.
 *
 * @returns the verdict; or why the kernel cannot be asked.
 */
export async function judgeByKernel(
  runs: readonly NetmemRun[],
): Promise<
  | { readonly ok: true; readonly release: string; readonly verdict: Verdict }
  | { readonly ok: false; readonly reason: string }
> {
  const ids = new Set(runs.map(({ scenario }) => scenario));
  const kernel = await runInKernel([...ids], 0);
  if (!kernel.ok) return kernel;
  const { release } = kernel;
  const verdict = judge(compareRuns(runs, kernel.transcripts), release, ids);
  const doubtful = new Set([...verdict.unexplained, ...verdict.stale].map(({ scenario }) => scenario));
  if (doubtful.size === 0) return { ok: true, release, verdict };
  const patient = await runInKernel([...doubtful], PATIENT_MS);
  if (!patient.ok) return patient;
  const transcripts = { ...kernel.transcripts, ...patient.transcripts };
  return { ok: true, release, verdict: judge(compareRuns(runs, transcripts), release, ids) };
}
