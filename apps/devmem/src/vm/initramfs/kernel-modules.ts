/** Modules as a guest can load them: uncompressed, each after those that it depends on. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { findModules } from '../setup/kernel.ts';

const MODULE_MAX_BYTES = 64 * 2 ** 20;

/** A module to load. */
export interface KernelModule {
  readonly name: string;
  readonly content: Uint8Array;
}

/** Names in the `depends` field of a module's own information, which depmod would have put into modules.dep. */
export function dependenciesOf(content: Uint8Array): string[] {
  const text = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const marker = Buffer.from('\0depends=');
  const at = text.indexOf(marker);
  if (at < 0) return [];
  const start = at + marker.length;
  return text
    .toString('latin1', start, text.indexOf(0, start))
    .split(',')
    .filter((name) => name !== '')
    .map((name) => name.replaceAll('-', '_'));
}

function readModule(path: string): Uint8Array {
  if (path.endsWith('.zst')) return zstdDecompressSync(readFileSync(path));
  if (path.endsWith('.gz')) return gunzipSync(readFileSync(path));
  // Node has no xz.
  if (path.endsWith('.xz')) return execFileSync('xz', ['-dc', path], { maxBuffer: MODULE_MAX_BYTES });
  return readFileSync(path);
}

/**
 * A module and all that it needs, in loading order. What is not below `folder` is built into the kernel.
 *
 * @throws Error when a module cannot be decompressed, for want of xz too.
 */
export function modulesInOrder(folder: string, wanted: readonly string[]): KernelModule[] {
  const files = findModules(folder);
  const ordered = new Map<string, KernelModule>();
  const visit = (name: string): void => {
    const path = files.get(name);
    if (path === undefined || ordered.has(name)) return;
    const content = readModule(path);
    for (const dependency of dependenciesOf(content)) visit(dependency);
    ordered.set(name, { name, content });
  };
  for (const name of wanted) visit(name);
  return [...ordered.values()];
}
