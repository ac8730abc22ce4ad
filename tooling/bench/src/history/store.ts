import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { arch, cpus, platform } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { entryName, formatEntry, type HistoryEntry, type MachineDescription, parseEntry } from './entry.ts';

/** Where the files are. */
export const HISTORY_FOLDER: string = fileURLToPath(new URL('../../history/', import.meta.url));

const SOURCE_FOLDER: string = fileURLToPath(new URL('.', import.meta.url));

/** This machine. */
export function describeMachine(compiler: string | null): MachineDescription {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    platform: `${platform()}-${arch()}`,
    node: process.version,
    compiler,
  };
}

/** The commit that is checked out, with a plus when files differ from it; null where there is no repository. */
export function currentCommit(): string | null {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: SOURCE_FOLDER, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no') !== '';
    return `${git('rev-parse', '--short=12', 'HEAD')}${changed ? '+' : ''}`;
  } catch {
    return null;
  }
}

/** All entries, oldest first. @throws Error that names a file which cannot be read. */
export function readHistory(folder: string = HISTORY_FOLDER): HistoryEntry[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
  const entries = files.map((file) => parseEntry(file, readFileSync(join(folder, file), 'utf8')));
  return entries.sort((a, b) => (a.recorded < b.recorded ? -1 : 1));
}

/** Writes an entry and returns its file's name. */
export function writeEntry(entry: HistoryEntry, folder: string = HISTORY_FOLDER): string {
  const path = join(folder, entryName(entry));
  mkdirSync(folder, { recursive: true });
  writeFileSync(path, formatEntry(entry));
  return basename(path);
}
