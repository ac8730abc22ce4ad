import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CacheFolder, type Manifest } from './cache-folder.ts';

let folder: string;
let cache: CacheFolder;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'netmem-cache-'));
  cache = new CacheFolder(folder);
});
afterEach(() => rmSync(folder, { recursive: true }));

function fill(into: string): Manifest {
  writeFileSync(join(into, 'file'), 'x');
  return { version: '1', paths: { file: 'file' }, taken: [] };
}

describe('CacheFolder', () => {
  it('makes a part once it is whole, with paths of where it lies', async () => {
    expect(cache.read('kernels/1')).toBeNull();
    const made = await cache.make('kernels/1', fill);
    expect(made.paths).toEqual({ file: join(folder, 'kernels/1/file') });
    expect(cache.read('kernels/1')).toEqual(made);
    expect(cache.list('kernels')).toEqual(['kernels/1']);
    expect(cache.list('others')).toEqual([]);
  });

  it('leaves nothing behind when it cannot be made', async () => {
    const failing = cache.make('qemu', () => {
      throw new Error('no network');
    });
    await expect(failing).rejects.toThrow('no network');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('keeps the old part until the new one is there', async () => {
    await cache.make('qemu', fill);
    await expect(
      cache.make('qemu', () => {
        throw new Error('interrupted');
      }),
    ).rejects.toThrow();
    expect(cache.read('qemu')).not.toBeNull();
  });

  it('does not believe a part whose files are gone, or whose manifest is damaged', async () => {
    await cache.make('qemu', fill);
    rmSync(join(folder, 'qemu/file'));
    expect(cache.read('qemu')).toBeNull();
    await cache.make('qemu', fill);
    writeFileSync(join(folder, 'qemu/manifest.json'), '{');
    expect(cache.read('qemu')).toBeNull();
  });

  it('lets two make the same part at once', async () => {
    const both = await Promise.all([cache.make('tools', fill), cache.make('tools', fill)]);
    expect(both[0]).toEqual(both[1]);
    expect(existsSync(both[0].paths.file as string)).toBe(true);
    expect(readdirSync(folder)).toEqual(['tools']);
  });

  it('sweeps away what a run that was interrupted long ago has left', async () => {
    const [old, fresh] = [cache.temporary(), cache.temporary()];
    utimesSync(old, 1, 1);
    await cache.make('qemu', fill);
    expect(existsSync(old)).toBe(false);
    expect(existsSync(fresh)).toBe(true);
  });

  it("lies in the user's cache", () => {
    expect(new CacheFolder().path).toMatch(/\/netmem$/);
  });
});
