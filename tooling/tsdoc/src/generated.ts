import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Keeps a generated file right: writes it, or with `check` only tells. True when it was right already. */
export function settle(path: string, text: string, check: boolean): boolean {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return true;
  if (!check) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return false;
}
