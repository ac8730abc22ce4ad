import { LinearMemory, regionOf } from '@netmem/region';
import { EFAULT } from '@netmem/uapi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DMA_ATTR_SKIP_CPU_SYNC,
  DMA_BIDIRECTIONAL,
  DMA_FROM_DEVICE,
  DMA_MAPPING_ERROR,
  DMA_TO_DEVICE,
  type DmaDevice,
  Machine,
  PAGE_SIZE,
  SWIOTLB_DEFAULT_BYTES,
  SWIOTLB_SEGMENT_SLOTS,
  SWIOTLB_SLOT_BYTES,
  Swiotlb,
} from '../index.ts';

const SEGMENT_BYTES = SWIOTLB_SEGMENT_SLOTS * SWIOTLB_SLOT_BYTES;

function filled(length: number, value: number): ReturnType<typeof regionOf> {
  return regionOf(new Uint8Array(length).fill(value));
}

describe('Swiotlb', () => {
  it('is of the size asked for in whole segments, and 16 MiB by default', () => {
    const small = new Machine({ ramBytes: 1 << 20, dmaMode: 'swiotlb', swiotlbBytes: SEGMENT_BYTES + 1 });
    expect(small.iommu.swiotlb?.slots).toBe(2 * SWIOTLB_SEGMENT_SLOTS);
    const usual = new Machine({ ramBytes: 1 << 20, dmaMode: 'swiotlb' });
    expect(usual.iommu.swiotlb?.slots).toBe(SWIOTLB_DEFAULT_BYTES / SWIOTLB_SLOT_BYTES);
    expect(new Machine({ ramBytes: 1 << 20 }).iommu.swiotlb).toBeNull();
    const memory = new LinearMemory(8 << 20);
    expect(() => new Machine({ memory, ramBytes: 1 << 20, dmaMode: 'swiotlb' })).toThrow(RangeError);
  });

  it('finds a run if there is one, never overlaps, aligns pages, and stays within segments', () => {
    const step = fc.record({
      isFree: fc.boolean(),
      pick: fc.nat(),
      length: fc.oneof(
        fc.integer({ min: 1, max: 3 * PAGE_SIZE }),
        fc.integer({ min: 1, max: SEGMENT_BYTES + 5000 }),
        fc.constantFrom(1, SWIOTLB_SLOT_BYTES, PAGE_SIZE - 1, PAGE_SIZE, SEGMENT_BYTES),
      ),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), fc.array(step, { maxLength: 120 }), (segments, steps) => {
        const memory = new LinearMemory(2 << 20);
        const swiotlb = new Swiotlb(memory, segments * SEGMENT_BYTES);
        const base = memory.carvedBytes - segments * SEGMENT_BYTES;
        const taken = new Array<boolean>(swiotlb.slots).fill(false);
        const live: { bounce: number; length: number; origin: number }[] = [];
        let most = 0;
        const fits = (first: number, count: number) =>
          (first % SWIOTLB_SEGMENT_SLOTS) + count <= SWIOTLB_SEGMENT_SLOTS &&
          !taken.slice(first, first + count).includes(true);
        for (const { isFree, pick, length } of steps) {
          if (isFree) {
            const [it] = live.splice(pick % Math.max(1, live.length), 1);
            if (it === undefined) continue;
            swiotlb.free(it.bounce, it.length);
            const first = (it.bounce - base) / SWIOTLB_SLOT_BYTES;
            taken.fill(false, first, first + Math.ceil(it.length / SWIOTLB_SLOT_BYTES));
          } else {
            const count = Math.ceil(length / SWIOTLB_SLOT_BYTES);
            const align = length >= PAGE_SIZE ? 2 : 1;
            const bounce = swiotlb.alloc(pick, length);
            if (bounce === 0) {
              for (let first = 0; first < swiotlb.slots; first += align) expect(fits(first, count)).toBe(false);
              continue;
            }
            const first = (bounce - base) / SWIOTLB_SLOT_BYTES;
            expect(first % align).toBe(0);
            expect(fits(first, count)).toBe(true);
            taken.fill(true, first, first + count);
            live.push({ bounce, length, origin: pick });
          }
          const used = taken.filter((slot) => slot).length;
          most = Math.max(most, used);
          expect([swiotlb.usedSlots, swiotlb.mostUsedSlots]).toEqual([used, most]);
          for (const it of live) expect(swiotlb.originOf(it.bounce)).toBe(it.origin);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('does what a model of separate arrays does, whatever is mapped, written, synced and unmapped', () => {
    const RAM_BYTES = 4 * PAGE_SIZE;
    const part = { pick: fc.nat(), at: fc.nat(), size: fc.nat() };
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('map' as const),
        device: fc.integer({ min: 0, max: 1 }),
        offset: fc.integer({ min: 0, max: RAM_BYTES - 1 }),
        length: fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: RAM_BYTES })),
        direction: fc.constantFrom(DMA_BIDIRECTIONAL, DMA_TO_DEVICE, DMA_FROM_DEVICE),
        attrs: fc.constantFrom(0, DMA_ATTR_SKIP_CPU_SYNC),
      }),
      fc.record({
        kind: fc.constant('unmap' as const),
        pick: fc.nat(),
        attrs: fc.constantFrom(0, DMA_ATTR_SKIP_CPU_SYNC),
      }),
      fc.record({ kind: fc.constantFrom('device' as const, 'for cpu' as const, 'for device' as const), ...part }),
      fc.record({ kind: fc.constant('cpu' as const), ...part }),
    );
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 80 }), (steps) => {
        const machine = new Machine({
          ramBytes: RAM_BYTES,
          dmaMode: 'swiotlb',
          swiotlbBytes: 1,
          maxIovaPages: 4096,
        });
        const devices = [machine.iommu.addDevice('a'), machine.iommu.addDevice('b')];
        const base = machine.ram.region.base;
        machine.log.expect('swiotlb');
        // The model: what the CPU sees, and for each mapping an array that only its device sees.
        const ram = new Uint8Array(RAM_BYTES);
        const live: {
          device: DmaDevice;
          iova: number;
          offset: number;
          direction: number;
          slot: Uint8Array;
        }[] = [];
        let stamp = 0;
        for (const it of steps) {
          if (it.kind === 'map') {
            const device = devices[it.device] as DmaDevice;
            const length = Math.min(it.length, RAM_BYTES - it.offset);
            const iova = device.mapPage(base + it.offset, length, it.direction, it.attrs);
            if (iova === DMA_MAPPING_ERROR) continue;
            expect(device.needSync()).toBe(true);
            const slot = ram.slice(it.offset, it.offset + length);
            live.push({ device, iova, offset: it.offset, direction: it.direction, slot });
            continue;
          }
          if (it.kind === 'cpu') {
            const at = it.at % RAM_BYTES;
            const end = Math.min(RAM_BYTES, at + (it.size % 6000));
            ram.fill(++stamp, at, end);
            machine.ram.bytes.fill(stamp, base + at, base + end);
            continue;
          }
          const index = it.pick % Math.max(1, live.length);
          const mapping = live[index];
          if (mapping === undefined) continue;
          const { device, iova, offset, direction, slot } = mapping;
          if (it.kind === 'unmap') {
            live.splice(index, 1);
            device.unmapPage(iova, slot.length, direction, it.attrs);
            if (direction !== DMA_TO_DEVICE && it.attrs === 0) ram.set(slot, offset);
            continue;
          }
          const at = it.at % slot.length;
          const size = it.size % (slot.length - at + 1);
          if (it.kind === 'device') {
            const isAllowed = direction !== DMA_TO_DEVICE || size === 0;
            if (!isAllowed) machine.log.expect('direction forbids it');
            const moved = device.window.write(iova + at, filled(size, ++stamp), 0, size);
            expect(moved).toBe(isAllowed ? size : -EFAULT);
            if (isAllowed) slot.fill(stamp, at, at + size);
          } else if (it.kind === 'for cpu') {
            device.syncForCpu(iova + at, size, direction);
            if (direction !== DMA_TO_DEVICE) ram.set(slot.subarray(at, at + size), offset + at);
          } else {
            device.syncForDevice(iova + at, size, direction);
            if (direction !== DMA_FROM_DEVICE) slot.set(ram.subarray(offset + at, offset + at + size), at);
          }
        }
        expect(machine.ram.bytes.slice(base, base + RAM_BYTES)).toEqual(ram);
        for (const { device, iova, direction, slot } of live) {
          expect(machine.iommu.linearAddressOf(iova)).not.toBeNull();
          if (direction !== DMA_FROM_DEVICE) {
            const into = filled(slot.length, 0);
            device.window.read(iova, into, 0, slot.length);
            expect(into.bytes).toEqual(slot);
          }
          device.unmapPage(iova, slot.length, direction, DMA_ATTR_SKIP_CPU_SYNC);
        }
        expect(machine.iommu.swiotlb?.usedSlots).toBe(0);
        expect(machine.iommu.audit()).toEqual([]);
        machine.log.assertClean();
      }),
      { numRuns: 200 },
    );
  });
});
