/** Builds the site into dist/: the reference from the sources' comments, the pages of docs/, and the sources. */
import { spawnSync } from 'node:child_process';
import { cpSync, globSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const site = join(import.meta.dirname, '..');
const dist = join(site, 'dist');
const packages = join(site, '../../packages');

rmSync(dist, { recursive: true, force: true });
const typedoc = join(site, 'node_modules/typedoc/bin/typedoc');
const { status } = spawnSync(process.execPath, [typedoc], { cwd: site, stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);

// As text, because servers take .ts for a video stream.
for (const path of globSync('*/src/**/*.ts', { cwd: packages, exclude: (name) => name.endsWith('.test.ts') })) {
  cpSync(join(packages, path), join(dist, 'sources', `${path}.txt`));
}
console.log('open apps/site/dist/index.html');
