import type { NetmemRef } from '@netmem/netmem';
import { EBUSY, MAX_TOKEN_ID } from '@netmem/uapi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TokenTable } from './token-table.ts';

const ref = (n: number): NetmemRef => n as NetmemRef;

/** What the kernel's xarray does, by brute force. */
class Model {
  readonly out = new Map<number, number>();
  readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  allocate(value: number): number {
    let id = 1;
    while (this.out.has(id)) id++;
    if (id > this.limit) return -EBUSY;
    this.out.set(id, value);
    return id;
  }

  erase(id: number): number {
    const value = this.out.get(id) ?? 0;
    this.out.delete(id);
    return value;
  }
}

describe('TokenTable', () => {
  it('counts from 1 and uses an id again at once', () => {
    const table = new TokenTable();
    expect([table.allocate(ref(11)), table.allocate(ref(13)), table.allocate(ref(15))]).toEqual([1, 2, 3]);
    expect(table.erase(2)).toBe(13);
    expect(table.erase(1)).toBe(11);
    expect([table.allocate(ref(17)), table.allocate(ref(19)), table.allocate(ref(21))]).toEqual([1, 2, 4]);
    expect(table.count).toBe(4);
  });

  it('answers 0 for ids that are not out, whatever their size', () => {
    const table = new TokenTable();
    table.allocate(ref(11));
    for (const id of [0, 2, 31, 32, 1023, 1024, MAX_TOKEN_ID, 0x8000_0000, 0xffff_ffff])
      expect(table.erase(id)).toBe(0);
    expect(table.count).toBe(1);
    expect(table.erase(1)).toBe(11);
    expect(table.erase(1)).toBe(0);
    expect(table.count).toBe(0);
  });

  it('is exhausted at its limit, and only until an id comes back', () => {
    const table = new TokenTable(40);
    for (let id = 1; id <= 40; id++) expect(table.allocate(ref(id))).toBe(id);
    expect(table.allocate(ref(99))).toBe(-EBUSY);
    expect(table.count).toBe(40);
    expect(table.erase(33)).toBe(33);
    expect(table.allocate(ref(99))).toBe(33);
    expect(table.allocate(ref(99))).toBe(-EBUSY);
  });

  it('grows past any hoard', () => {
    const table = new TokenTable();
    for (let id = 1; id <= 5000; id++) expect(table.allocate(ref(id * 2 + 1))).toBe(id);
    expect(table.capacity).toBeGreaterThan(5000);
    for (let id = 5000; id >= 1; id--) expect(table.erase(id)).toBe(id * 2 + 1);
    expect(table.count).toBe(0);
    expect(table.allocate(ref(7))).toBe(1);
  });

  it('hands out the lowest free id, as a set of ids does', () => {
    const step = fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({ kind: fc.constant('allocate' as const), count: fc.integer({ min: 1, max: 70 }) }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ kind: fc.constant('erase' as const), id: fc.integer({ min: 0, max: 300 }) }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('erase' as const), id: fc.nat(0xffff_ffff) }) },
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.array(step, { maxLength: 60 }), (limit, steps) => {
        const table = new TokenTable(limit);
        const model = new Model(limit);
        let value = 1;
        for (const action of steps) {
          if (action.kind === 'erase') {
            expect(table.erase(action.id)).toBe(model.erase(action.id));
          } else {
            for (let i = 0; i < action.count; i++, value += 2) {
              expect(table.allocate(ref(value))).toBe(model.allocate(value));
            }
          }
          expect(table.count).toBe(model.out.size);
        }
      }),
    );
  });
});
