import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Declaration, scan } from './scan.ts';

/** A name a module exports, and the declaration behind it. */
export interface Export {
  readonly name: string;
  readonly declaration: Declaration;
}

const NAMED = /^export (?:type )?\{([^}]*)\} from '(\.[^']+)';/gm;
const STAR = /^export (?:type )?\* from '(\.[^']+)';/gm;

/** Everything a module exports, re-exports followed through relative paths. Source order. */
export function exportsOf(path: string): Export[] {
  const text = readFileSync(path, 'utf8');
  const found: Export[] = [];
  for (const declaration of scan(text).declarations) {
    if (declaration.exported) found.push({ name: declaration.name, declaration });
  }
  for (const match of text.matchAll(NAMED)) {
    const behind = new Map(exportsOf(join(dirname(path), match[2]!)).map((entry) => [entry.name, entry]));
    for (const item of match[1]!.split(',')) {
      const [inner, outer] = item
        .trim()
        .replace(/^type /, '')
        .split(' as ');
      const entry = inner ? behind.get(inner) : undefined;
      if (entry) found.push({ name: outer ?? entry.name, declaration: entry.declaration });
    }
  }
  for (const match of text.matchAll(STAR)) found.push(...exportsOf(join(dirname(path), match[1]!)));
  return found;
}
