import { relative } from 'node:path';
import fc from 'fast-check';
import { expect } from 'vitest';

/** `SEED:PATH` of one run, as a failure prints it. */
const REPLAY = 'TCP_REPLAY';
/** Runs of each property instead of the few that a test has time for. */
const RUNS = 'TCP_RUNS';

/** What a property may take: a night's runs need one. */
export const PATIENCE_MS: number = process.env[RUNS] === undefined ? 120_000 : 12 * 3_600_000;

/** A gate says the same of the same commit: there, plans are the same each time. */
const GATE_SEED = 20_261_128;
const SEEDED = process.env.CI === undefined ? {} : { seed: GATE_SEED };

/**
 * Checks that `run` throws for no plan: `runs` of them, other ones each time but in CI. A failure is made small and ends with the command that
 * repeats it.
 */
export function expectForAny<Plan>(plans: fc.Arbitrary<Plan>, runs: number, run: (plan: Plan) => void): void {
  const [seed, path] = process.env[REPLAY]?.split(/:(.*)/s) ?? [];
  const details = fc.check(
    fc.property(plans, (plan) => run(plan)),
    seed === undefined
      ? { ...SEEDED, numRuns: Number(process.env[RUNS] ?? runs) }
      : { seed: Number(seed), ...(path === undefined ? {} : { path }), endOnFailure: true },
  );
  if (!details.failed) return;
  const { testPath = '', currentTestName = '' } = expect.getState();
  const file = relative(process.cwd(), testPath);
  const name = currentTestName.split(' > ').at(-1);
  throw new Error(
    `${fc.defaultReportMessage(details)}\n\nAgain: ` +
      `${REPLAY}=${details.seed}:${details.counterexamplePath ?? ''} npx vitest run --project unit ${file} -t '${name}'`,
    { cause: details.errorInstance },
  );
}
