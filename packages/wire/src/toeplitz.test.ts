import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MICROSOFT_RSS_KEY, parseAddress4, parseAddress6, RSS_KEY_BYTES, Toeplitz } from './index.ts';

const key = Uint8Array.from(MICROSOFT_RSS_KEY);

// "Verifying the RSS Hash Calculation", Windows driver documentation: destination, source, hash of addresses, hash with ports.
const VECTORS4: readonly [string, number, string, number, number, number][] = [
  ['161.142.100.80', 1766, '66.9.149.187', 2794, 0x323e8fc2, 0x51ccc178],
  ['65.69.140.83', 4739, '199.92.111.2', 14230, 0xd718262a, 0xc626b0ea],
  ['12.22.207.184', 38024, '24.19.198.95', 12898, 0xd2d0a5de, 0x5c2b394a],
  ['209.142.163.6', 2217, '38.27.205.30', 48228, 0x82989176, 0xafc7327f],
  ['202.188.127.2', 1303, '153.39.163.191', 44251, 0x5d1809c5, 0x10e828a2],
];
const VECTORS6: readonly [string, number, string, number, number, number][] = [
  ['3ffe:2501:200:3::1', 1766, '3ffe:2501:200:1fff::7', 2794, 0x2cc18cd5, 0x40207d3d],
  ['ff02::1', 4739, '3ffe:501:8::260:97ff:fe40:efab', 14230, 0x0f0c461c, 0xdde51bbf],
  ['fe80::200:f8ff:fe21:67cf', 38024, '3ffe:1900:4545:3:200:f8ff:fe21:67cf', 44251, 0x4b61e985, 0x02d1feef],
];

function bytesOf(address: string): Uint8Array {
  const four = parseAddress4(address);
  if (four === null) return parseAddress6(address)!;
  return Uint8Array.of(four >>> 24, (four >>> 16) & 255, (four >>> 8) & 255, four & 255);
}

/** The definition: for every set bit of the input, the 32 bits of the key that start there. */
function reference(hashKey: Uint8Array, input: Uint8Array): number {
  let window = hashKey.slice(0, 4).reduce((bits, byte) => (bits << 8n) | BigInt(byte), 0n);
  let rest = hashKey.slice(4).reduce((bits, byte) => (bits << 8n) | BigInt(byte), 0n);
  let left = BigInt(hashKey.length - 4) * 8n;
  let hash = 0n;
  for (const byte of input) {
    for (let bit = 7; bit >= 0; bit--) {
      if ((byte >> bit) & 1) hash ^= window;
      left--;
      window = ((window << 1n) & 0xffffffffn) | ((rest >> left) & 1n);
      rest &= (1n << left) - 1n;
    }
  }
  return Number(hash);
}

describe('Toeplitz', () => {
  it.each([...VECTORS4, ...VECTORS6])(
    'hashes %s:%i from %s:%i as published',
    (to, toPort, from, fromPort, two, four) => {
      const toeplitz = new Toeplitz(key);
      const addresses = [...bytesOf(from), ...bytesOf(to)];
      const ports = [fromPort >> 8, fromPort & 255, toPort >> 8, toPort & 255];
      const bytes = Uint8Array.from([0xaa, ...addresses, ...ports]);
      expect(toeplitz.hash(bytes, 1, addresses.length)).toBe(two);
      expect(toeplitz.hash(bytes, 1, addresses.length + 4)).toBe(four);
      expect(toeplitz.hashPair(bytes, 1, addresses.length, 1 + addresses.length, 4)).toBe(four);
    },
  );

  it('is its definition for any key and input, in one piece or in two', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: RSS_KEY_BYTES, maxLength: RSS_KEY_BYTES }),
        fc.uint8Array({ maxLength: 36 }),
        fc.nat(36),
        (anyKey, input, cut) => {
          const toeplitz = new Toeplitz(anyKey);
          const first = Math.min(cut, input.length);
          const expected = reference(anyKey, input);
          expect(toeplitz.hash(input, 0, input.length)).toBe(expected);
          expect(toeplitz.hashPair(input, 0, first, first, input.length - first)).toBe(expected);
        },
      ),
      { seed: 5, numRuns: 50 },
    );
  });

  it('forgets the old key when it gets another', () => {
    const toeplitz = new Toeplitz(new Uint8Array(RSS_KEY_BYTES).fill(0x5a));
    toeplitz.setKey(key);
    const input = Uint8Array.of(66, 9, 149, 187, 161, 142, 100, 80);
    expect(toeplitz.hash(input, 0, 8)).toBe(0x323e8fc2);
  });

  it('refuses a key or an input of a wrong length', () => {
    const toeplitz = new Toeplitz(key);
    expect(toeplitz.maximumInputBytes).toBe(36);
    expect(() => toeplitz.hash(new Uint8Array(40), 0, 37)).toThrow(RangeError);
    expect(() => toeplitz.hashPair(new Uint8Array(40), 0, 32, 32, 5)).toThrow(RangeError);
    expect(() => toeplitz.setKey(new Uint8Array(39))).toThrow(RangeError);
    expect(() => new Toeplitz(new Uint8Array(7))).toThrow(RangeError);
  });
});
