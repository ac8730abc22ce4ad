import { readFileSync } from 'node:fs';
import { assertSingleCopy } from '@netmem/machine';
import { expect, it } from 'vitest';
import { NetmemTable } from './index.ts';
import { NETMEM_VERSION } from './version.ts';

it('is loaded once, and a second copy would be refused by name and version', () => {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  expect(NetmemTable.name).toBe('NetmemTable');
  expect(NETMEM_VERSION).toBe(manifest.version);
  expect(() => assertSingleCopy('@netmem/netmem', '9.9.9', 'elsewhere')).toThrow(
    new RegExp(`Two copies of @netmem/netmem .* ${manifest.version} \\(.* and 9\\.9\\.9 \\(elsewhere\\)`),
  );
});
