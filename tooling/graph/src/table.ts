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
}

/**
 * Packages that carry identity: two copies of one of these in a process would not see each other's objects, so
 * whatever sits above takes them as peer dependencies.
 */
export const IDENTITY: ReadonlySet<string> = new Set(['machine', 'netmem', 'page-pool', 'netdev']);

const library = (name: string, ...imports: string[]): Row => ({
  path: `packages/${name}`,
  name: `@netmem/${name}`,
  kind: name === 'tap' ? 'library-node' : 'library',
  imports,
});
const program = (path: string, name: string, imports: readonly string[]): Row => ({
  path,
  name: `@netmem/${name}`,
  kind: 'program',
  imports,
});

const LIBRARIES: readonly Row[] = [
  library('region'),
  library('uapi'),
  library('wire', 'region'),
  library('link', 'wire', 'region'),
  library('machine', 'uapi', 'region'),
  library('netmem', 'machine', 'uapi', 'region'),
  library('page-pool', 'netmem', 'machine', 'uapi', 'region'),
  library('vnic', 'link', 'wire', 'region'),
  library('tap', 'link', 'wire', 'region'),
  library('pcap', 'link', 'wire', 'region'),
  library('netdev', 'page-pool', 'netmem', 'machine', 'wire', 'uapi', 'region'),
  library('ethtool', 'netdev', 'uapi'),
  library('dmabuf', 'netdev', 'page-pool', 'netmem', 'machine', 'uapi', 'region'),
  library('driver', 'ethtool', 'netdev', 'page-pool', 'netmem', 'machine', 'wire', 'uapi', 'region', 'vnic'),
  library('tcp', 'netdev', 'page-pool', 'netmem', 'machine', 'wire', 'uapi', 'region'),
];
const BELOW_LAB = LIBRARIES.map(shortName).filter((name) => name !== 'tap');
const LAB = library('lab', ...BELOW_LAB);
/** Kits that test any stack or driver: none of ours below them, and lab does not know them. */
const KITS: readonly Row[] = [library('packetdrill', 'link', 'wire', 'region', 'uapi')];
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
  program('tooling/vitest-reporter', 'vitest-reporter', []),
];

/** `@netmem/page-pool` → `page-pool`. */
export function shortName(row: Row): string {
  return row.name.slice('@netmem/'.length);
}
