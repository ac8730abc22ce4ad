/** What a workspace package may import, and how its scaffold looks. This table is the import rule of the repository. */
export interface Row {
  /** Folder below the root. */
  readonly path: string;
  /** npm name. */
  readonly name: string;
  /** `library` runs anywhere, `library-node` needs Node, `program` is private (an app or a tool). */
  readonly kind: 'library' | 'library-node' | 'program';
  /** Package names (without scope) this one may import, top to bottom. */
  readonly imports: readonly string[];
  /** Further packages its tests may import. They become devDependencies and nobody else's business. */
  readonly tests: readonly string[];
  /** Folders with programs of its own beside `src` and `test`, type-checked with the tests. */
  readonly testFolders: readonly string[];
  /** Modules besides the main one: `abi` is `src/abi/index.ts`, imported as `@netmem/vnic/abi`. */
  readonly subpaths: readonly string[];
}

/** What only some rows say. */
type Extras = Partial<Pick<Row, 'tests' | 'testFolders' | 'subpaths'>>;

/**
 * Packages that carry identity: two copies of one of these in a process would not see each other's objects, so
 * whatever sits above takes them as peer dependencies.
 */
export const IDENTITY: ReadonlySet<string> = new Set(['machine', 'netmem', 'page-pool', 'netdev']);

/** What talks to the operating system, and so needs Node. */
const NODE_ONLY: ReadonlySet<string> = new Set(['tap', 'vfio-user']);

const library = (name: string, imports: readonly string[], extras: Extras = {}): Row => ({
  path: `packages/${name}`,
  name: `@netmem/${name}`,
  kind: NODE_ONLY.has(name) ? 'library-node' : 'library',
  imports,
  tests: [],
  testFolders: [],
  subpaths: [],
  ...extras,
});
const program = (path: string, name: string, imports: readonly string[]): Row => ({
  path,
  name: `@netmem/${name}`,
  kind: 'program',
  imports,
  tests: [],
  testFolders: [],
  subpaths: [],
});

const LIBRARIES: readonly Row[] = [
  library('region', []),
  library('uapi', []),
  library('wire', ['region'], { testFolders: ['wasm'] }),
  library('link', ['wire', 'region']),
  library('machine', ['uapi', 'region']),
  library('netmem', ['machine', 'uapi', 'region']),
  library('page-pool', ['netmem', 'machine', 'uapi', 'region']),
  library('vnic', ['link', 'wire', 'region'], { subpaths: ['abi', 'mock'] }),
  library('vfio-user', ['vnic', 'region'], { tests: ['link', 'wire'], subpaths: ['mock'] }),
  library('tap', ['link', 'wire', 'region']),
  library('pcap', ['link', 'wire', 'region']),
  library('netdev', ['page-pool', 'netmem', 'machine', 'wire', 'uapi', 'region'], { subpaths: ['testing'] }),
  library('ethtool', ['netdev', 'uapi']),
  library('dmabuf', ['netdev', 'page-pool', 'netmem', 'machine', 'uapi', 'region']),
  library('driver', ['ethtool', 'netdev', 'page-pool', 'netmem', 'machine', 'wire', 'uapi', 'region', 'vnic'], {
    tests: ['link'],
  }),
  library('tcp', ['netdev', 'page-pool', 'netmem', 'machine', 'wire', 'uapi', 'region']),
];
const BELOW_LAB = LIBRARIES.map(shortName).filter((name) => !NODE_ONLY.has(name));
const LAB = library('lab', BELOW_LAB);
/** Kits that test any stack or driver: none of ours below them, and lab does not know them. */
const KITS: readonly Row[] = [
  library('packetdrill', ['link', 'wire', 'region', 'uapi'], { tests: ['lab', 'tcp', 'machine'] }),
];
const ALL = [...LIBRARIES, LAB, ...KITS].map(shortName);

/** Every package of the workspace, bottom to top. */
export const ROWS: readonly Row[] = [
  ...LIBRARIES,
  LAB,
  ...KITS,
  program('apps/devmem', 'app-devmem', ALL),
  program('apps/site', 'app-site', []),
  program('tooling/bench', 'bench', ALL),
  program('tooling/check', 'check', []),
  program('tooling/graph', 'graph', []),
  program('tooling/packaging', 'packaging', []),
  program('tooling/tsdoc', 'tsdoc', []),
  program('tooling/kernel-map', 'kernel-map', ['tsdoc']),
  program('tooling/readme', 'readme', [...ALL, 'tsdoc']),
  program('tooling/scenarios', 'scenarios', ['region', 'uapi', 'machine', 'netdev', 'tap', 'tcp', 'lab']),
  program('tooling/vitest-reporter', 'vitest-reporter', []),
];

/** `@netmem/page-pool` → `page-pool`. */
export function shortName(row: Row): string {
  return row.name.slice('@netmem/'.length);
}
