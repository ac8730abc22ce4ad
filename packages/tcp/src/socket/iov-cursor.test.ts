import { type Region, regionOf, subregion } from '@netmem/region';
import { EFAULT } from '@netmem/uapi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FragSpec, frag, pattern, SkbBench, type SkbSpec, specLength } from '../../test/skb-builder.ts';
import { IovCursor } from './msghdr.ts';

const FILL = 0xee;

/** Regions of the given lengths in one buffer, with a byte between each two that nobody may touch. */
function regions(lengths: readonly number[]): { iov: Region[]; content: () => number[]; untouched: () => boolean } {
  const whole = new Uint8Array(lengths.reduce((sum, n) => sum + n + 1, 1)).fill(FILL);
  const region = regionOf(whole);
  let at = 1;
  const iov = lengths.map((length) => {
    const part = subregion(region, at, length);
    at += length + 1;
    return part;
  });
  return {
    iov,
    content: () => iov.flatMap((part) => [...whole.subarray(part.base, part.base + part.length)]),
    untouched: () => whole[0] === FILL && iov.every((part) => whole[part.base + part.length] === FILL),
  };
}

const expected = (from: number, length: number): number[] => Array.from({ length }, (_, i) => pattern(from + i));

const pageFrag: fc.Arbitrary<FragSpec> = fc
  .record({ offset: fc.nat(600), size: fc.integer({ min: 1, max: 300 }) })
  .map(({ offset, size }) => frag(size, offset, 'page'));
const flat: fc.Arbitrary<SkbSpec> = fc.record({
  linear: fc.nat(300),
  frags: fc.array(pageFrag, { maxLength: 5 }),
});
const readable: fc.Arbitrary<SkbSpec> = fc
  .record({ head: flat, members: fc.array(flat, { maxLength: 4 }) })
  .map(({ head, members }) => ({ ...head, members }));

describe('IovCursor', () => {
  it('copies any range of any readable packet to any iovec', () => {
    fc.assert(
      fc.property(
        readable,
        fc.array(fc.nat(400), { minLength: 1, maxLength: 6 }),
        fc.nat(),
        fc.nat(),
        (spec, lengths, a, b) => {
          const bench = new SkbBench({ niovs: 1 });
          const skb = bench.build(spec);
          expect(skb.len).toBe(specLength(spec));
          const room = lengths.reduce((sum, n) => sum + n, 0);
          const offset = a % (skb.len + 1);
          const length = b % (Math.min(room, skb.len - offset) + 1);
          const { iov, content, untouched } = regions(lengths);
          const cursor = new IovCursor();
          cursor.reset(iov);
          const first = length >> 1;
          expect(cursor.copySkb(skb, offset, first)).toBe(0);
          expect(cursor.copySkb(skb, offset + first, length - first)).toBe(0);
          expect(content().slice(0, length)).toEqual(expected(offset, length));
          expect(content().slice(length)).toEqual(new Array(room - length).fill(FILL));
          expect(untouched()).toBe(true);
          skb.consume();
          expect(bench.network.skbs.audit()).toEqual([]);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('copies into the memory that packets live in without a detour', () => {
    const bench = new SkbBench({ niovs: 1 });
    const skb = bench.build({ linear: 100, frags: [frag(200, 40, 'page')] });
    const into = bench.machine.memory.carve(400);
    const cursor = new IovCursor();
    cursor.reset([subregion(into, 0, 130), subregion(into, 200, 170)]);
    expect(cursor.copySkb(skb, 0, 300)).toBe(0);
    const { bytes } = bench.machine.memory;
    expect([...bytes.subarray(into.base, into.base + 130)]).toEqual(expected(0, 130));
    expect([...bytes.subarray(into.base + 200, into.base + 370)]).toEqual(expected(130, 170));
  });

  it('faults when the iovec ends, and when the packet does', () => {
    const bench = new SkbBench({ niovs: 1 });
    const skb = bench.build({ linear: 50, frags: [frag(50, 0, 'page')] });
    const cursor = new IovCursor();
    const { iov, content } = regions([30, 0, 30]);
    cursor.reset(iov);
    expect(cursor.copySkb(skb, 0, 61)).toBe(-EFAULT);
    expect(content()).toEqual(expected(0, 60));
    cursor.reset(iov);
    expect(cursor.copySkb(skb, 60, 41)).toBe(-EFAULT);
  });

  it('copies the linear part of an unreadable packet, then faults', () => {
    const bench = new SkbBench({ niovs: 4 });
    const skb = bench.build({ linear: 50, frags: [frag(50)] });
    const { iov, content } = regions([100]);
    const cursor = new IovCursor();
    cursor.reset(iov);
    expect(cursor.copySkb(skb, 20, 30)).toBe(0);
    expect(cursor.copySkb(skb, 50, 1)).toBe(-EFAULT);
    expect(content().slice(0, 31)).toEqual([...expected(20, 30), FILL]);
  });

  it('says how many bytes fitted', () => {
    const { iov, content } = regions([0, 3, 0, 2]);
    const cursor = new IovCursor();
    cursor.reset(iov);
    expect(cursor.copyTo(Uint8Array.of(1, 2, 3, 4), 1, 2)).toBe(2);
    expect(cursor.copyTo(Uint8Array.of(5, 6, 7, 8, 9), 0, 5)).toBe(3);
    expect(cursor.copyTo(Uint8Array.of(1), 0, 1)).toBe(0);
    expect(content()).toEqual([2, 3, 5, 6, 7]);
  });
});
