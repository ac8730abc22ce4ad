/** Which suites of the running distribution have what a guest needs, from the very mirror that this machine uses. */
import { existsSync, readFileSync } from 'node:fs';
import { runProgram } from '../host-program.ts';

/** Suites of one archive that are looked at together. */
export interface SuiteSet {
  readonly uri: string;
  /** The last one is preferred: it has the newest versions that fit the ones before. */
  readonly suites: readonly string[];
  readonly components: readonly string[];
  /** The distribution's own keyring; null where apt's trusted keys are all there is. */
  readonly keyring: string | null;
}

interface Distribution {
  readonly attempts: readonly (readonly string[])[];
  readonly components: readonly string[];
  readonly keyrings: readonly string[];
}

/**
 * Suites to try, the best first. Backports are built against the stable suite below them, which is why both are needed. Kernels older than the
 * newest are in the archive only while a suite has them.
 */
const DISTRIBUTIONS: Readonly<Record<string, Distribution>> = {
  debian: {
    attempts: [['trixie', 'trixie-backports'], ['sid']],
    components: ['main'],
    keyrings: ['/usr/share/keyrings/debian-archive-keyring.gpg', '/usr/share/keyrings/debian-archive-keyring.pgp'],
  },
  ubuntu: {
    attempts: [['devel']],
    components: ['main', 'universe'],
    keyrings: ['/usr/share/keyrings/ubuntu-archive-keyring.gpg'],
  },
};

/** What apt was told of one suite. */
export interface AptTarget {
  readonly uri: string;
  readonly suite: string;
  readonly component: string;
}

/** Reads what `apt-get indextargets` printed in the format that {@link findSuiteSets} asks for. */
export function parseTargets(text: string): AptTarget[] {
  return text
    .split('\n')
    .map((line) => line.split(' '))
    .filter((fields) => fields.length === 3)
    .map(([uri, suite, component]) => ({ uri, suite, component }) as AptTarget);
}

/**
 * The mirror of the distribution itself among all that apt knows: third parties name their suites as they like, and have other paths.
 *
 * @param id - `ID` of os-release. @param codename - `VERSION_CODENAME`, empty where there is none.
 */
export function chooseMirror(targets: readonly AptTarget[], id: string, codename: string): string | null {
  const main = targets.filter(({ component }) => component === 'main');
  const own = main.filter(({ uri }) => new RegExp(`/${id}/?$`).test(uri));
  const best = own.find(({ suite }) => suite === codename) ?? own[0] ?? main.find(({ suite }) => suite === codename);
  return best?.uri ?? null;
}

/** `ID` and `VERSION_CODENAME` of os-release. */
export function parseOsRelease(text: string): { readonly id: string; readonly codename: string } {
  const field = (name: string): string => new RegExp(`^${name}="?([^"\n]*)"?$`, 'm').exec(text)?.[1] ?? '';
  return { id: field('ID'), codename: field('VERSION_CODENAME') };
}

/** What can be tried here, the best first; or why nothing can, as a sentence. */
export async function findSuiteSets(): Promise<readonly SuiteSet[] | string> {
  if (!existsSync('/etc/os-release')) return 'this is no Linux distribution with an os-release';
  const { id, codename } = parseOsRelease(readFileSync('/etc/os-release', 'utf8'));
  const distribution = DISTRIBUTIONS[id];
  if (distribution === undefined)
    return `packages are taken from Debian and Ubuntu only, and this is ${id || 'neither'}`;
  const listed = await runProgram('apt-get', [
    'indextargets',
    '--no-release-info',
    '--format',
    '$(REPO_URI) $(RELEASE) $(COMPONENT)',
    'Created-By: Packages',
  ]);
  if (listed.code !== 0) return `apt-get does not work here: ${listed.stderr.trim().split('\n')[0]}`;
  const uri = chooseMirror(parseTargets(listed.stdout), id, codename);
  if (uri === null) return `apt has no source for ${id} itself`;
  const keyring = distribution.keyrings.find((path) => existsSync(path)) ?? null;
  return distribution.attempts.map((suites) => ({ uri, suites, components: distribution.components, keyring }));
}
