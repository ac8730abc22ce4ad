/** Writes packages/<name>/README.md for every package; `--check` fails when one is stale or has no example. */
import { join } from 'node:path';
import { settle } from '@netmem/tsdoc';
import { packageNames, ROOT, readPackage } from './packages.ts';
import { examplesOf, render } from './render.ts';

const check = process.argv.includes('--check');
const complaints: string[] = [];
for (const name of packageNames()) {
  const source = readPackage(name);
  const fresh = settle(join(ROOT, 'packages', name, 'README.md'), render(source), check);
  if (!fresh) complaints.push(check ? `packages/${name}/README.md is stale: run \`pnpm readme\`` : `wrote ${name}`);
  if (check && examplesOf(source.module).length === 0) complaints.push(`@netmem/${name}: no @example in src/index.ts`);
}
for (const complaint of complaints) console.log(complaint);
if (check && complaints.length > 0) process.exitCode = 1;
