import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Declaration, scan } from '@netmem/tsdoc';
import { type Citation, isTestable, parseCitation } from './citation.ts';

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
    const words = new Set(
      paths.filter(isTest).flatMap((path) => readFileSync(join(root, path), 'utf8').match(/[\w$]+/g) ?? []),
    );
    for (const path of paths.filter((candidate) => !isTest(candidate))) {
      for (const declaration of scan(readFileSync(join(root, path), 'utf8')).declarations) {
        mirrors.push(...mirrorsOf(declaration, path, words, problems));
      }
    }
  }
  return { mirrors, problems };
}

function mirrorsOf(declaration: Declaration, path: string, tested: ReadonlySet<string>, problems: string[]): Mirror[] {
  const at = `${path}:${declaration.line}: ${declaration.name}`;
  const tags = (declaration.comment?.tags ?? []).filter((tag) => tag.name === 'kernel');
  const citations = tags.flatMap((tag) => {
    const parsed = parseCitation(tag.text);
    if (!parsed) problems.push(`${at}: "@kernel ${tag.text}" is not "@kernel name — file, version"`);
    return parsed ?? [];
  });
  const word = declaration.name.split('.').at(-1)!.replace('#', '');
  if (citations.length > 0 && isTestable(declaration) && !isPrivate(declaration) && !tested.has(word)) {
    problems.push(`${at} mirrors ${citations[0]!.kernel} and no test of its package mentions it`);
  }
  return citations.map((citation) => ({ ...citation, name: declaration.name, path }));
}

/** A `#private` member is reached through the public one that calls it. */
function isPrivate(declaration: Declaration): boolean {
  return declaration.name.includes('#');
}
