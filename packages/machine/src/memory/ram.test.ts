import { LinearMemory } from '@netmem/region';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KernelBug, MAX_PAGE_ORDER, PAGE_SIZE, Ram } from '../index.ts';

function ramOf(pages: number, nodes: number = 1): Ram {
  return new Ram(new LinearMemory(pages * PAGE_SIZE + (1 << 17)), pages * PAGE_SIZE, nodes);
}

/** Allocates blocks of an order until there are none, and returns how many there were. */
function drain(ram: Ram, order: number): number[] {
  const frames: number[] = [];
  for (let frame = ram.allocFrames(order, -1); frame >= 0; frame = ram.allocFrames(order, -1)) frames.push(frame);
  return frames;
}

describe('Ram', () => {
  it('hands out every page once and says -1 when none is left', () => {
    const ram = ramOf(37);
    const frames = drain(ram, 0);
    expect(frames.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 37 }, (_, i) => i));
    expect(ram.freePages).toBe(0);
    expect(ram.allocFrames(0, -1)).toBe(-1);
  });

  it('refuses orders that do not exist', () => {
    const ram = ramOf(4096);
    expect(ram.allocFrames(MAX_PAGE_ORDER + 1, -1)).toBe(-1);
    expect(ram.allocFrames(-1, -1)).toBe(-1);
    expect(ram.allocFrames(MAX_PAGE_ORDER, -1)).toBe(0);
    expect(ram.freePages).toBe(4096 - 1024);
  });

  it('never overlaps blocks, aligns them naturally, and merges back fully', () => {
    const step = fc.record({ free: fc.boolean(), pick: fc.nat(), order: fc.integer({ min: 0, max: 6 }) });
    const sizes = fc.record({ pages: fc.integer({ min: 3, max: 700 }), nodes: fc.integer({ min: 1, max: 3 }) });
    fc.assert(
      fc.property(sizes, fc.array(step, { maxLength: 200 }), ({ pages, nodes }, steps) => {
        const ram = ramOf(pages, nodes);
        const perNode = Math.floor(pages / nodes);
        const owner = new Int32Array(pages);
        const blocks: { frame: number; order: number }[] = [];
        for (const { free, pick, order } of steps) {
          if (free && blocks.length > 0) {
            const [block] = blocks.splice(pick % blocks.length, 1);
            ram.freeFrames(block!.frame, block!.order);
            owner.fill(0, block!.frame, block!.frame + (1 << block!.order));
            continue;
          }
          const frame = ram.allocFrames(order, -1);
          if (frame < 0) continue;
          expect((frame - ram.nodeOf(frame) * perNode) % (1 << order)).toBe(0);
          expect(ram.nodeOf(frame)).toBe(ram.nodeOf(frame + (1 << order) - 1));
          expect(owner.subarray(frame, frame + (1 << order)).every((taken) => taken === 0)).toBe(true);
          owner.fill(1, frame, frame + (1 << order));
          blocks.push({ frame, order });
          expect(ram.freePages).toBe(owner.filter((taken) => taken === 0).length);
        }
        for (const { frame, order } of blocks) ram.freeFrames(frame, order);
        expect(ram.freePages).toBe(pages);
        // Merged back means: as many blocks of each size, largest first, as fresh RAM has.
        const fresh = ramOf(pages, nodes);
        for (let order = MAX_PAGE_ORDER; order >= 0; order--)
          expect(drain(ram, order)).toHaveLength(drain(fresh, order).length);
      }),
      { numRuns: 60 },
    );
  });

  it('refuses to free what it did not hand out: never, twice, another order, not the first frame', () => {
    const ram = ramOf(64);
    const frame = ram.allocFrames(2, -1);
    expect(() => ram.freeFrames(frame, 1)).toThrow(KernelBug);
    expect(() => ram.freeFrames(frame + 1, 0)).toThrow(KernelBug);
    expect(() => ram.freeFrames(40, 0)).toThrow(KernelBug);
    ram.freeFrames(frame, 2);
    expect(() => ram.freeFrames(frame, 2)).toThrow(KernelBug);
    expect(ram.freePages).toBe(64);
  });

  it('prefers the node that was asked for and then takes from the others', () => {
    const ram = ramOf(10, 2);
    expect(ram.nodeOf(ram.allocFrames(0, 1))).toBe(1);
    expect(ram.nodeOf(ram.allocFrames(0, 0))).toBe(0);
    const frames = Array.from({ length: 8 }, () => ram.allocFrames(0, 1));
    expect(frames.map((frame) => ram.nodeOf(frame))).toEqual([1, 1, 1, 1, 0, 0, 0, 0]);
  });

  it('turns frames into linear addresses and back, and knows what is not RAM', () => {
    const ram = ramOf(8);
    const address = ram.address(3);
    expect(address % PAGE_SIZE).toBe(0);
    expect(ram.frameOf(address)).toBe(3);
    expect(ram.frameOf(address + PAGE_SIZE - 1)).toBe(3);
    expect(() => ram.frameOf(ram.address(0) - 1)).toThrow(/not RAM/);
    expect(() => ram.frameOf(ram.address(8))).toThrow(/not RAM/);
    expect(ram.contains(ram.address(0), 8 * PAGE_SIZE)).toBe(true);
    expect(ram.contains(ram.address(0), 8 * PAGE_SIZE + 1)).toBe(false);
    ram.bytes[address] = 7;
    expect(ram.view.getUint8(address)).toBe(7);
    expect(ram.region.base).toBe(ram.address(0));
  });

  it('reserves pages for good without wasting the rest of the block', () => {
    const ram = ramOf(64);
    const first = ram.reserveFrames(5);
    expect(first).toBeGreaterThanOrEqual(0);
    expect(ram.freePages).toBe(59);
    expect(ram.reservedPages).toBe(5);
    expect(() => ram.freeFrames(first, 3)).toThrow(KernelBug);
    const rest = drain(ram, 0);
    expect(rest).toHaveLength(59);
    expect(rest.some((frame) => frame >= first && frame < first + 5)).toBe(false);
    expect(ram.reserveFrames(1)).toBe(-1);
    expect(ramOf(2048).reserveFrames(1025)).toBe(-1);
  });
});
