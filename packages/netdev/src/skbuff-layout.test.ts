// Whatever a packet is made of, cutting and copying it must give the bytes that cutting and copying its bytes gives.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addPageFrag, allocSkb, bytesOf, counting, makePool, makeWorld, putBytes, type World } from '../test/world.ts';
import type { SkBuff } from './index.ts';

const SEED = 20260722;
const RUNS = 300;

/** A packet's layout: linear bytes, fragments, and the same for each member of its frag list. */
const layout = fc.record({
  linear: fc.nat(60),
  frags: fc.array(fc.integer({ min: 1, max: 90 }), { maxLength: 5 }),
  members: fc.array(
    fc.record({ linear: fc.nat(40), frags: fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 3 }) }),
    { maxLength: 3 },
  ),
});
type Layout = typeof layout extends fc.Arbitrary<infer T> ? T : never;

function build(
  world: World,
  plan: Layout,
  pool = makePool(world.network),
): { skb: SkBuff; bytes: number[]; pool: typeof pool } {
  const { network } = world;
  const bytes: number[] = [];
  const next = (length: number): Uint8Array => {
    const part = counting(length, bytes.length);
    bytes.push(...part);
    return part;
  };
  const one = (linear: number, frags: number[]): SkBuff => {
    const skb = allocSkb(network);
    skb.markForRecycle();
    putBytes(skb, next(linear));
    frags.forEach((size, i) => {
      const part = next(size);
      // Some from a pool, some ordinary pages; some not at the start.
      if (i % 2 === 1) {
        addPageFrag(network, skb, part, i * 7);
        return;
      }
      const ref = pool.allocNetmems();
      network.skbs.bytes.set(part, (network.netmem.address(ref) ?? 0) + 3);
      skb.addRxFragNetmem(ref, 3, size, 4096);
    });
    return skb;
  };
  const skb = one(plan.linear, plan.frags);
  let last: SkBuff | null = null;
  for (const member of plan.members) {
    const part = one(member.linear, member.frags);
    if (last === null) skb.fragList = part;
    else last.next = part;
    last = part;
    skb.len += part.len;
    skb.dataLen += part.len;
  }
  return { skb, bytes, pool };
}

function expectAllBack(world: World, pool: { destroy(): void }): void {
  pool.destroy();
  expect(world.network.audit()).toEqual([]);
  expect(world.network.pools.audit()).toEqual([]);
  expect(world.network.netmem.audit()).toEqual([]);
}

function check(name: string, body: (world: World, plan: Layout, cut: number) => void): void {
  it(name, () => {
    const world = makeWorld();
    fc.assert(
      fc.property(layout, fc.nat(1000), (plan, cut) => body(world, plan, cut)),
      { seed: SEED, numRuns: RUNS },
    );
  });
}

const length = (plan: Layout): number =>
  [plan, ...plan.members].reduce((sum, part) => sum + part.linear + part.frags.reduce((a, b) => a + b, 0), 0);

