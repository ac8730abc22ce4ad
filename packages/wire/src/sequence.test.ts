import fc from 'fast-check';
import { expect, it } from 'vitest';
import { seqAdd, seqAfter, seqBefore, seqBetween, seqDistance, seqEqual, seqMax } from './index.ts';

it('orders numbers across the wrap', () => {
  expect(seqBefore(0xffffffff, 0)).toBe(true);
  expect(seqAfter(0, 0xffffffff)).toBe(true);
  expect(seqBefore(5, 5)).toBe(false);
  expect(seqBetween(1, 0xfffffffe, 3)).toBe(true);
  expect(seqBetween(4, 0xfffffffe, 3)).toBe(false);
  expect(seqBetween(0xfffffffe, 0xfffffffe, 3)).toBe(true);
  expect(seqMax(0xfffffff0, 16)).toBe(16);
  expect(seqDistance(16, 0xfffffff0)).toBe(32);
});

it('treats int32 and uint32 forms alike', () => {
  const number = fc.integer({ min: 0, max: 0xffffffff });
  fc.assert(
    fc.property(number, number, number, (a, b, c) => {
      expect(seqBefore(a | 0, b)).toBe(seqBefore(a, b | 0));
      expect(seqAfter(a | 0, b)).toBe(seqBefore(b, a));
      expect(seqBetween(a | 0, b, c | 0)).toBe(seqBetween(a, b | 0, c));
      expect(seqEqual(a, a | 0)).toBe(true);
      expect(seqEqual(seqAdd(a, seqDistance(b, a)), b)).toBe(true);
    }),
    { seed: 8 },
  );
});
