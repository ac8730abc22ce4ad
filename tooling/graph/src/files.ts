import { IDENTITY, ROWS, type Row, shortName } from './table.ts';

/** A JSON file the graph owns: where it is and what it must contain. */
export interface OwnedFile {
  readonly path: string;
  readonly content: unknown;
}

const WORKSPACE = 'workspace:^';
const byShortName = new Map(ROWS.map((row) => [shortName(row), row]));

/** The TypeScript project of a package that others refer to. */
function project(row: Row): string {
  return row.kind === 'program' ? row.path : `${row.path}/tsconfig.src.json`;
}

function references(names: readonly string[]): { path: string }[] {
  return names.map((name) => ({ path: `../../${project(byShortName.get(name)!)}` }));
}

function scoped(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.toSorted().map((name) => [`@netmem/${name}`, WORKSPACE]));
}

/** The workspace part of a package's dependency fields. */
export function workspaceDependencies(row: Row): Record<string, Record<string, string>> {
  if (row.kind === 'program') return { dependencies: scoped(row.imports) };
  const peers = row.imports.filter((name) => IDENTITY.has(name));
  return {
    dependencies: scoped(row.imports.filter((name) => !IDENTITY.has(name))),
    peerDependencies: scoped(peers),
    devDependencies: scoped([...peers, ...row.tests]),
  };
}

/** An `include` of its own, for a package with test folders besides the usual ones. */
function testFolders(row: Row): { include?: string[] } {
  return row.testFolders.length === 0 ? {} : { include: ['src/**/*.test.ts', 'test', ...row.testFolders] };
}

/** tsconfig and turbo files of one package. */
export function ownedFiles(row: Row): OwnedFile[] {
  const shared = '../../tooling/tsconfig';
  const turbo = { path: `${row.path}/turbo.json`, content: { extends: ['//'], tags: [shortName(row)] } };
  if (row.kind === 'program') {
    const content = { extends: `${shared}/program.json`, references: references(row.imports) };
    return [turbo, { path: `${row.path}/tsconfig.json`, content }];
  }
  const own = [{ path: './tsconfig.src.json' }, { path: './tsconfig.test.json' }];
  return [
    turbo,
    { path: `${row.path}/tsconfig.json`, content: { files: [], references: own } },
    {
      path: `${row.path}/tsconfig.src.json`,
      content: { extends: `${shared}/${row.kind}.json`, references: references(row.imports) },
    },
    {
      path: `${row.path}/tsconfig.test.json`,
      content: {
        extends: `${shared}/test.json`,
        ...testFolders(row),
        references: [own[0], ...references([...row.imports, ...row.tests])],
      },
    },
  ];
}

/** Everything a package pulls in, tests included, itself left out. */
function reachable(row: Row): string[] {
  const found = new Set<string>();
  const visit = (name: string): void => {
    if (found.has(name)) return;
    found.add(name);
    const { imports, tests } = byShortName.get(name)!;
    for (const below of [...imports, ...tests]) visit(below);
  };
  for (const name of [...row.imports, ...row.tests]) visit(name);
  found.delete(shortName(row));
  return [...found].toSorted();
}

/**
 * turbo.json and tsconfig.json of the root. turbo holds a tag's allow list against all that a package pulls in, not
 * only against what it imports, so the list is the closure of the row. The row itself is exact all the same: manifests
 * declare what the row says and nothing else, and an import of an undeclared package is an error.
 */
export function rootFiles(): OwnedFile[] {
  const tags = Object.fromEntries(ROWS.map((row) => [shortName(row), { dependencies: { allow: reachable(row) } }]));
  return [
    {
      path: 'turbo.json',
      content: {
        $schema: './node_modules/turbo/schema.json',
        ui: 'stream',
        noUpdateNotifier: true,
        tasks: {},
        boundaries: { tags },
      },
    },
    { path: 'tsconfig.json', content: { files: [], references: ROWS.map((row) => ({ path: `./${row.path}` })) } },
  ];
}
