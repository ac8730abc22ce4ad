import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PtrRing } from './ptr-ring.ts';

describe('ptr_ring (PtrRing)', () => {
  it('is first in, first out', () => {
    const ring = new PtrRing(4);
    expect([ring.isEmpty, ring.consume()]).toEqual([true, 0]);
    for (const entry of [5, 6, 7]) expect(ring.produce(entry)).toBe(true);
    expect([ring.isEmpty, ring.length, ring.consume(), ring.consume(), ring.consume(), ring.consume()]).toEqual([
      false,
      3,
      5,
      6,
      7,
      0,
    ]);
  });

  it('is full when the next slot is not empty', () => {
    const ring = new PtrRing(3);
    expect([1, 2, 3, 4].map((entry) => ring.produce(entry))).toEqual([true, true, true, false]);
    expect(ring.consume()).toBe(1);
    expect([ring.produce(5), ring.produce(6)]).toEqual([true, false]);
  });

  it('empties consumed slots 16 at a time, and looks full until then', () => {
    const ring = new PtrRing(64);
    for (let entry = 1; entry <= 64; entry++) ring.produce(entry);
    for (let i = 0; i < 15; i++) ring.consume();
    expect([ring.length, ring.produce(65)]).toEqual([49, false]);
    ring.consume();
    expect(Array.from({ length: 17 }, (_, i) => ring.produce(65 + i)).filter((done) => done)).toHaveLength(16);
  });

  it.each([1, 2, 31])('empties each slot at once when it has only %i', (size) => {
    const ring = new PtrRing(size);
    for (let entry = 1; entry <= size; entry++) ring.produce(entry);
    expect(ring.produce(99)).toBe(false);
    expect([ring.consume(), ring.produce(99)]).toEqual([1, true]);
  });

  it('empties at the end of the ring, however few were consumed', () => {
    const ring = new PtrRing(40);
    for (let entry = 1; entry <= 40; entry++) ring.produce(entry);
    for (let i = 0; i < 32; i++) ring.consume();
    for (let entry = 41; entry <= 72; entry++) expect(ring.produce(entry)).toBe(true);
    for (let i = 0; i < 7; i++) ring.consume();
    expect(ring.produce(73)).toBe(false);
    ring.consume();
    for (let entry = 73; entry <= 80; entry++) expect(ring.produce(entry)).toBe(true);
  });

  it('moves many at once with the same result as one by one', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('produce' as const), count: fc.integer({ min: 1, max: 40 }) }),
      fc.record({ kind: fc.constant('consume' as const), count: fc.integer({ min: 1, max: 70 }) }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), fc.array(step, { maxLength: 60 }), (size, steps) => {
        const [single, bulk] = [new PtrRing(size), new PtrRing(size)];
        const waiting: number[] = [];
        const taken = new Int32Array(70);
        let entry = 0;
        for (const { kind, count } of steps) {
          if (kind === 'produce') {
            for (let i = 0; i < count; i++) {
              const done = single.produce(++entry);
              expect(bulk.produce(entry)).toBe(done);
              if (done) waiting.push(entry);
              // At most 15 consumed slots still look full.
              else expect(waiting.length).toBeGreaterThan(size - 16);
            }
          } else {
            const moved = bulk.consumeInto(taken, 0, count);
            expect([...taken.subarray(0, moved)]).toEqual(waiting.slice(0, count));
            for (const expected of waiting.splice(0, count)) expect(single.consume()).toBe(expected);
          }
          expect([single.length, bulk.length]).toEqual([waiting.length, waiting.length]);
        }
      }),
    );
  });
});
