import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PendingSet } from './pending-set.ts';

describe('PendingSet', () => {
  it('is a queue without repetition', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1, max: 4 }), { maxLength: 60 }), (steps) => {
        const set = new PendingSet(5);
        const model: number[] = [];
        for (const step of steps) {
          if (step < 0) {
            if (model.length > 0) expect(set.take()).toBe(model.shift());
          } else {
            set.add(step);
            if (!model.includes(step)) model.push(step);
          }
          expect(set.count).toBe(model.length);
        }
      }),
      { seed: 11 },
    );
  });

  it('forgets everything at once', () => {
    const set = new PendingSet(2);
    set.add(1);
    set.add(0);
    set.clear();
    expect(set.count).toBe(0);
    set.add(1);
    expect(set.take()).toBe(1);
  });
});
