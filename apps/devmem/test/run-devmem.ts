/** Runs the command as a stranger would, and looks at what it did. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { probeTap } from '@netmem/tap';
import type { RxReport } from '../src/rx/report.ts';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

/** A finished command. */
export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running command. */
export interface Running {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  /** Resolves with all of stderr once it matches. */
  stderrMatching(pattern: RegExp): Promise<string>;
}

/** Starts `devmem …`; `launcher` goes in front, for another user. */
export function startDevmem(args: readonly string[], launcher: readonly string[] = []): Running {
  const command = [...launcher, process.execPath, '--conditions=@netmem/source', MAIN, ...args];
  const child = spawn(command[0] as string, command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const finished = new Promise<Finished>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
  const stderrMatching = (pattern: RegExp): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (pattern.test(stderr)) resolve(stderr);
      };
      child.stderr.on('data', look);
      child.on('close', () => reject(new Error(`ended before ${pattern}: ${stderr}`)));
      look();
    });
  return { child, finished, stderrMatching };
}

/** Runs `devmem …` to its end. */
export function runDevmem(args: readonly string[], launcher: readonly string[] = []): Promise<Finished> {
  return startDevmem(args, launcher).finished;
}

/** The one object that `--json` prints. */
export function reportOf(finished: Finished): RxReport {
  if (finished.stdout.trim().split('\n').length !== 1)
    throw new Error(`not one line of JSON: ${finished.stdout}\n${finished.stderr}`);
  return JSON.parse(finished.stdout) as RxReport;
}

/** The processes below `pid` whose command line holds `text`. */
export function descendants(pid: number, text: string): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // It ended while we looked.
    }
  }
  const isBelow = (candidate: number): boolean => {
    for (let p = parents.get(candidate); p !== undefined && p > 0; p = parents.get(p)) if (p === pid) return true;
    return false;
  };
  const found = [...parents.keys()].filter(isBelow);
  return found.filter((candidate) => {
    try {
      return readFileSync(`/proc/${candidate}/cmdline`, 'utf8').includes(text);
    } catch {
      return false;
    }
  });
}

/** Polls until `look` finds something, at most `ms` long. */
export async function eventually<T>(look: () => T | undefined, ms: number = 60_000): Promise<T> {
  const deadline = Date.now() + ms;
  for (;;) {
    const found = look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error('it did not happen in time');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const probe = await probeTap();
/** Why no TAP can be had here, or null. Tests that need one say so and are left out. */
export const tapRefusal: string | null = probe.ok ? null : probe.reason;
if (tapRefusal !== null) console.warn(`Left out, because no TAP can be had here: ${tapRefusal}`);

/** Runs a command as a user who may not open the tun device. */
export const NOBODY: readonly string[] = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];

/** Why {@link NOBODY} cannot run the command here, or null. Tests that need it say so and are left out. */
export const nobodyRefusal: string | null = whyNotNobody();
if (nobodyRefusal !== null) console.warn(`Left out, because no other user can run the command here: ${nobodyRefusal}`);

function whyNotNobody(): string | null {
  if (process.getuid?.() !== 0) return 'only root becomes somebody else';
  // The checkout may lie below a folder that is root's alone.
  const look = `require('fs').readFileSync(${JSON.stringify(MAIN)})`;
  const result = spawnSync(NOBODY[0] as string, [...NOBODY.slice(1), process.execPath, '-e', look], {
    encoding: 'utf8',
  });
  if (result.error) return result.error.message;
  return result.status === 0
    ? null
    : (/^.*(?:Error|setpriv|EACCES).*$/m.exec(result.stderr)?.[0] ?? result.stderr.trim());
}
