import type { HistoryEntry, MachineDescription } from './entry.ts';
import type { Verdict } from './judge.ts';
import { RATIOS, type Ratios } from './ratios.ts';

const TITLE_WIDTH: number = Math.max(...RATIOS.map(({ title }) => title.length)) + 2;

/** One line per ratio: what it is and how far the rounds lay apart. */
export function renderRatios(ratios: Ratios): string {
  return RATIOS.map(({ name, title }) => {
    const ratio = ratios[name];
    const text =
      ratio === undefined ? 'not measured' : `${number(ratio.value)}   ${number(ratio.min)}–${number(ratio.max)}`;
    return `  ${title.padEnd(TITLE_WIDTH)}${text}`;
  }).join('\n');
}

/** What a check has to say: against whom, one line per ratio, and what to do when one is worse. */
export function renderVerdicts(
  verdicts: readonly Verdict[],
  latest: HistoryEntry | null,
  machine: MachineDescription,
): string {
  const against =
    latest === null
      ? `No machine in the history is like this one (${machine.cpu}, ${machine.platform}, Node ${machine.node}): only ceilings are checked, with a margin.`
      : `Against ${latest.commit ?? 'an unnamed commit'} of ${latest.recorded} on such a machine.`;
  const lines = verdicts.map((verdict) => `  ${verdict.title.padEnd(TITLE_WIDTH)}${verdictText(verdict)}`);
  const worse = verdicts.filter(({ ok }) => !ok).map(({ name }) => name);
  const end =
    worse.length === 0
      ? 'Nothing is worse beyond noise.'
      : `Worse beyond noise: ${worse.join(', ')}. If it has to be, record it: pnpm bench --record, and say why in the commit.`;
  return [against, '', ...lines, '', end].join('\n');
}

function verdictText({ measured, before, limit, ok }: Verdict): string {
  if (measured === null) return ok ? 'not measured' : 'WORSE: not measured any more';
  const was = before === null ? '' : `, was ${number(before)}`;
  const upTo = limit === null ? '' : `, up to ${number(limit)}`;
  return `${number(measured.value).padStart(6)}${was}${upTo}${ok ? '' : '   WORSE'}`;
}

function number(value: number): string {
  return value.toFixed(2);
}
