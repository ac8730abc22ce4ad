import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cubicRoot } from './cubic-root.ts';

describe('cubicRoot', () => {
  it('is the root, rounded down', () => {
    expect([0, 1, 7, 8, 26, 27, 1e6, 999_999].map(cubicRoot)).toEqual([0, 1, 1, 2, 2, 3, 100, 99]);
  });

  it('is so for every whole number that a double holds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (value) => {
        const root = BigInt(cubicRoot(value));
        expect(root ** 3n <= BigInt(value) && (root + 1n) ** 3n > BigInt(value)).toBe(true);
      }),
    );
  });
});
