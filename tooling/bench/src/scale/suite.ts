import { cpus } from 'node:os';
import { runChild } from '../measured-child.ts';
import type { Suite, SuiteResult } from '../suite.ts';
import { type ScalePoint, type ScaleSamples, scaleFigures, scaleTable } from './report.ts';

const ROUNDS = 5;
const CHILD = new URL('child.ts', import.meta.url);

/** Connections while queues are counted: enough that the hash leaves no queue idle. */
const CONNECTIONS_FOR_QUEUES = 256;
const POINTS: readonly ScalePoint[] = [
  ...[1, 4, 16, 64].map((queues) => ({ name: `q${queues}`, queues, connections: CONNECTIONS_FOR_QUEUES })),
  ...[1, 100, 1000, 10_000].map((connections) => ({ name: `c${connections}`, queues: 1, connections })),
];

/**
 * What a packet costs from cable to DONTNEED as queues and connections grow: five rounds, in each every size once and in a process of its own, so that
 * what else the machine does falls on all. Ratios are taken within a round.
 */
export const scaleSuite: Suite = {
  name: 'scale',
  title: 'cost per packet over 1 to 64 queues and 1 to 10,000 connections',
  async run(progress): Promise<SuiteResult> {
    const samples: ScaleSamples = {};
    for (let round = 1; round <= ROUNDS; round++) {
      progress(`round ${round} of ${ROUNDS}`);
      for (const { name, queues, connections } of POINTS) {
        samples[name] ??= [];
        samples[name].push((await runChild(CHILD, [`${queues}`, `${connections}`])) as number);
      }
    }
    const where = `Node ${process.version}, ${cpus()[0]?.model.trim() ?? 'unknown CPU'}`;
    return { figures: scaleFigures(POINTS, samples), text: scaleTable(POINTS, samples, where) };
  },
};
