import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import { packageNames, pagesWithCode, programsOfPage, ROOT, readPackage } from './packages.ts';
import { programsOf } from './render.ts';

// Written beside this package's manifest, which depends on every package, so that an example may name any.
const here = join(ROOT, 'tooling/readme');
const folder = join(here, '.examples');

interface Example {
  readonly title: string;
  readonly path: string;
  /** What it says it prints: `console.log(x); // 1` or `// 1: because`, in order. */
  readonly says: readonly string[];
}

const SAYS = /^.*\bconsole\.log\(.*\); \/\/ (.+)$/gm;

function writeExamples(): Example[] {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const options = { composite: false, noEmit: true, rootDir: '../../..' };
  const config = { extends: '../../tsconfig/program.json', compilerOptions: options, include: ['*.ts'] };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  const write = (title: string, file: string, programs: readonly string[]): Example[] =>
    programs.map((code, index) => {
      const path = join(folder, `${file}-${index + 1}.ts`);
      writeFileSync(path, `${code}\nexport {};\n`);
      const says = [...code.matchAll(SAYS)].map((match) => match[1]!);
      return { title: `${title}, example ${index + 1}`, path, says };
    });
  const ofPackages = packageNames().flatMap((name) => {
    const { manifest, module, subpaths } = readPackage(name);
    const modules = [{ name: '', module }, ...subpaths];
    return modules.flatMap((each) =>
      write(join(manifest.name, each.name), [name, each.name].filter(Boolean).join('-'), programsOf(each.module)),
    );
  });
  const ofPages = pagesWithCode().flatMap((page) => write(page, basename(page, '.md'), programsOfPage(page)));
  return [...ofPackages, ...ofPages];
}

const examples = writeExamples();

describe('README examples', () => {
  it.each(examples)('$title runs, and prints what it says', async ({ path, says }) => {
    const printed: string[] = [];
    const log = vi.spyOn(console, 'log').mockImplementation((...values: unknown[]) => {
      printed.push(values.map((value) => (typeof value === 'string' ? value : inspect(value))).join(' '));
    });
    try {
      await import(/* @vite-ignore */ path);
    } finally {
      log.mockRestore();
    }
    let at = 0;
    for (const line of says) {
      const found = printed.findIndex((text, index) => index >= at && (line === text || line.startsWith(`${text}: `)));
      expect(found, `says ${JSON.stringify(line)}, printed ${JSON.stringify(printed)}`).toBeGreaterThanOrEqual(at);
      at = found + 1;
    }
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
