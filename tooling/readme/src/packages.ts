import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Comment, exportsOf, scan } from '@netmem/tsdoc';
import type { PackageRow } from './package-table.ts';
import { type Manifest, programsIn, type Source } from './render.ts';

/** The repository's root. */
export const ROOT: string = join(import.meta.dirname, '../../..');

type Exports = Readonly<Record<string, string | { readonly '@netmem/source'?: string }>>;

/** Folder names below packages/, sorted. */
export function packageNames(): string[] {
  return globSync('packages/*/package.json', { cwd: ROOT })
    .map((path) => path.split(/[\\/]/)[1]!)
    .toSorted();
}

/** Reads the rows of the root README's table. */
export function packageRows(): PackageRow[] {
  return packageNames().map((folder) => {
    const text = readFileSync(join(ROOT, 'packages', folder, 'package.json'), 'utf8');
    const { name, description, dependencies, peerDependencies } = JSON.parse(text) as Manifest & {
      readonly description: string;
      readonly dependencies?: Readonly<Record<string, string>>;
    };
    const imports = Object.keys({ ...dependencies, ...peerDependencies }).filter((key) => key.startsWith('@netmem/'));
    return { folder, name, description, imports: imports.map((key) => key.slice('@netmem/'.length)) };
  });
}

/** Reads what a package's README is made from. Throws with the path when a module has no module comment. */
export function readPackage(name: string): Source {
  const folder = join(ROOT, 'packages', name);
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest & { exports: Exports };
  const modules = Object.entries(manifest.exports).flatMap(([key, value]) => {
    const source = typeof value === 'string' ? undefined : value['@netmem/source'];
    return source ? [{ key, path: join(folder, source) }] : [];
  });
  const [main, ...others] = modules.map(({ key, path }) => ({
    name: key.replace('./', ''),
    module: moduleComment(path),
    exports: exportsOf(path),
  }));
  return { manifest, module: main!.module, exports: main!.exports, subpaths: others };
}

function moduleComment(path: string): Comment {
  const comment = scan(readFileSync(path, 'utf8')).module;
  if (!comment) throw new Error(`${path}: no module comment with @packageDocumentation`);
  return comment;
}

/** Code that a page of docs/ shows. All of it must run. */
export function programsOfPage(path: string): string[] {
  return programsIn(readFileSync(join(ROOT, path), 'utf8'));
}

/** The pages of docs/ that have code, relative to the root. */
export function pagesWithCode(): string[] {
  return globSync('docs/*.md', { cwd: ROOT })
    .filter((path) => programsOfPage(path).length > 0)
    .toSorted();
}
