/** Writes docs/kernel-map.md; `--check` fails when it is stale, a tag is malformed or a mirror has no test. */
import { join } from 'node:path';
import { settle } from '@netmem/tsdoc';
import { collect } from './mirrors.ts';
import { renderPage } from './page.ts';

const root = join(import.meta.dirname, '../../..');
const check = process.argv.includes('--check');
const { mirrors, problems } = collect(root);
const fresh = settle(join(root, 'docs/kernel-map.md'), renderPage(mirrors), check);
for (const problem of problems) console.error(problem);
if (!fresh && check) console.error('docs/kernel-map.md is stale: run `pnpm kernel-map`');
console.log(`${mirrors.length} mirrors, ${problems.length} problems`);
if (check && (!fresh || problems.length > 0)) process.exitCode = 1;