describe('any layout', () => {
  check('trims to its first bytes', (world, plan, cut) => {
    const { skb, bytes, pool } = build(world, plan);
    const n = cut % (bytes.length + 1);
    skb.trim(n);
    expect(skb.len).toBe(n);
    expect(bytesOf(skb)).toEqual(bytes.slice(0, n));
    skb.consume();
    expectAllBack(world, pool);
  });

  check('drops its first bytes', (world, plan, cut) => {
    const { skb, bytes, pool } = build(world, plan);
    const n = cut % (bytes.length + 1);
    skb.trimHead(n);
    expect(skb.len).toBe(bytes.length - n);
    expect(bytesOf(skb)).toEqual(bytes.slice(n));
    skb.consume();
    expectAllBack(world, pool);
  });

  check('becomes linear as far as asked', (world, plan, cut) => {
    const { skb, bytes, pool } = build(world, plan);
    const n = Math.min(cut, 400) % (bytes.length + 1);
    expect(skb.mayPull(n)).toBe(true);
    expect(skb.headlen).toBeGreaterThanOrEqual(n);
    expect(bytesOf(skb)).toEqual(bytes);
    skb.consume();
    expectAllBack(world, pool);
  });

  check('splits in two', (world, plan, cut) => {
    const { skb, bytes, pool } = build(world, { ...plan, members: [] });
    const n = cut % (bytes.length + 1);
    const rest = allocSkb(world.network);
    expect(skb.split(rest, n)).toBe(true);
    expect([bytesOf(skb), bytesOf(rest)]).toEqual([bytes.slice(0, n), bytes.slice(n)]);
    expect(rest.ppRecycle).toBe(true);
    skb.consume();
    expect(bytesOf(rest)).toEqual(bytes.slice(n));
    rest.consume();
    expectAllBack(world, pool);
  });

  check('has a clone that outlives it', (world, plan) => {
    const { skb, bytes, pool } = build(world, plan);
    const copied = skb.clone()!;
    expect([skb.cloned, copied.cloned, copied.truesize]).toEqual([true, true, skb.truesize]);
    skb.consume();
    expect(copied.cloned).toBe(false);
    expect(bytesOf(copied)).toEqual(bytes);
    copied.consume();
    expectAllBack(world, pool);
  });

  check('has a copy that shares nothing', (world, plan) => {
    const { skb, bytes, pool } = build(world, plan);
    const copied = skb.copy()!;
    skb.consume();
    pool.destroy();
    expect(bytesOf(copied)).toEqual(bytes);
    copied.consume();
    expectAllBack(world, { destroy: () => undefined });
  });

  check('sums like its bytes, over any part', (world, plan, cut) => {
    const { skb, bytes, pool } = build(world, plan);
    const from = bytes.length === 0 ? 0 : cut % bytes.length;
    const n = bytes.length - from;
    let sum = 0;
    for (let i = 0; i < n; i++) sum += i % 2 === 0 ? bytes[from + i] << 8 : bytes[from + i];
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    expect(skb.checksum(from, n, 0)).toBe(sum);
    skb.consume();
    expectAllBack(world, pool);
  });

  check('takes bytes where it has them', (world, plan, cut) => {
    const { skb, bytes, pool } = build(world, plan);
    const scratch = allocSkb(world.network);
    const from = bytes.length === 0 ? 0 : cut % bytes.length;
    const n = Math.min(bytes.length - from, 300);
    putBytes(scratch, counting(n, 77));
    expect(skb.storeBits(from, scratch.data, n)).toBe(0);
    const expected = [...bytes];
    expected.splice(from, n, ...counting(n, 77));
    expect(bytesOf(skb)).toEqual(expected);
    skb.consume();
    scratch.consume();
    expectAllBack(world, pool);
  });

  check('is coalesced without losing a byte, or not at all', (world, plan, cut) => {
    const pool = makePool(world.network);
    const first = build(world, { ...plan, members: [] }, pool);
    const second = build(world, { linear: cut % 2 === 0 ? 0 : 30, frags: [1 + (cut % 80), 5], members: [] }, pool);
    const before = first.skb.truesize + second.skb.truesize;
    const merged = first.skb.tryCoalesce(second.skb);
    expect(bytesOf(first.skb)).toEqual(merged ? [...first.bytes, ...second.bytes] : first.bytes);
    if (merged) expect(first.skb.truesize).toBeLessThanOrEqual(before);
    first.skb.consume();
    second.skb.consume();
    expectAllBack(world, pool);
  });

  it('is as long as planned', () => {
    const world = makeWorld();
    fc.assert(
      fc.property(layout, (plan) => {
        const { skb, pool } = build(world, plan);
        expect(skb.len).toBe(length(plan));
        skb.consume();
        pool.destroy();
      }),
      { seed: SEED, numRuns: 50 },
    );
  });
});
