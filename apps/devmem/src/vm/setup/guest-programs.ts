/** The guest's test programs: C of our own, in apps/devmem/guest, each made of one main file and what it shares with the others. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findProgram, runProgram, sha256OfFile } from '../host-program.ts';
import type { CacheFolder, Manifest } from './cache-folder.ts';

const SOURCES = fileURLToPath(new URL('../../../guest/', import.meta.url));
const PROGRAMS_FOLDER = 'programs';
const SHARED_FOLDER = 'shared';
const COMPILERS = ['gcc', 'cc'];
const FLAGS = ['-std=gnu11', '-O2', '-static', '-Wall', '-Wextra', '-Werror'];
const DIGEST_LETTERS = 16;

/** Folder with the shell scripts that the guest runs. */
export const GUEST_SCRIPTS: string = join(SOURCES, 'scripts');

function cFilesIn(folder: string): string[] {
  return readdirSync(join(SOURCES, folder))
    .filter((name) => /\.[ch]$/.test(name))
    .sort()
    .map((name) => join(SOURCES, folder, name));
}

function digestOfSources(files: readonly string[]): string {
  const hash = createHash('sha256');
  for (const file of files) hash.update(basename(file)).update('\0').update(readFileSync(file)).update('\0');
  return hash.update(FLAGS.join(' ')).digest('hex').slice(0, DIGEST_LETTERS);
}

/**
 * Builds all programs, or finds them built. A part of the cache per state of the sources.
 *
 * @param onBuild - Called before a compiler is. @returns why they cannot be had, as a sentence.
 */
export async function buildGuestPrograms(cache: CacheFolder, onBuild: () => void): Promise<Manifest | string> {
  const mains = cFilesIn(PROGRAMS_FOLDER);
  const shared = cFilesIn(SHARED_FOLDER);
  const part = join('programs', digestOfSources([...mains, ...shared]));
  const built = cache.read(part);
  if (built !== null) return built;
  const compiler = COMPILERS.map(findProgram).find((path) => path !== null);
  if (compiler === undefined) return 'there is no gcc, which builds the test programs of the guest';
  onBuild();
  const version = (await runProgram(compiler, ['-dumpfullversion'])).stdout.trim();
  const objects = shared.filter((file) => file.endsWith('.c'));
  let problem: string | null = null;
  const fill = async (folder: string): Promise<Manifest> => {
    const paths: Record<string, string> = {};
    const taken: { name: string; version: string; sha256: string }[] = [];
    mkdirSync(join(folder, 'bin'));
    for (const main of mains.filter((file) => file.endsWith('.c'))) {
      const name = basename(main, '.c');
      const args = [...FLAGS, '-I', join(SOURCES, SHARED_FOLDER), '-o', join(folder, 'bin', name), main, ...objects];
      const result = await runProgram(compiler, args);
      if (result.code !== 0) {
        problem = `${compiler} cannot build ${name} (is there a static C library?): ${firstError(result.stderr)}`;
        throw new Error(problem);
      }
      paths[name] = `bin/${name}`;
      taken.push({ name, version: `gcc ${version}`, sha256: await sha256OfFile(join(folder, 'bin', name)) });
    }
    return { version, paths, taken };
  };
  try {
    return await cache.make(part, fill);
  } catch (error) {
    if (problem !== null) return problem;
    throw error;
  }
}

function firstError(stderr: string): string {
  const lines = stderr.trim().split('\n');
  return lines.find((line) => line.includes('error')) ?? lines[0] ?? '';
}
