import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type GuestMachine, QemuProcess } from './qemu-process.ts';
import { RunFolder } from './run-folder.ts';

let folder: string;
let files: RunFolder;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'netmem-qemu-'));
  writeFileSync(join(folder, 'initramfs'), 'archive');
  files = new RunFolder(1, join(folder, 'initramfs'), {
    settings: { NAME: "it's" },
    start: 'true',
    files: new Map(),
    share: null,
  });
});
afterEach(() => {
  files.remove();
  rmSync(folder, { recursive: true });
});

/** Starts a shell script in QEMU's place. */
function start(script: string): QemuProcess {
  const program = join(folder, 'qemu');
  writeFileSync(program, `#!/bin/sh\necho $$ > ${folder}/pid\n${script}\n`);
  chmodSync(program, 0o755);
  const machine: GuestMachine = {
    qemu: { argv: [program], env: { MARK: 'marked' }, version: '11.1.3' },
    kernel: '/boot/vmlinuz',
    files,
    memoryMiB: 512,
    cpus: 1,
    mayReboot: false,
  };
  return new QemuProcess(machine);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('QemuProcess', () => {
  it('gets the machine that was described', async () => {
    const qemu = start('for word; do echo "$word"; done; echo $MARK; exit 3');
    let output = '';
    qemu.onOutput = (text) => {
      output += text;
    };
    expect(await qemu.ended).toEqual({ code: 3, complaints: '' });
    expect(output).toContain(`mem-path=${files.memoryFile},share=on`);
    expect(output).toContain(JSON.stringify({ path: files.socketPath, type: 'unix' }));
    expect(output).toContain('-no-reboot');
    expect(output).toMatch(/marked\n$/);
  });

  it('hears what is typed, and we hear what it complains about', async () => {
    const qemu = start('read line; echo "got $line" >&2');
    qemu.type('words\n');
    expect(await qemu.ended).toEqual({ code: 0, complaints: 'got words' });
  });

  it('is gone when it is killed, with the files of its run', async () => {
    const qemu = start('echo up; exec sleep 1000');
    await new Promise<void>((resolve) => {
      qemu.onOutput = () => resolve();
    });
    const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'));
    expect(isAlive(pid)).toBe(true);
    qemu.kill();
    expect((await qemu.ended).code).not.toBe(0);
    expect(isAlive(pid)).toBe(false);
    await expect.poll(() => existsSync(files.path)).toBe(false);
  });

  it('tells of a program that cannot be started', async () => {
    const qemu = new QemuProcess({
      qemu: { argv: [join(folder, 'nothing')], env: {}, version: '' },
      kernel: '',
      files,
      memoryMiB: 1,
      cpus: 1,
      mayReboot: true,
    });
    const { code, complaints } = await qemu.ended;
    expect(code).not.toBe(0);
    expect(complaints).toMatch(/not found/);
  });
});
