/**
 * Assembles checksum.wat into src/checksum-wasm.ts. Run it after a change to the .wat: `node wasm/assemble.ts`.
 * The result is checked in, so that nobody who installs the package needs an assembler; a test compares both.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import loadWabt from 'wabt';

const SOURCE = join(import.meta.dirname, 'checksum.wat');
const TARGET = join(import.meta.dirname, '../src/checksum-wasm.ts');

/** The module as base64. */
export async function assemble(): Promise<string> {
  const wabt = await loadWabt();
  const module = wabt.parseWat('checksum.wat', readFileSync(SOURCE, 'utf8'), { simd: true });
  module.validate();
  const { buffer } = module.toBinary({});
  module.destroy();
  return Buffer.from(buffer).toString('base64');
}

/** The source file that holds it, lines of 100 characters. */
export function sourceFile(base64: string): string {
  const lines = base64.match(/.{1,100}/g) ?? [];
  return [
    '/** `wasm/checksum.wat`, assembled. Written by `wasm/assemble.ts`; a test compares it with its source. */',
    'export const CHECKSUM_WASM_BASE64: string =',
    `${lines.map((line) => `  '${line}'`).join(' +\n')};`,
    '',
  ].join('\n');
}

if (import.meta.main) writeFileSync(TARGET, sourceFile(await assemble()));
