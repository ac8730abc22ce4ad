import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkPattern, fillPattern } from './stream-pattern.ts';

function pattern(offset: number, length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  fillPattern(bytes, offset, seed);
  return bytes;
}

describe('the stream pattern', () => {
  it("is the guest's", () => {
    // What pattern.c writes: word 0 of seed 1 is 0x9e3779b1 with its upper half folded into the lower.
    expect([...pattern(0, 4, 1)]).toEqual([0xdf, 0x45, 0x36, 0x9e]);
  });

  it('is the same bytes wherever they are cut', () => {
    const whole = pattern(0, 4096, 7);
    fc.assert(
      fc.property(fc.nat(4095), fc.nat(300), (offset, length) => {
        const part = pattern(offset, Math.min(length, 4096 - offset), 7);
        expect(part).toEqual(whole.subarray(offset, offset + part.length));
        expect(checkPattern(part, offset, 7)).toBe(part.length);
      }),
    );
  });

  it('finds the first wrong byte', () => {
    fc.assert(
      fc.property(fc.nat(10_000), fc.integer({ min: 1, max: 200 }), fc.nat(), (offset, length, where) => {
        const bytes = pattern(offset, length, 3);
        const at = where % length;
        bytes[at] = (bytes[at] as number) ^ 0x10;
        expect(checkPattern(bytes, offset, 3)).toBe(at);
      }),
    );
  });

  it('differs between seeds and places', () => {
    expect(checkPattern(pattern(0, 64, 1), 0, 2)).toBeLessThan(64);
    expect(checkPattern(pattern(0, 64, 1), 64, 1)).toBeLessThan(64);
  });
});
