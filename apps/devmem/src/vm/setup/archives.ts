/** Distribution archives, asked one after the other. */
import { rmSync } from 'node:fs';
import { CommandError, EXIT } from '../../exit-codes.ts';
import { type AptArchive, openArchive, PackageError } from './apt-archive.ts';
import { findSuiteSets, type SuiteSet } from './apt-sources.ts';
import type { CacheFolder } from './cache-folder.ts';
import type { SetupProgress } from './progress.ts';

/** The archives that can be asked here. Their lists are fetched at most once, and only when something is missing. */
export class Archives {
  readonly #cache: CacheFolder;
  readonly #progress: SetupProgress;
  readonly #opened: (AptArchive | PackageError)[] = [];
  readonly #folders: string[] = [];

  constructor(cache: CacheFolder, progress: SetupProgress) {
    this.#cache = cache;
    this.#progress = progress;
  }

  /**
   * Asks one archive after the other until one answers with something else than null.
   *
   * @param what - What is missing, for the message. @throws CommandError (environment) when none does.
   */
  async ask<T>(what: string, question: (archive: AptArchive) => Promise<T | null>): Promise<T> {
    const sets = await findSuiteSets();
    if (typeof sets === 'string') throw missing(what, sets);
    let refusal = `${sets.map(({ suites }) => suites.join(' and ')).join(' and ')} have none`;
    for (const [index, set] of sets.entries()) {
      try {
        const answer = await question(await this.#open(index, set));
        if (answer !== null) return answer;
      } catch (error) {
        if (!(error instanceof PackageError)) throw error;
        refusal = error.message;
      }
    }
    throw missing(what, refusal);
  }

  /** Removes the lists. */
  close(): void {
    for (const folder of this.#folders) rmSync(folder, { recursive: true, force: true });
  }

  async #open(index: number, set: SuiteSet): Promise<AptArchive> {
    const known = this.#opened[index];
    if (known instanceof PackageError) throw known;
    if (known !== undefined) return known;
    this.#progress.begin(`package lists of ${set.suites.join(', ')}`);
    const folder = this.#cache.temporary();
    this.#folders.push(folder);
    try {
      const archive = await openArchive(folder, set);
      this.#opened[index] = archive;
      return archive;
    } catch (error) {
      if (error instanceof PackageError) this.#opened[index] = error;
      throw error;
    } finally {
      this.#progress.end();
    }
  }
}

/** One line for somebody who lacks something. */
export function missing(what: string, why: string): CommandError {
  return new CommandError(EXIT.environment, `error: ${what} cannot be had here: ${why}`);
}
