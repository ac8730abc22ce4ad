import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Declaration, exportsOf, scan } from '@netmem/tsdoc';
import { type Citation, isTestable, parseCitation } from './citation.ts';
import { hasTest, isPublic, type PackageTests, reachedBy, type Spanned } from './tested.ts';

/** A TypeScript declaration and the kernel name it mirrors. */
export interface Mirror extends Citation {
  readonly name: string;
  /** Source path relative to the root. */
  readonly path: string;
}

/** Every mirror of the tree, and what is wrong with the tags. */
export interface Collection {
  readonly mirrors: readonly Mirror[];
  readonly problems: readonly string[];
}

/** Reads all packages below `root`. */
export function collect(root: string): Collection {
  const mirrors: Mirror[] = [];
  const problems: string[] = [];
  for (const folder of globSync('packages/*', { cwd: root }).toSorted()) {
    const paths = globSync(`${folder}/{src,test}/**/*.ts`, { cwd: root }).toSorted();
    const isTest = (path: string): boolean => path.endsWith('.test.ts') || path.startsWith(`${folder}/test/`);
    const read = (path: string): string => readFileSync(join(root, path), 'utf8');
    const words = new Set(paths.filter(isTest).flatMap((path) => read(path).match(/[\w$]+/g) ?? []));
    const sources = paths.filter((path) => !isTest(path)).map((path) => ({ path, declarations: spanned(read(path)) }));
    const tests: PackageTests = {
      words,
      exported: exportedNames(
        paths.filter((path) => /\/src\/(?:[\w-]+\/)?index\.ts$/.test(path)).map((path) => join(root, path)),
      ),
      reached: reachedBy(
        words,
        sources.flatMap(({ declarations }) => declarations),
      ),
    };
    for (const { path, declarations } of sources) {
      const all = declarations.map(({ declaration }) => declaration);
      for (const declaration of all) {
        const found = mirrorsOf(declaration, path, tests, isTestable(declaration, all));
        mirrors.push(...found.mirrors);
        problems.push(...found.problems);
      }
    }
  }
  return { mirrors, problems };
}

function spanned(source: string): Spanned[] {
  const lines = source.split('\n');
  return scan(source).declarations.map((declaration) => ({
    declaration,
    text: lines.slice(declaration.line - 1, declaration.endLine - 1).join('\n'),
  }));
}

/** The modules of a package are `src/index.ts` and `src/<subpath>/index.ts`. */
function exportedNames(modules: readonly string[]): Set<string> {
  const entries = modules.flatMap(exportsOf);
  return new Set(entries.flatMap((entry) => [entry, ...entry.members]).map(({ declaration }) => declaration.name));
}

/** What one declaration mirrors, and what is wrong with its tags or tests. */
function mirrorsOf(declaration: Declaration, path: string, tests: PackageTests, testable: boolean): Collection {
  const at = `${path}:${declaration.line}: ${declaration.name}`;
  const problems: string[] = [];
  const tags = (declaration.comment?.tags ?? []).filter((tag) => tag.name === 'kernel');
  const citations = tags.flatMap((tag) => {
    const parsed = parseCitation(tag.text);
    if (!parsed) problems.push(`${at}: "@kernel ${tag.text}" is not "@kernel name — file, version"`);
    return parsed ?? [];
  });
  if (citations.length > 0 && testable && citations.every(({ kernel }) => !hasTest(declaration, kernel, tests))) {
    const wanted = isPublic(declaration, tests.exported) ? 'names it' : 'names it or leads to it';
    problems.push(`${at} mirrors ${citations[0]!.kernel} and no test of its package ${wanted}`);
  }
  return { mirrors: citations.map((citation) => ({ ...citation, name: declaration.name, path })), problems };
}
