/** Packs, lints and consumes every published package. Needs dist/: run `pnpm build` first. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { consume } from './consumer.ts';
import { packAll, ROOT } from './tarballs.ts';

const LINTERS = [
  ['publint', 'run', '--strict'],
  ['attw', '--profile', 'esm-only', '--no-definitely-typed', '--format', 'ascii', '--no-emoji'],
] as const;

const folder = mkdtempSync(join(tmpdir(), 'netmem-pack-'));
let failures = 0;
try {
  const tarballs = packAll(folder);
  for (const { name, path } of tarballs) {
    for (const [tool, ...args] of LINTERS) {
      const result = spawnSync(join(ROOT, 'node_modules/.bin', tool), [...args, path], { cwd: ROOT, encoding: 'utf8' });
      if (result.status === 0) continue;
      failures++;
      console.error(`${tool} ${name}\n${result.stdout}${result.stderr}`);
    }
  }
  console.log(`${tarballs.length} tarballs linted, ${failures} refused`);
  const outside = join(folder, 'outside');
  mkdirSync(outside);
  consume(outside, tarballs);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
if (failures > 0) process.exitCode = 1;
