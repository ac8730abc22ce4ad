/**
 * Writes from the table what the table decides: manifests' workspace dependencies and exports, tsconfig references,
 * turbo tags; and from the manifests the versions that sources name. `--check` writes nothing and fails when a file differs.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type OwnedFile, ownedFiles, rootFiles } from './files.ts';
import { manifestOf } from './manifest.ts';
import { ROWS } from './table.ts';
import { versionPath, versionSource } from './version.ts';

const root = join(import.meta.dirname, '../../..');
const check = process.argv.includes('--check');

function read(path: string): unknown {
  return existsSync(join(root, path)) ? JSON.parse(readFileSync(join(root, path), 'utf8')) : undefined;
}

const files: OwnedFile[] = rootFiles();
for (const row of ROWS) {
  const path = `${row.path}/package.json`;
  files.push({ path, content: manifestOf(row, read(path) as Record<string, unknown> | undefined) }, ...ownedFiles(row));
}

// Compared as values, so that the formatter keeps the last word on how JSON looks.
const stale = files
  .filter((file) => JSON.stringify(read(file.path)) !== JSON.stringify(file.content))
  .map(({ path, content }) => ({ path, text: `${JSON.stringify(content, null, 2)}\n` }));
for (const row of ROWS) {
  const path = versionPath(row);
  if (path === null) continue;
  const { version } = read(`${row.path}/package.json`) as { readonly version: string };
  const text = versionSource(row, version);
  if (!existsSync(join(root, path)) || readFileSync(join(root, path), 'utf8') !== text) stale.push({ path, text });
}
for (const { path, text } of stale) {
  console.log(`${check ? 'stale' : 'wrote'} ${path}`);
  if (check) continue;
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}
if (!check && stale.length > 0) {
  const paths = stale.map((file) => join(root, file.path));
  execFileSync(join(root, 'node_modules/.bin/biome'), ['format', '--write', ...paths], { cwd: root, stdio: 'inherit' });
}
if (check && stale.length > 0) {
  console.error('the package graph is stale: run `pnpm graph`');
  process.exitCode = 1;
}
