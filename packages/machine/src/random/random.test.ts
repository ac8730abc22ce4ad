import { describe, expect, it } from 'vitest';
import { Random } from '../index.ts';

function draw(random: Random, n: number): number[] {
  return Array.from({ length: n }, () => random.uint32());
}

describe('Random', () => {
  it('repeats for a seed and differs between neighbouring seeds', () => {
    expect(draw(new Random(7), 20)).toEqual(draw(new Random(7), 20));
    const heads = [0, 1, 2, 3, 0xffff_ffff].map((seed) => draw(new Random(seed), 4).join());
    expect(new Set(heads).size).toBe(5);
  });

  it('forks by label, whatever was drawn before', () => {
    const random = new Random(3);
    const fresh = draw(random.fork('link'), 5);
    draw(random, 100);
    expect(draw(random.fork('link'), 5)).toEqual(fresh);
    expect(draw(random.fork('nic'), 5)).not.toEqual(fresh);
    expect(draw(new Random(4).fork('link'), 5)).not.toEqual(fresh);
    expect(draw(random.fork('a').fork('b'), 5)).not.toEqual(draw(random.fork('b').fork('a'), 5));
  });

  it('draws evenly enough to be useful', () => {
    const random = new Random(11);
    const counts = new Array(10).fill(0);
    for (let i = 0; i < 100_000; i++) counts[random.below(10)]++;
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
    let bits = 0;
    for (let i = 0; i < 10_000; i++) for (let word = random.uint32(); word !== 0; word &= word - 1) bits++;
    expect(Math.abs(bits / 320_000 - 0.5)).toBeLessThan(0.01);
  });

  it('stays in range', () => {
    const random = new Random(5);
    for (let i = 0; i < 1000; i++) {
      expect(random.float()).toBeLessThan(1);
      expect(random.below(3)).toBeLessThan(3);
    }
    expect(random.below(1)).toBe(0);
    expect(random.below(2 ** 32)).toBeLessThan(2 ** 32);
    // Two thirds of all words lie below this bound: a modulo would favour its lower half.
    const bound = 3 * 2 ** 30;
    let low = 0;
    for (let i = 0; i < 30_000; i++) if (random.below(bound) < bound / 2) low++;
    expect(Math.abs(low / 30_000 - 0.5)).toBeLessThan(0.02);
  });

  it('fills bytes', () => {
    const bytes = new Uint8Array(64);
    new Random(1).bytes(bytes);
    expect(new Set(bytes).size).toBeGreaterThan(40);
  });
});
