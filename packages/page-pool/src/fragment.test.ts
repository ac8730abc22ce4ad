import { PAGE_SIZE } from '@netmem/machine';
import type { NetmemRef } from '@netmem/netmem';
import { describe, expect, it } from 'vitest';
import { counters, makeHost, ToyProvider, take } from '../test/host.ts';
import { BIAS_MAX } from './constants.ts';
import type { PagePool } from './index.ts';

type Piece = [NetmemRef, number, number];

function cut(pool: PagePool, size: number): Piece {
  const ref = pool.allocNetmem(size);
  return [ref, pool.fragOffset, pool.fragSize];
}

describe('page_pool_alloc_netmem (allocNetmem, allocWholeOrFragment)', () => {
  it('gives a whole element for more than half of one', () => {
    const pool = makeHost().pool();
    const [ref, offset, size] = cut(pool, PAGE_SIZE / 2 + 1);
    expect([offset, size, pool.netmem.ppRefCount[ref >>> 1]]).toEqual([0, PAGE_SIZE, 1]);
    pool.putFullNetmem(ref, false);
    pool.destroy();
  });

  it('cuts one element into pieces and gives the last one the rest', () => {
    const pool = makeHost().pool();
    const pieces = [1000, 1000, 1000, 1000].map((size) => cut(pool, size));
    const [first] = pieces as [Piece];
    expect(pieces.map(([ref, offset, size]) => [ref === first[0], offset, size])).toEqual([
      [true, 0, 1000],
      [true, 1000, 1000],
      [true, 2000, 1000],
      [true, 3000, 1096],
    ]);
    expect(counters(pool)).toEqual({ allocEmpty: 1, allocSlow: 1 });
    const [second, offset] = cut(pool, 1000);
    expect([second === first[0], offset]).toEqual([false, 0]);
    for (const [ref] of pieces) pool.putNetmem(ref, -1, false);
    pool.putNetmem(second, -1, false);
    pool.destroy();
  });

  it('comes back with the last piece, not before, and recycles the element then', () => {
    const pool = makeHost().pool();
    const pieces = [cut(pool, 2048), cut(pool, 2048)] as const;
    const [next] = cut(pool, 2048);
    expect(pool.netmem.ppRefCount[pieces[0][0] >>> 1]).toBe(2);
    pool.putNetmem(pieces[0][0], -1, false);
    expect(pool.ringed).toBe(0);
    pool.putNetmem(pieces[1][0], -1, false);
    expect([pool.ringed, pool.netmem.ppRefCount[pieces[1][0] >>> 1]]).toEqual([1, 1]);
    pool.putNetmem(next, -1, false);
    pool.destroy();
    expect(pool.inflight()).toBe(0);
  });

  it('uses an element again at once when all its pieces are back, as a cached and a fast one (gotcha 6)', () => {
    const pool = makeHost().pool();
    const [ref] = cut(pool, 2048);
    cut(pool, 2048);
    pool.putNetmem(ref, -1, false);
    pool.putNetmem(ref, -1, false);
    const before = { ...pool.stats };
    const cached = pool.cached;
    expect(cut(pool, 100)).toEqual([ref, 0, 100]);
    expect(pool.stats).toEqual({ ...before, recycleCached: before.recycleCached + 1, allocFast: before.allocFast + 1 });
    expect(pool.cached).toBe(cached);
    expect(pool.netmem.ppRefCount[ref >>> 1]).toBe(BIAS_MAX);
    pool.putNetmem(ref, -1, false);
    pool.destroy();
  });

  it('lets go of a drained element that somebody else holds (drainFragment)', () => {
    const host = makeHost();
    const pool = host.pool();
    const [ref] = cut(pool, 2048);
    cut(pool, 2048);
    const page = host.netmem.toPage(ref);
    host.netmem.getPage(page);
    for (let i = 0; i < 2; i++) pool.putNetmem(ref, -1, false);
    const [other] = cut(pool, 2048);
    expect(other).not.toBe(ref);
    expect([host.netmem.isPp(ref), pool.stats.recycleReleasedRefcnt, pool.stats.recycleCached]).toEqual([false, 0, 0]);
    host.netmem.putPage(page);
    pool.putNetmem(other, -1, false);
    pool.destroy();
  });

  it('syncs a reused element in full', () => {
    const host = makeHost({ dmaMode: 'non-coherent' });
    const pool = host.pool({ ...host.mapping, maxLen: 3000 });
    const [ref] = cut(pool, 2048);
    cut(pool, 2048);
    for (let i = 0; i < 2; i++) pool.putNetmem(ref, -1, false);
    const synced = host.watch('dma_sync_single_for_device');
    cut(pool, 2048);
    expect(synced.map(([, , address, size]) => [address, size])).toEqual([[pool.getDmaAddrNetmem(ref), 3000]]);
    pool.putNetmem(ref, -1, false);
    pool.destroy();
  });

  it('gives 0 when nothing is to be had, and starts anew later', () => {
    const host = makeHost();
    const provider = new ToyProvider(host.netmem, 1);
    const pool = host.provided(provider);
    const whole = pool.allocNetmems();
    expect(cut(pool, 100)[0]).toBe(0);
    pool.recycleDirectNetmem(whole);
    expect(cut(pool, 100)).toEqual([whole, 0, 100]);
    pool.putNetmem(whole, -1, false);
    pool.destroy();
  });

  it('keeps cache lines apart where the CPU’s cache is not coherent (fragmentAlign)', () => {
    const host = makeHost({ dmaMode: 'non-coherent' });
    const pool = host.pool();
    const pieces = [cut(pool, 100), cut(pool, 1)];
    expect(pieces.map(([, offset, size]) => [offset, size])).toEqual([
      [0, 128],
      [128, 64],
    ]);
    for (const [ref] of pieces) pool.putNetmem(ref, -1, false);
    pool.destroy();
  });
});

