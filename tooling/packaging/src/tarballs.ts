import { execFileSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The repository's root. */
export const ROOT: string = join(import.meta.dirname, '../../..');

/** A published package and its tarball. */
export interface Tarball {
  readonly name: string;
  /** What a user imports: `@netmem/vnic`, `@netmem/vnic/abi`. */
  readonly modules: readonly string[];
  readonly path: string;
  /** Its types mention Node's: a user has `@types/node`. */
  readonly nodeTypes: boolean;
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, unknown>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** Packs every package into `folder`. What is in dist/ is what gets packed. */
export function packAll(folder: string): Tarball[] {
  execFileSync('pnpm', ['-r', '--filter', './packages/*', 'pack', '--pack-destination', folder], {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return globSync('packages/*/package.json', { cwd: ROOT })
    .toSorted()
    .map((path) => {
      const { name, version, exports, peerDependencies } = JSON.parse(
        readFileSync(join(ROOT, path), 'utf8'),
      ) as Manifest;
      const keys = Object.keys(exports).filter((key) => key !== './package.json');
      return {
        name,
        modules: keys.map((key) => name + key.slice(1)),
        path: join(folder, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`),
        nodeTypes: peerDependencies?.['@types/node'] !== undefined,
      };
    });
}
