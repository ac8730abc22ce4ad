import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageNames, ROOT, readPackage } from './packages.ts';
import { programsOf } from './render.ts';

// Written beside this package's manifest, which depends on every package, so that an example may name any.
const here = join(ROOT, 'tooling/readme');
const folder = join(here, '.examples');

interface Example {
  readonly title: string;
  readonly path: string;
}

function writeExamples(): Example[] {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const options = { composite: false, noEmit: true, rootDir: '../../..' };
  const config = { extends: '../../tsconfig/program.json', compilerOptions: options, include: ['*.ts'] };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  return packageNames().flatMap((name) => {
    const { manifest, module, subpaths } = readPackage(name);
    const modules = [{ name: '', module }, ...subpaths];
    return modules.flatMap((each) =>
      programsOf(each.module).map((code, index) => {
        const path = join(folder, `${[name, each.name].filter(Boolean).join('-')}-${index + 1}.ts`);
        writeFileSync(path, `${code}\nexport {};\n`);
        return { title: `${join(manifest.name, each.name)}, example ${index + 1}`, path };
      }),
    );
  });
}

const examples = writeExamples();

describe('README examples', () => {
  it.each(examples)('$title runs', async ({ path }) => {
    await import(/* @vite-ignore */ path);
  });

  it('type-check as a user would see them', { timeout: 60_000 }, () => {
    const { stdout } = spawnSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', folder, '--pretty', 'false'], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    // Sources are checked elsewhere: only what an example itself gets wrong counts here.
    expect(stdout.split('\n').filter((line) => line.includes('.examples/'))).toEqual([]);
  });
});
