import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { assertSingleCopy } from './index.ts';
import { MACHINE_VERSION } from './version.ts';

describe('assertSingleCopy', () => {
  it('refuses the second copy and names both', () => {
    assertSingleCopy('@netmem/some-package', '1.2.3', 'file:///a/index.js');
    expect(() => assertSingleCopy('@netmem/some-package', '1.3.0', 'file:///b/index.js')).toThrow(
      /Two copies of @netmem\/some-package .* 1\.2\.3 \(file:\/\/\/a\/index\.js\) and 1\.3\.0 \(file:\/\/\/b\/index\.js\)/,
    );
    expect(() => assertSingleCopy('@netmem/some-other', '1.0.0')).not.toThrow();
  });

  it('has been called by this package, with the version of its manifest', () => {
    const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    expect(MACHINE_VERSION).toBe(manifest.version);
    expect(() => assertSingleCopy('@netmem/machine', '9.9.9')).toThrow(`${manifest.version} (`);
  });
});
