import { LinearMemory } from '@netmem/region';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checksumBytes,
  checksumView,
  combineChecksum,
  createChecksum,
  finishChecksum,
  foldChecksum,
  pseudoHeaderSum4,
  pseudoHeaderSum6,
  updateChecksum,
} from './index.ts';

/** RFC 1071 word for word, with numbers that cannot overflow. */
function reference(bytes: Uint8Array, initial: number): number {
  let sum = BigInt(initial);
  for (let i = 0; i < bytes.length; i += 2) sum += BigInt((bytes[i] << 8) | (bytes[i + 1] ?? 0));
  while (sum > 0xffffn) sum = (sum & 0xffffn) + (sum >> 16n);
  return Number(sum);
}

const memory = new LinearMemory(1 << 22);
const wasm = createChecksum(memory);
const script = createChecksum(memory, 'js');
const word = fc.integer({ min: 0, max: 0xffff });

describe('sums', () => {
  it('give the example of RFC 1071, 3', () => {
    const bytes = Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7);
    expect(checksumBytes(bytes, 0, 8)).toBe(0xddf2);
    expect(finishChecksum(0xddf2)).toBe(0x220d);
  });

  it('run as WebAssembly here', () => {
    expect(wasm.backend).toBe('wasm');
    expect(script.backend).toBe('js');
  });

  it('agree in all implementations, at any address, for any length, from any initial sum', () => {
    const region = memory.carve(4096 + 64);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4096 }), fc.nat(63), word, (bytes, offset, initial) => {
        const at = region.base + offset;
        memory.bytes.set(bytes, at);
        const expected = reference(bytes, initial);
        expect(wasm.sum(at, bytes.length, initial)).toBe(expected);
        expect(script.sum(at, bytes.length, initial)).toBe(expected);
        expect(checksumBytes(memory.bytes, at, bytes.length, initial)).toBe(expected);
        expect(checksumView(memory.view, at, bytes.length, initial)).toBe(expected);
      }),
      { seed: 1071, numRuns: 300 },
    );
  });

  it('agree for each length up to 200, where the tails are', () => {
    const region = memory.carve(256);
    for (let i = 0; i < region.length; i++) memory.bytes[region.base + i] = (i * 151 + 17) & 255;
    for (let length = 0; length <= 200; length++) {
      const at = region.base + (length % 7);
      const expected = reference(memory.bytes.subarray(at, at + length), length);
      expect(wasm.sum(at, length, length), `${length} bytes`).toBe(expected);
      expect(script.sum(at, length, length), `${length} bytes`).toBe(expected);
      expect(checksumBytes(memory.bytes, at, length, length), `${length} bytes`).toBe(expected);
    }
  });

  it('do not overflow on long runs of ones, across the blocks in which they are added', () => {
    const region = memory.carve((1 << 21) + 256);
    memory.bytes.fill(0xff, region.base, region.base + region.length);
    for (const length of [0xfff0, 0xfff2, 1 << 17, 1 << 20, (1 << 20) + 63, (1 << 21) + 129]) {
      const expected = reference(memory.bytes.subarray(region.base, region.base + length), 0xffff);
      expect(wasm.sum(region.base, length, 0xffff)).toBe(expected);
      expect(script.sum(region.base, length, 0xffff)).toBe(expected);
      expect(checksumBytes(memory.bytes, region.base, length, 0xffff)).toBe(expected);
    }
  });

  it('read up to the last byte of the memory and no further', () => {
    const small = new LinearMemory(65_536);
    const sums = [createChecksum(small), createChecksum(small, 'js')];
    small.bytes.fill(3, 65_536 - 100);
    for (const { sum } of sums.map((checksum) => ({ sum: checksum.sum.bind(checksum) }))) {
      for (let length = 0; length <= 100; length++) {
        expect(sum(65_536 - length, length)).toBe(reference(small.bytes.subarray(65_536 - length), 0));
      }
    }
  });

  it('of two ranges combine to the sum of both, whatever the length of the first', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 300 }), (a, b) => {
        const whole = new Uint8Array([...a, ...b]);
        const parts = combineChecksum(checksumBytes(a, 0, a.length), checksumBytes(b, 0, b.length), a.length % 2 === 1);
        expect(parts).toBe(checksumBytes(whole, 0, whole.length));
      }),
      { seed: 2, numRuns: 300 },
    );
  });

  it('fold sums of sums beyond 32 bits', () => {
    expect(foldChecksum(0x1_0000_0000)).toBe(1);
    expect(foldChecksum(0xffff * 0xffff_ffff)).toBe(0xffff);
    expect(foldChecksum(0)).toBe(0);
  });
});

describe('updateChecksum', () => {
  it('is what recomputing gives, after any one word changed', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 20, maxLength: 20 }).filter((bytes) => bytes.some((byte) => byte !== 0)),
        fc.nat(9),
        fc.integer({ min: 1, max: 0xffff }),
        (bytes, index, newWord) => {
          const view = new DataView(bytes.buffer, bytes.byteOffset);
          const before = finishChecksum(checksumBytes(bytes, 0, 20));
          const oldWord = view.getUint16(2 * index);
          view.setUint16(2 * index, newWord);
          expect(updateChecksum(before, oldWord, newWord)).toBe(finishChecksum(checksumBytes(bytes, 0, 20)));
        },
      ),
      { seed: 1624, numRuns: 300 },
    );
  });
});

describe('pseudo headers', () => {
  it('of IPv4 are the sum of twelve bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 8, maxLength: 8 }), fc.nat(255), word, (addresses, protocol, length) => {
        const header = new Uint8Array([...addresses, 0, protocol, length >> 8, length & 255]);
        const view = new DataView(addresses.buffer, addresses.byteOffset);
        expect(pseudoHeaderSum4(view, 0, 4, protocol, length)).toBe(reference(header, 0));
      }),
      { seed: 3 },
    );
  });

  it('of IPv6 are the sum of forty bytes, lengths beyond 64 KiB included', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.nat(255),
        fc.nat(0xfffff),
        (addresses, next, length) => {
          const tail = [0, (length >> 16) & 255, (length >> 8) & 255, length & 255, 0, 0, 0, next];
          const view = new DataView(addresses.buffer, addresses.byteOffset);
          expect(pseudoHeaderSum6(view, 0, 16, next, length)).toBe(
            reference(new Uint8Array([...addresses, ...tail]), 0),
          );
        },
      ),
      { seed: 4 },
    );
  });
});
