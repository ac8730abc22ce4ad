/** Inspects every file git knows or would add. Prints `path:line: what` and fails when there is any. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from './rules.ts';

const root = join(import.meta.dirname, '../../..');
const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root });
const paths = listed
  .toString()
  .split('\0')
  .filter((path) => path !== '' && existsSync(join(root, path)));
const findings = paths.flatMap((path) => inspect(path, readFileSync(join(root, path), 'utf8')));
for (const { path, line, message } of findings) console.error(`${path}:${line}: ${message}`);
console.log(`${paths.length} files inspected, ${findings.length} findings`);
if (findings.length > 0) process.exitCode = 1;
