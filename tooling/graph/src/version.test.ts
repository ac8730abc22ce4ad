import { describe, expect, it } from 'vitest';
import { ROWS, shortName } from './table.ts';
import { versionPath, versionSource } from './version.ts';

const row = (name: string) => ROWS.find((candidate) => shortName(candidate) === name)!;

describe('the version of a package in its source', () => {
  it('is there for packages that carry identity, and no others', () => {
    expect(versionPath(row('page-pool'))).toBe('packages/page-pool/src/version.ts');
    expect(versionPath(row('wire'))).toBeNull();
  });

  it('is a constant named after the package', () => {
    expect(versionSource(row('page-pool'), '1.2.3')).toContain("export const PAGE_POOL_VERSION = '1.2.3';\n");
  });
});
