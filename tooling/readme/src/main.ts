/** Writes every packages/<name>/README.md and the table in the root's; `--check` fails when one is stale or has no example. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { settle } from '@netmem/tsdoc';
import { withPackageTable } from './package-table.ts';
import { packageNames, packageRows, ROOT, readPackage } from './packages.ts';
import { examplesOf, render } from './render.ts';

const check = process.argv.includes('--check');
const complaints: string[] = [];
const keep = (path: string, text: string): void => {
  if (settle(join(ROOT, path), text, check)) return;
  complaints.push(check ? `${path} is stale: run \`pnpm readme\`` : `wrote ${path}`);
};

keep('README.md', withPackageTable(readFileSync(join(ROOT, 'README.md'), 'utf8'), packageRows()));
for (const name of packageNames()) {
  const source = readPackage(name);
  keep(`packages/${name}/README.md`, render(source));
  if (check && examplesOf(source.module).length === 0) complaints.push(`@netmem/${name}: no @example in src/index.ts`);
}
for (const complaint of complaints) console.log(complaint);
if (check && complaints.length > 0) process.exitCode = 1;
