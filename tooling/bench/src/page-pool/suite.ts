import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { runChild } from '../measured-child.ts';
import { buildTwin, type NativeTwin } from '../native-twin.ts';
import type { Suite, SuiteResult } from '../suite.ts';
import { renderFigures, renderTable, type Samples } from './report.ts';

const ROUNDS = 5;
const CHILD = new URL('child.ts', import.meta.url);
const TWIN_SOURCE = fileURLToPath(new URL('../../twin.c', import.meta.url));

const CASES: readonly string[] = [
  'loop',
  'cache',
  'cache_of_three',
  'ring',
  'slow',
  'niov_cache',
  'niov_ring',
  'exhausted',
];
/** Measured with the checks of development builds as well. */
const CHECKED_CASES: readonly string[] = ['cache', 'ring', 'slow', 'niov_cache', 'exhausted'];

/**
 * The pool's paths, in turns with the C twin: five rounds, in each the twin and then every case in a process of its own, so that
 * what else the machine does falls on both. Ratios are taken within a round.
 */
export const pagePoolSuite: Suite = {
  name: 'page-pool',
  title: 'page_pool: cache, ring, page allocator, provider, beside C',
  async run(progress): Promise<SuiteResult> {
    const twin = buildTwin(TWIN_SOURCE);
    if (typeof twin === 'string') progress(twin);
    const samples: Samples = { production: {}, checked: {}, native: {} };
    try {
      // The first child fills the compile cache; its figure is not used.
      await runChild(CHILD, ['loop', 'production']);
      for (let round = 1; round <= ROUNDS; round++) {
        progress(`round ${round} of ${ROUNDS}`);
        await runRound(samples, typeof twin === 'string' ? null : twin);
      }
    } finally {
      if (typeof twin !== 'string') twin.dispose();
    }
    const native = typeof twin === 'string' ? { reason: twin } : { compiler: twin.compiler };
    const where = `Node ${process.version}, ${cpus()[0]?.model.trim() ?? 'unknown CPU'}`;
    return { figures: renderFigures(samples, native), text: renderTable(samples, native, where) };
  },
};

async function runRound(samples: Samples, twin: NativeTwin | null): Promise<void> {
  const add = (into: Record<string, number[]>, name: string, ns: number): void => {
    into[name] ??= [];
    into[name].push(ns);
  };
  for (const [name, ns] of Object.entries(twin?.run() ?? {})) add(samples.native, name, ns);
  for (const name of CASES) add(samples.production, name, (await runChild(CHILD, [name, 'production'])) as number);
  for (const name of CHECKED_CASES) add(samples.checked, name, (await runChild(CHILD, [name, 'checked'])) as number);
}
