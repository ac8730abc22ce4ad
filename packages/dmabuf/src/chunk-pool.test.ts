import type { NetIovArea, NetIovRef } from '@netmem/netmem';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChunkPool } from './chunk-pool.ts';

const area = (firstSlot: number, numNiovs: number): NetIovArea => ({ firstSlot, numNiovs }) as NetIovArea;

/** What the kernel does, literally: chunks newest first, and in each the lowest free index. */
class Naive {
  readonly #chunks: { firstSlot: number; taken: boolean[] }[];

  constructor(areas: readonly NetIovArea[]) {
    this.#chunks = areas
      .map(({ firstSlot, numNiovs }) => ({ firstSlot, taken: new Array<boolean>(numNiovs).fill(false) }))
      .reverse();
  }

  alloc(): number {
    for (const { firstSlot, taken } of this.#chunks) {
      const index = taken.indexOf(false);
      if (index >= 0) {
        taken[index] = true;
        return firstSlot + index;
      }
    }
    return 0;
  }

  free(slot: number): boolean {
    const chunk = this.#chunks.find(({ firstSlot, taken }) => slot >= firstSlot && slot < firstSlot + taken.length);
    if (chunk === undefined || !chunk.taken[slot - chunk.firstSlot]) return false;
    chunk.taken[slot - chunk.firstSlot] = false;
    return true;
  }
}

describe('ChunkPool', () => {
  it('searches the chunk that was added last first, ascending', () => {
    const pool = new ChunkPool([area(10, 3), area(20, 2)]);
    expect([1, 2, 3, 4, 5, 6].map(() => pool.alloc())).toEqual([20, 21, 10, 11, 12, 0]);
    expect(pool.avail).toBe(0);
    pool.free(11 as NetIovRef);
    pool.free(21 as NetIovRef);
    expect([pool.alloc(), pool.alloc(), pool.alloc()]).toEqual([21, 11, 0]);
  });

  it('takes nothing back that is not out', () => {
    const pool = new ChunkPool([area(10, 3), area(40, 3)]);
    const got = pool.alloc();
    expect(pool.free(got)).toBe(true);
    expect(pool.free(got)).toBe(false);
    expect([9, 13, 39, 43, 0, -5].map((slot) => pool.free(slot as NetIovRef))).toEqual([
      false,
      false,
      false,
      false,
      false,
      false,
    ]);
    expect(pool.avail).toBe(6);
  });

  it('of nothing has nothing', () => {
    const pool = new ChunkPool([]);
    expect([pool.size, pool.avail, pool.alloc(), pool.free(1 as NetIovRef)]).toEqual([0, 0, 0, false]);
  });

  it('behaves as the kernel does on any sequence', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ gap: fc.integer({ min: 0, max: 5 }), count: fc.integer({ min: 1, max: 70 }) }), {
          minLength: 1,
          maxLength: 6,
        }),
        fc.array(fc.integer({ min: -1, max: 200 }), { maxLength: 300 }),
        (shape, steps) => {
          let slot = 1;
          const areas = shape.map(({ gap, count }) => {
            const made = area(slot + gap, count);
            slot += gap + count;
            return made;
          });
          const pool = new ChunkPool(areas);
          const naive = new Naive(areas);
          for (const step of steps) {
            if (step < 0 || step % 2 === 0) expect(pool.alloc()).toBe(naive.alloc());
            else expect(pool.free(step as NetIovRef)).toBe(naive.free(step));
          }
        },
      ),
      { seed: 3, numRuns: 200 },
    );
  });
});
