import { execFileSync, spawnSync } from 'node:child_process';
import { lstatSync, mkdtempSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CpioArchive } from './cpio.ts';

interface Entry {
  readonly name: string;
  readonly mode: number;
  readonly content: string;
  readonly device: readonly [number, number];
}

/** Reads as the kernel does: fields of eight hex digits, names and contents padded to four bytes, one archive behind another. */
function entriesOf(bytes: Uint8Array): Entry[] {
  const file = Buffer.from(bytes);
  const entries: Entry[] = [];
  for (let at = 0; at < file.length; ) {
    if (file[at] === 0) {
      at += 4;
      continue;
    }
    expect(file.toString('latin1', at, at + 6)).toBe('070701');
    const field = (n: number): number => Number.parseInt(file.toString('latin1', at + 6 + 8 * n, at + 14 + 8 * n), 16);
    const nameAt = at + 110;
    const contentAt = (nameAt + field(11) + 3) & ~3;
    const name = file.toString('utf8', nameAt, nameAt + field(11) - 1);
    const content = file.toString('utf8', contentAt, contentAt + field(6));
    if (name !== 'TRAILER!!!') entries.push({ name, mode: field(1), content, device: [field(9), field(10)] });
    at = (contentAt + field(6) + 3) & ~3;
  }
  return entries;
}

const cpio = spawnSync('cpio', ['--version']).status === 0;

describe('CpioArchive', () => {
  it('makes the folders on the way, once', () => {
    const archive = new CpioArchive();
    archive.addFile('/a/b/one', 'x', 0o755);
    archive.addFile('/a/b/two', 'yes');
    archive.addLink('/a/link', 'b/two');
    archive.addDevice('/dev/console', 5, 1);
    expect(entriesOf(archive.finish())).toEqual([
      { name: 'a', mode: 0o040755, content: '', device: [0, 0] },
      { name: 'a/b', mode: 0o040755, content: '', device: [0, 0] },
      { name: 'a/b/one', mode: 0o100755, content: 'x', device: [0, 0] },
      { name: 'a/b/two', mode: 0o100644, content: 'yes', device: [0, 0] },
      { name: 'a/link', mode: 0o120777, content: 'b/two', device: [0, 0] },
      { name: 'dev', mode: 0o040755, content: '', device: [0, 0] },
      { name: 'dev/console', mode: 0o020600, content: '', device: [5, 1] },
    ]);
  });

  it('can follow another archive', () => {
    const [first, second] = ['one', 'two'].map((content) => {
      const archive = new CpioArchive();
      archive.addFile('/file', content);
      return archive.finish();
    }) as [Uint8Array, Uint8Array];
    expect(first.length % 512).toBe(0);
    expect(entriesOf(Buffer.concat([first, second])).map(({ content }) => content)).toEqual(['one', 'two']);
  });

  it('keeps names that are not ASCII, and every byte of a file', () => {
    const archive = new CpioArchive();
    const bytes = Uint8Array.from({ length: 1001 }, (_, i) => i & 0x7f);
    archive.addFile('/größe', bytes);
    const [entry] = entriesOf(archive.finish());
    expect(entry?.name).toBe('größe');
    expect(Buffer.from(entry?.content ?? '')).toEqual(Buffer.from(bytes));
  });

  if (cpio) {
    it('is what cpio unpacks', () => {
      const archive = new CpioArchive();
      archive.addFile('/x/file', 'content', 0o755);
      archive.addLink('/x/link', 'file');
      const folder = mkdtempSync(join(tmpdir(), 'netmem-cpio-'));
      try {
        execFileSync('cpio', ['-idm', '--quiet'], { cwd: folder, input: archive.finish() });
        expect(readFileSync(join(folder, 'x/file'), 'utf8')).toBe('content');
        expect(lstatSync(join(folder, 'x/file')).mode & 0o777).toBe(0o755);
        expect(readlinkSync(join(folder, 'x/link'))).toBe('file');
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  } else console.warn('Left out, because there is no cpio here: unpacking with it.');
});
