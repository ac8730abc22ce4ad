import { comparable, type HistoryEntry, type MachineDescription } from './entry.ts';
import { GARBAGE, NOISE_LEAST, RATIOS, type Ratio, type RatioKind, type Ratios } from './ratios.ts';

/** What a ratio may be worse by at most, however restless the recording was: a gate that allows everything is none. */
export const NOISE_MOST = 0.35;
/** How far above its ceiling a ratio may be on a machine that is not in the history: a ceiling was measured on ours. */
export const STRANGE_MACHINE_MARGIN = 0.4;
/** Garbage that counts as none: below it a ratio of two readings says nothing. Bytes per packet. */
const NO_GARBAGE_BYTES = 0.5;

/** What is thought of one ratio. */
export interface Verdict {
  readonly name: string;
  readonly title: string;
  readonly measured: Ratio | null;
  /** The latest recorded value on a comparable machine. */
  readonly before: number | null;
  /** What it must not exceed; null: there is nothing to hold it against. */
  readonly limit: number | null;
  readonly ok: boolean;
}

/** The latest entry of a comparable machine; null when there is none. */
export function latestComparable(history: readonly HistoryEntry[], machine: MachineDescription): HistoryEntry | null {
  const candidates = history.filter((entry) => comparable(entry.machine, machine));
  return candidates.reduce<HistoryEntry | null>(
    (latest, entry) => (latest === null || entry.recorded > latest.recorded ? entry : latest),
    null,
  );
}

/** Judges each ratio against `latest`, or against its ceiling with some margin when there is no such entry. */
export function judge(measured: Ratios, latest: HistoryEntry | null): Verdict[] {
  return RATIOS.map((kind) => {
    const { name, title } = kind;
    const ratio = measured[name] ?? null;
    const recorded = latest?.ratios[name] ?? null;
    const limit = limitOf(kind, recorded);
    // What was recorded must still be there to be measured; what was not may be missing.
    const ok = ratio === null ? recorded === null : limit === null || ratio.value <= limit;
    return { name, title, measured: ratio, before: recorded?.value ?? null, limit, ok };
  });
}

function limitOf(kind: RatioKind, recorded: Ratio | null): number | null {
  const { ceiling } = kind;
  if (recorded === null) return ceiling === null ? null : ceiling * (1 + STRANGE_MACHINE_MARGIN);
  const limit = Math.max(recorded.value * (1 + noiseOf(kind, recorded)), kind.name === GARBAGE ? NO_GARBAGE_BYTES : 0);
  // What once kept to its ceiling has to go on keeping to it; the allowance is for what noise does to a ratio near to it.
  return ceiling !== null && recorded.value <= ceiling ? Math.min(limit, ceiling * (1 + NOISE_LEAST)) : limit;
}

/** How much of a ratio's change is noise: by how far its rounds lay apart when it was recorded, within bounds. */
export function noiseOf({ noiseLeast }: RatioKind, recorded: Ratio): number {
  const spread = recorded.value > 0 ? (recorded.max - recorded.min) / (2 * recorded.value) : 0;
  return Math.min(NOISE_MOST, Math.max(noiseLeast, spread));
}