describe('page_pool_alloc_frag_netmem (allocFragNetmem, allocFragment)', () => {
  it('does not round up to the element, however large', () => {
    const pool = makeHost().pool();
    const ref = pool.allocFragNetmem(3000);
    expect([pool.fragOffset, pool.fragSize, pool.fragNext]).toEqual([0, 3000, 3000]);
    expect(pool.allocFragNetmem(1096)).toBe(ref);
    expect([pool.fragOffset, pool.fragSize]).toEqual([3000, 1096]);
    for (let i = 0; i < 2; i++) pool.putNetmem(ref, -1, false);
    pool.destroy();
  });

  it('refuses more than an element with a WARN', () => {
    const host = makeHost();
    const pool = host.pool({ order: 1 });
    expect(pool.allocFragNetmem(2 * PAGE_SIZE + 1)).toBe(0);
    expect(host.log()).toEqual(['warn page_pool_alloc_frag_netmem: 8193 bytes of 8192']);
    pool.destroy();
  });
});

describe('page_pool_free_frag (freeFragments)', () => {
  it('gives an unused rest back at destroy', () => {
    const pool = makeHost().pool();
    const [ref] = cut(pool, 100);
    pool.putNetmem(ref, -1, false);
    pool.destroy();
    expect([pool.inflight(), pool.fragRef]).toEqual([0, 0]);
  });

  it('leaves it to the last piece while there are some', () => {
    const host = makeHost();
    const pool = host.pool();
    const [ref] = cut(pool, 100);
    cut(pool, 100);
    pool.destroy();
    expect([pool.inflight(), host.netmem.ppRefCount[ref >>> 1]]).toEqual([1, 2]);
    pool.putNetmem(ref, -1, false);
    pool.putNetmem(ref, -1, false);
    host.machine.clock.advance(1e9);
    host.machine.run();
    expect(host.pools.get(pool.id)).toBeUndefined();
  });
});

describe('page_pool_alloc_va (allocVa, freeVa, allocVirtual, freeVirtual)', () => {
  it('gives addresses in pages that are freed by any address in them', () => {
    const host = makeHost();
    const pool = host.pool();
    const [a, b] = [pool.allocVa(1000), pool.allocVa(1000)];
    expect(b - a).toBe(1000);
    expect(host.netmem.address(host.netmem.addressToNetmem(b))).toBe(a);
    pool.freeVa(a, false);
    pool.freeVa(b, false);
    pool.destroy();
  });

  it('finds the head of a compound page', () => {
    const host = makeHost();
    const pool = host.pool({ order: 1 });
    const [a, b] = [pool.allocVa(3000), pool.allocVa(4096)];
    expect(Math.floor((b - a) / PAGE_SIZE)).toBe(0);
    expect(host.machine.ram.frameOf(b + 4000)).toBe(host.machine.ram.frameOf(a) + 1);
    pool.freeVa(a, false);
    pool.freeVa(b + 4000, false);
    expect(pool.inflight()).toBe(1);
    pool.destroy();
  });

  it('is 0 without memory and a bug for memory without an address', () => {
    const host = makeHost();
    const provider = new ToyProvider(host.netmem, 1);
    const pool = host.provided(provider);
    expect(() => pool.allocVa(4096)).toThrow(/RX-5/);
    expect(pool.allocVa(4096)).toBe(0);
    const [ref] = [host.netmem.netIovToNetmem(provider.area.netIov(0))];
    pool.putFullNetmem(ref, false);
    expect(take(pool, 1)).toEqual([ref]);
    pool.putFullNetmem(ref, false);
    pool.destroy();
  });
});
