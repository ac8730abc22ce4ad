import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SlotRing } from './slot-ring.ts';
import { WaitingFrames } from './waiting-frames.ts';

it('WaitingFrames gives frames by due time, those of one time in the order in which they came', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(8), { maxLength: 60 }), (dues) => {
      const waiting = new WaitingFrames(60);
      expect(waiting.firstDue).toBe(Infinity);
      dues.forEach((due, i) => {
        waiting.add(i + 1, due);
      });
      const expected = dues.map((due, i) => ({ due, slot: i + 1 })).sort((a, b) => a.due - b.due || a.slot - b.slot);
      for (const { due, slot } of expected) {
        expect(waiting.firstDue).toBe(due);
        expect(waiting.take()).toBe(slot);
      }
      expect(waiting.take()).toBe(0);
    }),
    { seed: 22 },
  );
});

it('SlotRing is a queue of exactly its capacity', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.array(fc.boolean(), { maxLength: 100 }), (capacity, steps) => {
      const ring = new SlotRing(capacity);
      const model: number[] = [];
      let next = 1;
      for (const push of steps) {
        if (push) {
          expect(ring.push(next)).toBe(model.length < capacity);
          if (model.length < capacity) model.push(next);
          next++;
        } else {
          expect(ring.pop()).toBe(model.shift() ?? 0);
        }
        expect(ring.length).toBe(model.length);
      }
    }),
    { seed: 23 },
  );
});
