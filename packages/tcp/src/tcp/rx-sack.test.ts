import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RxSack } from './rx-sack.ts';

const blocks = (sack: RxSack): [number, number][] =>
  Array.from({ length: sack.count }, (_, i) => [sack.left[i], sack.right[i]]);

describe('RxSack', () => {
  it('says what a set of bytes would say: the newest block is in the set whole, all blocks are, no two touch', () => {
    const piece = fc.record({ at: fc.integer({ min: 0, max: 60 }), length: fc.integer({ min: 1, max: 8 }) });
    fc.assert(
      fc.property(
        fc.array(piece, { minLength: 1, maxLength: 30 }),
        fc.integer({ min: -100, max: 100 }),
        (pieces, base) => {
          const sack = new RxSack();
          const bytes = new Set<number>();
          for (const { at, length } of pieces) {
            const left = (base + 2 * at) | 0;
            sack.add(left, left + length);
            for (let i = 0; i < length; i++) bytes.add(left + i);
            const list = blocks(sack);
            expect(list.length).toBeLessThanOrEqual(4);
            // The first block holds what came last (RFC 2018, 4).
            expect(list[0][0]).toBeLessThanOrEqual(left);
            expect(list[0][1]).toBeGreaterThanOrEqual(left + length);
            for (const [from, to] of list) for (let i = from; i < to; i++) expect(bytes.has(i)).toBe(true);
            for (const [i, a] of list.entries()) {
              for (const b of list.slice(i + 1)) expect(a[1] < b[0] || b[1] < a[0]).toBe(true);
            }
          }
        },
      ),
      { seed: 11 },
    );
  });

  it('drops what rcvNxt has passed', () => {
    const sack = new RxSack();
    sack.add(10, 20);
    sack.add(30, 40);
    sack.add(50, 60);
    sack.advance(30);
    expect(blocks(sack)).toEqual([[50, 60]]);
  });

  it('works across the end of the numbers', () => {
    const sack = new RxSack();
    sack.add(0x7fff_fff0, 0x7fff_fff8);
    sack.add(0x7fff_fff8, -0x7fff_fff0);
    expect(blocks(sack)).toEqual([[0x7fff_fff0, -0x7fff_fff0]]);
  });

  it('widens a duplicate that touches, keeps one that does not', () => {
    const sack = new RxSack();
    sack.extendDuplicate(10, 20);
    sack.extendDuplicate(15, 30);
    expect([sack.duplicateLeft, sack.duplicateRight]).toEqual([10, 30]);
    sack.extendDuplicate(50, 60);
    expect([sack.duplicateLeft, sack.duplicateRight, sack.effective]).toEqual([10, 30, 1]);
    sack.clear();
    expect(sack.effective).toBe(0);
  });
});
