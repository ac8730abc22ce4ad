import { createHash } from 'node:crypto';
import { LinearMemory } from '@netmem/region';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ScriptEngine, Sha256, type Sha256Engine, sha256Engine } from './sha256.ts';

const BYTES = 1 << 20;

function filled(): LinearMemory {
  const memory = new LinearMemory(BYTES + (1 << 16));
  const { base, length } = memory.carve(BYTES - 4096);
  for (let i = base; i < base + length; i++) memory.bytes[i] = (i * 2654435761) >>> 13;
  return memory;
}

function expected(memory: LinearMemory, at: number, length: number): string {
  return createHash('sha256')
    .update(memory.bytes.subarray(at, at + length))
    .digest('hex');
}

const hex = (bytes: Uint8Array): string => [...bytes].map((b) => b.toString(16).padStart(2, '0')).join('');

describe.each([
  ['WebAssembly', (memory: LinearMemory): Sha256Engine => sha256Engine(memory)],
  ['plain JavaScript', (memory: LinearMemory): Sha256Engine => new ScriptEngine(memory)],
])('Sha256 by %s', (_, engineOf) => {
  const memory = filled();
  const engine = engineOf(memory);

  it('agrees with node:crypto at every length around the block and padding edges', () => {
    for (let length = 0; length <= 200; length++) {
      const sha = new Sha256();
      sha.update(engine, 8192 + 3, length);
      expect(hex(sha.digest()), `length ${length}`).toBe(expected(memory, 8192 + 3, length));
    }
  });

  it('does not care how the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 20 }), (cuts) => {
        const sha = new Sha256();
        let at = 4097;
        for (const length of cuts) {
          sha.update(engine, at, length);
          at += length;
        }
        expect(sha.consumedBytes).toBe(at - 4097);
        expect(hex(sha.digest())).toBe(expected(memory, 4097, at - 4097));
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  it('digests a megabyte, in the middle of a stream and at its end', () => {
    const sha = new Sha256();
    sha.update(engine, 4096, 500_000);
    expect(hex(sha.digest())).toBe(expected(memory, 4096, 500_000));
    sha.update(engine, 504_096, BYTES - 504_096);
    expect(hex(sha.digest())).toBe(expected(memory, 4096, BYTES - 4096));
    sha.reset();
    expect(hex(sha.digest())).toBe(expected(memory, 0, 0));
  });
});

it('one engine serves a memory for good', () => {
  const memory = new LinearMemory(1 << 16);
  expect(sha256Engine(memory)).toBe(sha256Engine(memory));
});
