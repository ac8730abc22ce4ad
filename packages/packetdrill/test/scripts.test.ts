import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseScript, type Result, runScript } from '../src/index.ts';
import { LabHost } from './lab-host.ts';

/**
 * Scripts that say what Linux does and @netmem/tcp does not yet, with the line where they part. When one passes, its row goes.
 */
const NOT_YET: ReadonlyMap<string, number> = new Map();

function run(path: string): { readonly result: Result; readonly audit: readonly string[] } {
  const host = new LabHost();
  const script = parseScript(readFileSync(path, 'utf8'), basename(path));
  const result = runScript(script, host, { leftovers: 'fail' });
  return { result, audit: host.finish() };
}

describe('our stack', () => {
  for (const path of globSync('scripts/*.pkt', { cwd: import.meta.dirname }).toSorted()) {
    const name = basename(path);
    const line = NOT_YET.get(name);
    it(line === undefined ? name : `${name} (not yet, line ${line})`, () => {
      const { result, audit } = run(join(import.meta.dirname, path));
      const failures = result.failures.map((failure) => failure.text).join('\n');
      if (line === undefined) expect(failures).toBe('');
      else expect(result.failures.map((failure) => failure.line)).toEqual([line]);
      expect(audit).toEqual([]);
    });
  }
});
