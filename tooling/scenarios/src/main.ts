/** `node main.ts [ID…]`: runs scenarios on every stack and prints the transcripts, the kernel's line by line with what ours do otherwise. */
import { runInKernel } from './kernel/run-in-kernel.ts';
import { createCableStack, createLoStack } from './netmem/netmem-stack.ts';
import { runScenario } from './scenario-run.ts';
import { SCENARIOS } from './scenarios/index.ts';
import { entryText } from './transcript.ts';

const ids = process.argv.slice(2);
const kernel = await runInKernel(ids, 0);
if (!kernel.ok) console.error(`no kernel to compare with: ${kernel.reason}`);
for (const scenario of SCENARIOS) {
  if (ids.length > 0 && !ids.includes(scenario.id)) continue;
  console.log(`# ${scenario.id}`);
  const runs = { cable: runScenario(scenario, createCableStack()), lo: runScenario(scenario, createLoStack()) };
  const reference = kernel.ok ? (kernel.transcripts[scenario.id] ?? []) : runs.cable.transcript;
  for (const [i, entry] of reference.entries()) {
    console.log(`  ${entryText(entry)}`);
    for (const [wiring, { transcript }] of Object.entries(runs)) {
      const ours = transcript[i];
      const text = ours === undefined ? 'nothing' : entryText(ours);
      if (text !== entryText(entry)) console.log(`    ${wiring}: ${text}`);
    }
  }
  for (const [wiring, { leftovers }] of Object.entries(runs)) {
    for (const sentence of leftovers) console.log(`  ${wiring} still holds: ${sentence}`);
  }
}
