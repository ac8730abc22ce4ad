import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { assemble, sourceFile } from '../wasm/assemble.ts';
import { CHECKSUM_WASM_BASE64 } from './checksum-wasm.ts';

it('the checked-in module is what checksum.wat assembles to (else run wasm/assemble.ts)', async () => {
  const assembled = await assemble();
  expect(CHECKSUM_WASM_BASE64).toBe(assembled);
  expect(readFileSync(join(import.meta.dirname, 'checksum-wasm.ts'), 'utf8')).toBe(sourceFile(assembled));
});
