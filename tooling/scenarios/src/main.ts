/**
 * `node main.ts [WORD…]` runs the scenarios whose names have all words, on the kernel and on our stack over a cable and over lo, and prints the kernel's
 * transcripts with what ours do otherwise below each line, and why.
 */
import { differences, explains } from './compare.ts';
import { runInKernel } from './kernel/run-in-kernel.ts';
import { KNOWN_DIFFERENCES } from './known-differences.ts';
import { runOnNetmem } from './run-all.ts';
import { SCENARIOS } from './scenarios/index.ts';
import { entryText } from './transcript.ts';

const words = process.argv.slice(2);
const chosen = SCENARIOS.filter(({ id }) => words.every((word) => id.includes(word)));
const kernel = await runInKernel(
  chosen.map(({ id }) => id),
  0,
);
if (!kernel.ok) console.error(`no kernel to compare with: ${kernel.reason}`);

for (const scenario of chosen) {
  console.log(`# ${scenario.id}`);
  const runs = runOnNetmem([scenario]);
  const reference = kernel.ok ? (kernel.transcripts[scenario.id] ?? []) : (runs[0]?.transcript ?? []);
  const found = runs.flatMap(({ wiring, transcript }) => differences(scenario.id, wiring, reference, transcript));
  for (const entry of reference) {
    console.log(`  ${entryText(entry)}`);
    for (const difference of found.filter((one) => one.kernel === entry)) {
      const known = KNOWN_DIFFERENCES.find((one) => explains(one, difference));
      const ours = difference.netmem === undefined ? 'nothing' : entryText(difference.netmem);
      console.log(`    ${difference.wiring}: ${ours}   ${known?.reason ?? 'NOT LISTED'}`);
    }
  }
  for (const { wiring, leftovers } of runs) {
    for (const sentence of leftovers) console.log(`  ${wiring} still holds: ${sentence}`);
  }
}
