/** An apt of our own: it shares mirror, keys and proxy with the machine's, and neither its lists nor what is installed. No right is needed. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runProgram, sha256OfFile } from '../host-program.ts';
import type { SuiteSet } from './apt-sources.ts';
import type { TakenItem } from './cache-folder.ts';

/** A package file that was fetched. */
export interface PackageFile extends TakenItem {
  readonly path: string;
}

/** Tells how far a fetch is, from 0 to 100. */
export type FetchProgress = (percent: number) => void;

/** apt or the archive would not, or a package is not what it should be. `message` is one line for the user. */
export class PackageError extends Error {}

const APT_TIMEOUT_MS = 300_000;

/** A private apt with its lists fetched. Made by {@link openArchive}; its folder is the caller's to remove. */
export class AptArchive {
  readonly #folder: string;
  readonly #suites: SuiteSet;
  #fetches = 0;

  /** Use {@link openArchive}. */
  constructor(folder: string, suites: SuiteSet) {
    this.#folder = folder;
    this.#suites = suites;
  }

  get suites(): readonly string[] {
    return this.#suites.suites;
  }

  /** Names of all packages that begin with `prefix`. */
  async names(prefix: string): Promise<string[]> {
    return (await this.#apt('apt-cache', ['pkgnames', prefix])).split('\n').filter((name) => name !== '');
  }

  /**
   * Fetches packages, with all that they depend on if asked for.
   *
   * @throws PackageError when there is no such package, or the network is gone.
   */
  async fetch(names: readonly string[], dependencies: boolean, progress: FetchProgress): Promise<PackageFile[]> {
    const into = join(this.#folder, `fetched-${this.#fetches++}`);
    mkdirSync(join(into, 'partial'), { recursive: true });
    const options = ['-o', 'APT::Status-Fd=3', '-o', `Dir::Cache::archives=${into}`];
    // A suite that is named by an alias is not known as a release, and need not be when it is alone.
    const preferred = this.suites.length > 1 ? ['-t', this.suites.at(-1) as string] : [];
    const args = dependencies
      ? ['--download-only', '--yes', '--no-install-recommends', ...preferred, 'install', ...names]
      : ['download', ...names];
    await this.#apt('apt-get', [...options, ...args], into, (line) => {
      const percent = /^dlstatus:\d+:([\d.]+):/.exec(line)?.[1];
      if (percent !== undefined) progress(Number(percent));
    });
    const files = readdirSync(into).filter((name) => name.endsWith('.deb'));
    return Promise.all(files.map((name) => describePackage(join(into, name))));
  }

  async #apt(
    program: string,
    args: readonly string[],
    cwd: string = this.#folder,
    onStatusLine?: (line: string) => void,
  ): Promise<string> {
    const env = { APT_CONFIG: join(this.#folder, 'apt.conf') };
    const options = { env, cwd, timeoutMs: APT_TIMEOUT_MS };
    const result = await runProgram(program, args, onStatusLine === undefined ? options : { ...options, onStatusLine });
    if (result.code !== 0) throw new PackageError(firstComplaint(result.stderr));
    return result.stdout;
  }

  /** Fetches the lists. @throws PackageError when a suite is not there. */
  async update(): Promise<void> {
    // A suite that cannot be had is only a warning otherwise, and what it lacks would look like a package that does not exist.
    await this.#apt('apt-get', ['-o', 'APT::Update::Error-Mode=any', 'update']);
  }
}

function firstComplaint(stderr: string): string {
  const lines = stderr.trim().split('\n');
  return (lines.find((line) => line.startsWith('E: ')) ?? lines[0] ?? '').replace(/^[EW]: /, '');
}

async function describePackage(path: string): Promise<PackageFile> {
  const [fields, sha256] = await Promise.all([
    runProgram('dpkg-deb', ['--field', path, 'Package', 'Version']),
    sha256OfFile(path),
  ]);
  if (fields.code !== 0) throw new PackageError(firstComplaint(fields.stderr));
  const field = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(fields.stdout)?.[1] ?? '';
  return { name: field('Package'), version: field('Version'), sha256, path };
}

/** The machine's settings for fetching: proxies, certificates, retries. None of its hooks, which may clean the machine's own cache. */
async function acquireSettings(): Promise<string> {
  return (await runProgram('apt-config', ['dump', 'Acquire'])).stdout;
}

/**
 * Makes a private apt in an empty folder and fetches its lists.
 *
 * @throws PackageError when that fails.
 */
export async function openArchive(folder: string, suites: SuiteSet): Promise<AptArchive> {
  for (const name of ['state/lists/partial', 'cache/archives/partial', 'etc/apt.conf.d', 'etc/preferences.d']) {
    mkdirSync(join(folder, name), { recursive: true });
  }
  const signed = suites.keyring === null ? '' : ` [signed-by=${suites.keyring}]`;
  const sources = suites.suites.map((suite) => `deb${signed} ${suites.uri} ${suite} ${suites.components.join(' ')}\n`);
  writeFileSync(join(folder, 'sources.list'), sources.join(''));
  writeFileSync(join(folder, 'status'), '');
  const settings = {
    'Dir::State': join(folder, 'state'),
    'Dir::State::status': join(folder, 'status'),
    'Dir::Cache': join(folder, 'cache'),
    'Dir::Etc': join(folder, 'etc'),
    'Dir::Etc::sourcelist': join(folder, 'sources.list'),
    'Dir::Etc::sourceparts': '-',
    'Dir::Etc::trusted': '/etc/apt/trusted.gpg',
    'Dir::Etc::trustedparts': '/etc/apt/trusted.gpg.d',
    'Dir::Etc::netrc': '/etc/apt/auth.conf',
    'Dir::Etc::netrcparts': '/etc/apt/auth.conf.d',
    // apt's own user may not read a cache in somebody's home.
    'APT::Sandbox::User': 'root',
    'APT::Install-Recommends': 'false',
    'Acquire::Languages': 'none',
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} "${value}";\n`);
  writeFileSync(join(folder, 'apt.conf'), `${await acquireSettings()}${lines.join('')}`);
  const archive = new AptArchive(folder, suites);
  await archive.update();
  return archive;
}

/** Unpacks packages over each other into a folder. @throws PackageError when one is damaged. */
export async function unpack(packages: readonly PackageFile[], into: string): Promise<void> {
  mkdirSync(into, { recursive: true });
  for (const { path } of packages) {
    const result = await runProgram('dpkg-deb', ['--extract', path, into]);
    if (result.code !== 0) throw new PackageError(firstComplaint(result.stderr));
  }
}
