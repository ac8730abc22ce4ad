import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Declaration, scan } from './scan.ts';

/** A name a module exports, and the declaration behind it. */
export interface Export {
  readonly name: string;
  readonly declaration: Declaration;
  /** What an `export * as x` has inside; empty for everything else. */
  readonly members: readonly Export[];
}

const NAMED = /^export (?:type )?\{([^}]*)\} from '(\.[^']+)';/gm;
const NAMESPACE = /^export (?:type )?\* as (\w+) from '(\.[^']+)';/gm;
const STAR = /^export (?:type )?\* from '(\.[^']+)';/gm;

/** Everything a module exports, re-exports followed through relative paths. Source order. */
export function exportsOf(path: string): Export[] {
  const text = readFileSync(path, 'utf8');
  const found: Export[] = [];
  for (const declaration of scan(text).declarations) {
    if (declaration.exported) found.push({ name: declaration.name, declaration, members: [] });
  }
  for (const match of text.matchAll(NAMED)) {
    const behind = new Map(exportsOf(join(dirname(path), match[2]!)).map((entry) => [entry.name, entry]));
    for (const item of match[1]!.split(',')) {
      const [inner, outer] = item
        .trim()
        .replace(/^type /, '')
        .split(' as ');
      const entry = inner ? behind.get(inner) : undefined;
      if (entry) found.push({ ...entry, name: outer ?? entry.name });
    }
  }
  for (const match of text.matchAll(NAMESPACE)) {
    found.push(namespaceOf(match[1]!, join(dirname(path), match[2]!)));
  }
  for (const match of text.matchAll(STAR)) found.push(...exportsOf(join(dirname(path), match[1]!)));
  return found;
}

/** A module under a name. Its comment is the module's. */
function namespaceOf(name: string, path: string): Export {
  const comment = scan(readFileSync(path, 'utf8')).module;
  const where = { line: 1, endLine: 1, exported: true, isField: false, ownerKind: undefined };
  return { name, declaration: { ...where, name, kind: 'namespace', comment }, members: exportsOf(path) };
}
