import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LinearMemory, moveBytes, RESERVED_BYTES, regionOf, subregion } from './index.ts';

describe('LinearMemory', () => {
  it('rounds its capacity up to 64 KiB and never hands out the first page', () => {
    const memory = new LinearMemory(70_000);
    expect(memory.capacityBytes).toBe(131_072);
    expect(memory.carve(1).base).toBe(RESERVED_BYTES);
  });

  it('aligns what it carves, never overlaps, and says what is left when it refuses', () => {
    const memory = new LinearMemory(65_536);
    const first = memory.carve(10);
    const second = memory.carve(10, 4096);
    expect(second.base % 4096).toBe(0);
    expect(second.base).toBeGreaterThanOrEqual(first.base + 10);
    const before = memory.carvedBytes;
    expect(() => memory.carve(65_536)).toThrow(/65536 bytes asked for, \d+ of 65536 left/);
    expect(() => memory.carve(-1)).toThrow(RangeError);
    expect(memory.carvedBytes).toBe(before);
  });

  it('shows the same bytes through all of its views', () => {
    const memory = new LinearMemory(65_536);
    const region = memory.carve(8);
    region.view.setUint32(region.base, 0x01020304, true);
    expect(region.bytes[region.base]).toBe(4);
    expect(memory.words[region.base / 4]).toBe(0x01020304);
  });
});

describe('LinearMemory.move', () => {
  it('is WebAssembly here, and moves as copyWithin does, overlap included', () => {
    const numbers = fc.nat({ max: 3000 });
    fc.assert(
      fc.property(numbers, numbers, numbers, (to, from, length) => {
        const memory = new LinearMemory(65_536);
        expect(memory.wasm).not.toBeNull();
        for (let i = 0; i < 6000; i++) memory.bytes[i] = (i * 7) & 0xff;
        const expected = memory.bytes.slice(0, 6000).copyWithin(to, from, from + length);
        memory.move(to, from, length);
        expect(memory.bytes.slice(0, 6000)).toEqual(expected);
      }),
    );
  });

  it('works where there is no WebAssembly', () => {
    const scope = globalThis as { WebAssembly?: unknown };
    const wasm = scope.WebAssembly;
    try {
      scope.WebAssembly = undefined;
      const memory = new LinearMemory(65_536);
      expect(memory.wasm).toBeNull();
      memory.bytes.set([1, 2, 3], 100);
      memory.move(101, 100, 3);
      expect([...memory.bytes.slice(100, 104)]).toEqual([1, 1, 2, 3]);
    } finally {
      scope.WebAssembly = wasm;
    }
  });
});

describe('subregion', () => {
  it('shares views and refuses to leave its parent', () => {
    const region = regionOf(new Uint8Array([1, 2, 3, 4]));
    const part = subregion(region, 1, 2);
    expect(part.bytes[part.base]).toBe(2);
    expect(() => subregion(region, 3, 2)).toThrow(RangeError);
    expect(() => subregion(region, -1, 2)).toThrow(RangeError);
  });

  it('respects the offset of a foreign view', () => {
    const whole = new Uint8Array([9, 9, 7, 8]);
    const region = regionOf(whole.subarray(2));
    expect(region.view.getUint8(region.base)).toBe(7);
  });
});

describe('moveBytes', () => {
  it('equals a plain copy, within one buffer (overlap included) and between two', () => {
    const lengths = fc.nat({ max: 200 });
    fc.assert(
      fc.property(lengths, lengths, lengths, fc.boolean(), (from, to, length, foreign) => {
        const memory = new LinearMemory(65_536);
        const region = memory.carve(512);
        const source = foreign ? regionOf(new Uint8Array(512)) : region;
        for (let i = 0; i < 512; i++) source.bytes[source.base + i] = i & 0xff;
        const expected = source.bytes.slice(source.base + from, source.base + from + length);
        moveBytes(source, from, region, to, length);
        expect(region.bytes.slice(region.base + to, region.base + to + length)).toEqual(expected);
      }),
    );
  });
});
