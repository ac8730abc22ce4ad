import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runDevmem } from './run-devmem.ts';

const linux = process.platform === 'linux' && process.arch === 'x64';
let folder: string;
let oldQemu: string;
let environment: Record<string, string | undefined>;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'netmem-vm-usage-'));
  oldQemu = join(folder, 'qemu-system-x86_64');
  writeFileSync(oldQemu, '#!/bin/sh\necho "QEMU emulator version 9.2.4 (Debian)"\n');
  chmodSync(oldQemu, 0o755);
  mkdirSync(join(folder, 'modules'));
  writeFileSync(join(folder, 'image'), 'no kernel');
  environment = { XDG_CACHE_HOME: process.env.XDG_CACHE_HOME, PATH: process.env.PATH };
  // A cache with nothing in it, and a machine without programs.
  process.env.XDG_CACHE_HOME = folder;
  process.env.PATH = folder;
});
afterAll(() => {
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  rmSync(folder, { recursive: true });
});

describe('devmem vm', () => {
  it.each([
    [['vm', 'run', 'nothing'], /Allowed choices are ping, tcp, devmem-rx/],
    [['vm', 'run'], /missing required argument/],
    [['vm', 'setup', '--series', 'newest'], /Give a series such as 7\.3/],
    [['vm', 'setup', '--kernel', 'image'], /--kernel and --modules go together/],
    [['vm', 'shell', '--memory', '1'], /whole number from 256/],
    [['vm', 'run', 'ping', '--loss', '200%'], /Give a share/],
  ])('%j is a usage error', async (args, message) => {
    const { code, stderr, stdout } = await runDevmem(args as string[]);
    expect(stderr).toMatch(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  if (linux) {
    it('says why a QEMU will not do', async () => {
      const old = await runDevmem(['vm', 'setup', '--qemu', oldQemu]);
      expect(old).toMatchObject({ code: 2, stdout: '' });
      expect(old.stderr).toMatch(/is QEMU 9\.2\.4; vfio-user needs 10\.1\.1/);
      const none = await runDevmem(['vm', 'setup', '--qemu', join(folder, 'image')]);
      expect(none.code).toBe(2);
      expect(none.stderr).toMatch(/is no QEMU that runs here/);
    });

    it('says what cannot be had, when there is no apt and nothing is installed', async () => {
      const { code, stderr, stdout } = await runDevmem(['vm', 'run', 'ping']);
      expect(stderr).toMatch(/^error: QEMU 10\.1\.1 or newer.* cannot be had here: .+\n$/m);
      expect(stderr).not.toMatch(/\n\s+at /);
      expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    });
  } else console.warn('Left out, because devmem vm needs an x86-64 Linux.');
});
