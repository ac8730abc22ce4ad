import { beforeAll, describe, expect, it } from 'vitest';
import { differenceText } from '../src/compare.ts';
import { judgeByKernel, type NetmemRun, runOnNetmem } from '../src/run-all.ts';
import { SCENARIOS } from '../src/scenarios/index.ts';

const TIMEOUT_MS = 240_000;
let runs: readonly NetmemRun[] = [];

beforeAll(() => {
  runs = runOnNetmem(SCENARIOS);
}, TIMEOUT_MS);

describe('one test body, two stacks', () => {
  it('our stack, over a cable and over lo, does what the kernel does, but for what is listed', {
    timeout: TIMEOUT_MS,
  }, async (context) => {
    const judged = await judgeByKernel(runs);
    if (!judged.ok) {
      console.warn(`not compared with a kernel: ${judged.reason}`);
      return context.skip(judged.reason);
    }
    const { unexplained, stale } = judged.verdict;
    expect(unexplained.map(differenceText), 'differences that known-differences.ts does not list').toEqual([]);
    expect(stale, 'listed differences that do not occur').toEqual([]);
  });

  it('our stack holds nothing after a scenario', () => {
    const held = runs.filter(({ leftovers }) => leftovers.length > 0);
    expect(held.map(({ scenario, wiring, leftovers }) => ({ scenario, wiring, leftovers }))).toEqual([]);
  });

  it('scenarios have names of their own, and say something', () => {
    expect(new Set(SCENARIOS.map(({ id }) => id)).size).toBe(SCENARIOS.length);
    expect(SCENARIOS.length).toBeGreaterThanOrEqual(60);
    expect(runs.filter(({ transcript }) => transcript.length === 0)).toEqual([]);
  });
});
