import { workspaceDependencies } from './files.ts';
import { type Row, shortName } from './table.ts';

const FIELDS = ['dependencies', 'peerDependencies', 'devDependencies'] as const;

type Manifest = Record<string, unknown>;

/** A manifest as it is written for a package that has none yet. */
function fresh(row: Row): Manifest {
  const common = { name: row.name, version: '0.0.0' };
  if (row.kind === 'program') {
    return { ...common, private: true, description: '', license: 'MIT', type: 'module' };
  }
  return {
    ...common,
    description: '',
    keywords: ['linux', 'networking', 'devmem', shortName(row)],
    license: 'MIT',
    type: 'module',
    sideEffects: false,
    engines: { node: '>=22' },
    files: ['dist', 'src', '!src/**/*.test.ts', '!**/*.tsbuildinfo'],
    exports: {},
    publishConfig: { access: 'public', exports: {} },
    dependencies: {},
    devDependencies: { 'fast-check': 'catalog:', vitest: 'catalog:' },
  };
}

/** What `exports` maps: the module itself, and subpaths that live in a folder of their own. */
function exportsOf(row: Row, source: boolean): Record<string, unknown> {
  const names = ['index', ...row.subpaths.map((name) => `${name}/index`)];
  const entries = names.map((name) => {
    const key = name === 'index' ? '.' : `./${name.slice(0, -'/index'.length)}`;
    const built = { types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` };
    return [key, source ? { '@netmem/source': `./src/${name}.ts`, ...built } : built];
  });
  return { ...Object.fromEntries(entries), './package.json': './package.json' };
}

/** The manifest a package must have: what it says itself, with the parts the table decides put right. */
export function manifestOf(row: Row, current: Manifest | undefined): Manifest {
  const manifest: Manifest = { ...(current ?? fresh(row)) };
  if (row.kind !== 'program') {
    manifest.exports = exportsOf(row, true);
    manifest.publishConfig = { access: 'public', exports: exportsOf(row, false) };
  }
  const wanted = workspaceDependencies(row);
  for (const field of FIELDS) {
    const declared = (manifest[field] ?? {}) as Record<string, string>;
    // What is no workspace package is the package's own business, and so is the order, as long as nothing is missing.
    const others = Object.entries(declared).filter(([name]) => !name.startsWith('@netmem/'));
    const merged = [...others, ...Object.entries(wanted[field] ?? {})].toSorted(([a], [b]) => (a < b ? -1 : 1));
    if (sameEntries(merged, Object.entries(declared))) continue;
    if (merged.length > 0) manifest[field] = Object.fromEntries(merged);
    else delete manifest[field];
  }
  return manifest;
}

function sameEntries(a: readonly [string, string][], b: readonly [string, string][]): boolean {
  const right = new Map(b);
  return a.length === b.length && a.every(([name, version]) => right.get(name) === version);
}
