import type { Ratio, Ratios } from './ratios.ts';

/** What a machine is, as far as ratios depend on it. */
export interface MachineDescription {
  readonly cpu: string;
  readonly cores: number;
  /** `linux-x64` and the like. */
  readonly platform: string;
  /** `process.version`. */
  readonly node: string;
  /** What built the C twin; null: nothing could. */
  readonly compiler: string | null;
}

/** One file of the history. */
export interface HistoryEntry {
  /** ISO date, by which entries are ordered. */
  readonly recorded: string;
  /** The commit that was checked out, with a plus when the tree had changes; null outside of a repository. */
  readonly commit: string | null;
  readonly machine: MachineDescription;
  readonly ratios: Ratios;
}

/** Whether ratios of the two machines can be held against each other: same CPU and platform, same major version of Node, and the same C compiler. */
export function comparable(a: MachineDescription, b: MachineDescription): boolean {
  return a.cpu === b.cpu && a.platform === b.platform && major(a.node) === major(b.node) && a.compiler === b.compiler;
}

function major(version: string): string {
  return version.split('.')[0] ?? version;
}

/**
 * Reads one file's text.
 *
 * @throws Error that names `file` and what is wrong with it.
 */
export function parseEntry(file: string, text: string): HistoryEntry {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`${file}: not JSON`);
  }
  const entry = value as Partial<HistoryEntry>;
  const { machine } = entry;
  if (typeof entry.recorded !== 'string' || Number.isNaN(Date.parse(entry.recorded))) {
    throw new Error(`${file}: "recorded" is not a date`);
  }
  if (typeof machine?.cpu !== 'string' || typeof machine.node !== 'string' || typeof machine.platform !== 'string') {
    throw new Error(`${file}: "machine" lacks cpu, platform or node`);
  }
  for (const [name, ratio] of Object.entries(entry.ratios ?? {})) {
    if (!isRatio(ratio)) throw new Error(`${file}: "${name}" is not value, min and max`);
  }
  if (entry.ratios === undefined) throw new Error(`${file}: no "ratios"`);
  return entry as HistoryEntry;
}

function isRatio(ratio: Partial<Ratio>): boolean {
  return [ratio.value, ratio.min, ratio.max].every((number) => typeof number === 'number' && number >= 0);
}

/** A file's name: its date, which sorts, and its commit. */
export function entryName(entry: HistoryEntry): string {
  const date = entry.recorded.slice(0, 16).replace(':', '');
  return `${date}${entry.commit === null ? '' : `-${entry.commit.replace('+', '-changed')}`}.json`;
}

/** An entry as it is committed. */
export function formatEntry(entry: HistoryEntry): string {
  return `${JSON.stringify(entry, null, 2)}\n`;
}
