/**
 * Runs in a network namespace: `node child.ts SETTLE_MS ID…` runs scenarios on the kernel and prints their transcripts as JSON, by id. No id is all.
 */
import { release } from 'node:os';
import { runScenario } from '../scenario-run.ts';
import { SCENARIOS } from '../scenarios/index.ts';
import type { Transcript } from '../transcript.ts';
import { KernelStack } from './kernel-stack.ts';

const [settleMs, ...ids] = process.argv.slice(2);
const transcripts: Record<string, Transcript> = {};
for (const scenario of SCENARIOS) {
  if (ids.length > 0 && !ids.includes(scenario.id)) continue;
  transcripts[scenario.id] = runScenario(scenario, new KernelStack(Number(settleMs))).transcript;
}
console.log(JSON.stringify({ release: release(), transcripts }));
