import { IDENTITY, type Row, shortName } from './table.ts';

/** Where a package says its version at run time. Those that carry identity do, to name two copies in one process. */
export function versionPath(row: Row): string | null {
  return IDENTITY.has(shortName(row)) ? `${row.path}/src/version.ts` : null;
}

/** The source of {@link versionPath}: `page-pool` at 1.2.3 exports `PAGE_POOL_VERSION = '1.2.3'`. */
export function versionSource(row: Row, version: string): string {
  const name = shortName(row).replaceAll('-', '_').toUpperCase();
  return `/** Version of this package, as in its manifest. */\nexport const ${name}_VERSION = '${version}';\n`;
}
