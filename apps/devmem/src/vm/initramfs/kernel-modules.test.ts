import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dependenciesOf, modulesInOrder } from './kernel-modules.ts';

const moduleWith = (depends: string): Buffer => Buffer.from(`ELF\0license=GPL\0depends=${depends}\0name=x\0`);
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'netmem-modules-'));
  mkdirSync(join(folder, 'kernel/net'), { recursive: true });
  writeFileSync(join(folder, 'kernel/card.ko'), moduleWith('bus-core,lib'));
  writeFileSync(join(folder, 'kernel/net/bus-core.ko.gz'), gzipSync(moduleWith('lib')));
  writeFileSync(join(folder, 'kernel/lib.ko'), moduleWith(''));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('kernel modules', () => {
  it('says what a module needs', () => {
    expect(dependenciesOf(moduleWith('a,b-c'))).toEqual(['a', 'b_c']);
    expect(dependenciesOf(moduleWith(''))).toEqual([]);
    expect(dependenciesOf(Buffer.from('nothing'))).toEqual([]);
  });

  it('comes after all that it needs, each once and uncompressed', () => {
    const modules = modulesInOrder(folder, ['card', 'lib']);
    expect(modules.map(({ name }) => name)).toEqual(['lib', 'bus_core', 'card']);
    expect(Buffer.from(modules[1]?.content ?? []).toString()).toContain('depends=lib');
  });

  it('leaves out what is built in', () => {
    expect(modulesInOrder(folder, ['udmabuf'])).toEqual([]);
  });
});
