import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const COMPILERS: readonly string[] = ['gcc', 'cc', 'clang'];

/** A C program built for one run of the benchmarks. */
export interface NativeTwin {
  /** Compiler and version. */
  readonly compiler: string;
  /** Runs it, with so many loops per measurement or as many as it thinks right, and returns nanoseconds by case. */
  run(loops?: number): Record<string, number>;
  /** Removes the program. */
  dispose(): void;
}

/** Compiles `source` with -O2 by the first compiler there is; the reason when none can. */
export function buildTwin(source: string): NativeTwin | string {
  const folder = mkdtempSync(join(tmpdir(), 'netmem-twin-'));
  const program = join(folder, 'twin');
  const dispose = (): void => rmSync(folder, { recursive: true, force: true });
  let reason = 'no C compiler (gcc, cc, clang)';
  for (const compiler of COMPILERS) {
    try {
      execFileSync(compiler, ['-O2', '-pthread', '-o', program, source], { stdio: ['ignore', 'ignore', 'pipe'] });
      const version = execFileSync(compiler, ['--version'], { encoding: 'utf8' }).split('\n')[0]!;
      const run = (loops?: number): Record<string, number> =>
        parseTwin(execFileSync(program, loops === undefined ? [] : [`${loops}`], { encoding: 'utf8' }));
      return { compiler: version, run, dispose };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') reason = `${compiler} cannot build the C twin`;
    }
  }
  dispose();
  return reason;
}

/** Reads lines of `name value`. */
export function parseTwin(output: string): Record<string, number> {
  const lines = output.trim().split('\n');
  return Object.fromEntries(lines.map((line) => line.split(' ')).map(([name, value]) => [name!, Number(value)]));
}
