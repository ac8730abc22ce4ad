import { formatEntry, type HistoryEntry } from './entry.ts';
import { judge, latestComparable } from './judge.ts';
import { Measurements } from './measure.ts';
import { renderRatios, renderVerdicts } from './report.ts';
import { currentCommit, describeMachine, readHistory, writeEntry } from './store.ts';

const RECORD_ROUNDS = 8;
const CHECK_ROUNDS = 3;

/** Measures the ratios and adds a file to the history. @returns what to tell the user. */
export async function recordRatios(progress: (line: string) => void): Promise<string> {
  const measurements = new Measurements();
  await measurements.measure(RECORD_ROUNDS, progress);
  const entry: HistoryEntry = {
    recorded: new Date().toISOString(),
    commit: currentCommit(),
    machine: describeMachine(measurements.compiler),
    ratios: measurements.ratios(),
  };
  const file = writeEntry(entry);
  return `${renderRatios(entry.ratios)}\n\nWritten to tooling/bench/history/${file} (${formatEntry(entry).length} bytes): commit it with the change.`;
}

/**
 * Measures the ratios and holds them against the latest entry of such a machine, with a second look, added to the first, before anything is called
 * worse.
 *
 * @returns what to tell the user.
 * @throws Error with the same text when a ratio is worse.
 */
export async function checkRatios(progress: (line: string) => void): Promise<string> {
  const history = readHistory();
  const measurements = new Measurements();
  for (let look = 1; ; look++) {
    await measurements.measure(CHECK_ROUNDS, progress);
    const machine = describeMachine(measurements.compiler);
    const latest = latestComparable(history, machine);
    const verdicts = judge(measurements.ratios(), latest);
    const text = renderVerdicts(verdicts, latest, machine);
    if (verdicts.every(({ ok }) => ok)) return text;
    if (look === 2) throw new Error(text);
    progress('something looks worse: once more');
  }
}
