import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DmaMappings, UNREACHABLE } from './dma-mappings.ts';
import { DMA_MAPS_MAX } from './protocol.ts';
import { EEXIST, EINVAL, ENOENT, ENOSPC } from './vfio-user-error.ts';

const RW = 3;

describe('DmaMappings', () => {
  it('answers as a list that is searched from end to end', () => {
    const range = { iova: fc.nat({ max: 40 }), size: fc.integer({ min: 1, max: 12 }) };
    const step = fc.record({ map: fc.boolean(), access: fc.integer({ min: 0, max: 3 }), far: fc.boolean(), ...range });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const mappings = new DmaMappings();
        let model: { iova: number; end: number; position: number; access: number }[] = [];
        for (const { map, access, far, iova, size } of steps) {
          const end = iova + size;
          const { epoch } = mappings;
          if (map) {
            const position = far ? UNREACHABLE : 1000 + iova * 3;
            const overlaps = model.some((one) => one.iova < end && iova < one.end);
            expect(mappings.map(iova, size, position, access)).toBe(overlaps ? -EEXIST : 0);
            if (!overlaps) model.push({ iova, end, position, access });
            expect(mappings.epoch === epoch).toBe(overlaps);
          } else {
            const touched = model.filter((one) => one.iova < end && iova < one.end);
            const cut = touched.some((one) => one.iova < iova || one.end > end);
            const expected = touched.length === 0 ? -ENOENT : cut ? -EINVAL : 0;
            expect(mappings.unmap(iova, size)).toBe(expected);
            if (expected === 0) model = model.filter((one) => !touched.includes(one));
            expect(mappings.epoch === epoch).toBe(expected !== 0);
          }
          expect(mappings.count).toBe(model.length);
          expect(mappings.reachable).toBe(model.filter((one) => one.position >= 0).length);
          for (let address = -1; address < 55; address++) {
            const hit = model.find((one) => address >= one.iova && address < one.end);
            const reachable = hit !== undefined && hit.position >= 0;
            const position = reachable ? hit.position + address - hit.iova : UNREACHABLE;
            expect(mappings.toRead(address)).toBe(reachable && (hit.access & 1) !== 0 ? position : UNREACHABLE);
            const toWrite = mappings.toWrite(address);
            expect(toWrite).toBe(reachable && (hit.access & 2) !== 0 ? position : UNREACHABLE);
            if (toWrite >= 0) expect(mappings.contiguous).toBe((hit?.end ?? 0) - address);
          }
        }
        mappings.clear();
        expect(mappings.toRead(0)).toBe(UNREACHABLE);
      }),
      { numRuns: 100 },
    );
  });

  it('has a bound', () => {
    const mappings = new DmaMappings();
    for (let n = 0; n < DMA_MAPS_MAX; n++) expect(mappings.map(n * 4096, 4096, 0, RW)).toBe(0);
    expect(mappings.map(DMA_MAPS_MAX * 4096, 4096, 0, RW)).toBe(-ENOSPC);
  });
});
