import { PAGE_SIZE } from '@netmem/machine';
import type { NetmemRef } from '@netmem/netmem';
import { describe, expect, it } from 'vitest';
import { counters, makeHost, take } from '../test/host.ts';

describe('page_pool_alloc_netmems (allocNetmems, allocBulk)', () => {
  it('gets 64 pages at once from the page allocator and counts one slow (gotcha 3)', () => {
    const host = makeHost();
    const pool = host.pool();
    const free = host.machine.ram.freePages;
    const refs = take(pool, 1);
    expect(host.machine.ram.freePages).toBe(free - 64);
    expect([pool.cached, pool.inflight()]).toEqual([63, 64]);
    expect(counters(pool)).toEqual({ allocEmpty: 1, allocSlow: 1 });
    for (const ref of refs) pool.putFullNetmem(ref, false);
    pool.destroy();
    expect(host.machine.ram.freePages).toBe(free);
  });

  it('makes each page its own, with one reference (adoptNetmem, returnNetmem)', () => {
    const host = makeHost();
    const pool = host.pool();
    const [ref] = take(pool, 1) as [NetmemRef];
    expect([host.netmem.isPp(ref), host.netmem.pool(ref), host.netmem.ppRefCount[ref >>> 1]]).toEqual([true, pool, 1]);
    pool.putFullNetmem(ref, false);
    pool.destroy();
    expect([host.netmem.isPp(ref), host.netmem.pool(ref)]).toEqual([false, null]);
  });

  it('takes the most recent from the cache', () => {
    const pool = makeHost().pool();
    const [a, b, c] = take(pool, 3) as [NetmemRef, NetmemRef, NetmemRef];
    for (const ref of [b, c, a]) pool.recycleDirectNetmem(ref);
    expect(take(pool, 3)).toEqual([a, c, b]);
    expect(counters(pool)).toEqual({ allocEmpty: 1, allocSlow: 1, allocFast: 5, recycleCached: 3 });
    for (const ref of [a, b, c]) pool.recycleDirectNetmem(ref);
    pool.destroy();
  });

  it('refills 64 from the ring, oldest first, and hands out the newest of them', () => {
    const pool = makeHost().pool();
    const refs = take(pool, 128);
    for (const ref of refs) pool.putFullNetmem(ref, false);
    expect([pool.cached, pool.ringed]).toEqual([0, 128]);
    expect(take(pool, 65)).toEqual([...refs.slice(0, 64).reverse(), refs[127]]);
    expect(counters(pool)).toEqual({
      allocFast: 63 * 3,
      allocSlow: 2,
      allocEmpty: 2,
      allocRefill: 2,
      recycleRing: 128,
    });
    for (const ref of [...refs.slice(0, 64), refs[127]!]) pool.putFullNetmem(ref, false);
    pool.destroy();
  });

  it('stops a refill when the ring is dry', () => {
    const pool = makeHost().pool();
    const refs = take(pool, 64);
    for (const ref of refs.slice(0, 3)) pool.putFullNetmem(ref, false);
    expect(take(pool, 3)).toEqual(refs.slice(0, 3).reverse());
    expect(counters(pool)).toMatchObject({ allocRefill: 1, allocFast: 65, allocEmpty: 1 });
    for (const ref of refs) pool.putFullNetmem(ref, false);
    pool.destroy();
  });

  it('gives 0 when RAM is out, counts empty only, and recovers', () => {
    const host = makeHost({ ramBytes: 70 * PAGE_SIZE });
    const pool = host.pool();
    const refs = take(pool, 70);
    expect(refs.every((ref) => ref !== 0)).toBe(true);
    const before = counters(pool);
    expect(take(pool, 2)).toEqual([0, 0]);
    expect(counters(pool)).toEqual({ ...before, allocEmpty: (before.allocEmpty ?? 0) + 2 });
    expect(before).toMatchObject({ allocSlow: 2 });
    expect([pool.cached, pool.inflight()]).toEqual([0, 70]);
    pool.putFullNetmem(refs[5]!, false);
    expect(pool.allocNetmems()).toBe(refs[5]);
    for (const ref of refs) pool.putFullNetmem(ref, false);
    pool.destroy();
  });

  it('drops pages that cannot be mapped and keeps the others', () => {
    const host = makeHost();
    const free = host.machine.ram.freePages;
    const pool = host.pool(host.mapping);
    host.device.failNextMappings = 60;
    const ref = pool.allocNetmems();
    expect(ref).not.toBe(0);
    expect([pool.cached, pool.inflight(), pool.mappedPages, host.device.liveMappings]).toEqual([3, 4, 4, 4]);
    host.device.failNextMappings = 64;
    const rest = take(pool, 3);
    expect(pool.allocNetmems()).toBe(0);
    expect(counters(pool)).toEqual({ allocEmpty: 2, allocSlow: 1, allocFast: 3 });
    for (const each of [ref, ...rest]) pool.putFullNetmem(each, false);
    pool.destroy();
    expect(host.machine.ram.freePages).toBe(free);
  });

  it('is what allocPages does, for pools of pages', () => {
    const host = makeHost();
    const pool = host.pool();
    const page = pool.allocPages();
    expect(host.netmem.pool(host.netmem.pageToNetmem(page))).toBe(pool);
    pool.putFullNetmem(host.netmem.pageToNetmem(page), false);
    pool.destroy();
  });
});

describe('high orders (allocHighOrder)', () => {
  it('come one by one, are not cached, and count apart', () => {
    const host = makeHost();
    const pool = host.pool({ order: 2 });
    const free = host.machine.ram.freePages;
    const refs = take(pool, 2);
    expect(host.machine.ram.freePages).toBe(free - 8);
    expect([pool.cached, pool.inflight()]).toEqual([0, 2]);
    expect(counters(pool)).toEqual({ allocEmpty: 2, allocSlowHighOrder: 2 });
    pool.recycleDirectNetmem(refs[0]!);
    expect(pool.allocNetmems()).toBe(refs[0]);
    for (const ref of refs) pool.putFullNetmem(ref, false);
    pool.destroy();
    expect(host.machine.ram.freePages).toBe(free);
  });

  it('map the whole element, and give it back when that fails', () => {
    const host = makeHost();
    const pool = host.pool({ ...host.mapping, order: 1 });
    const mapped = host.watch('dma_map_phys');
    host.device.failNextMappings = 1;
    expect(pool.allocNetmems()).toBe(0);
    expect(counters(pool)).toEqual({ allocEmpty: 1 });
    const ref = pool.allocNetmems();
    expect(mapped.map(([, , , , size]) => size)).toEqual([2 * PAGE_SIZE]);
    pool.putFullNetmem(ref, false);
    pool.destroy();
    expect(host.machine.ram.freePages).toBe(1024);
  });

  it('come from the pool’s node', () => {
    const host = makeHost({ nodes: 2 });
    const pool = host.pool({ order: 1, nid: 1 });
    const ref = pool.allocNetmems();
    expect(host.netmem.isPrefNid(ref, 1)).toBe(true);
    pool.putFullNetmem(ref, false);
    pool.destroy();
  });

  it('are 0 when no such block is free', () => {
    const pool = makeHost({ ramBytes: 7 * PAGE_SIZE }).pool({ order: 3 });
    expect(pool.allocNetmems()).toBe(0);
    expect(counters(pool)).toEqual({ allocEmpty: 1 });
    pool.destroy();
  });
});

describe('NUMA (refillFromRing, updateNid, nidChanged)', () => {
  /** A pool whose ring holds pages of node 0 and node 1: `pattern` says of which, oldest first. */
  function mixed(pattern: readonly (0 | 1)[]) {
    const host = makeHost({ nodes: 2 });
    const pool = host.pool({ nid: 0 });
    const near = take(pool, 64);
    pool.nid = 1;
    const far = take(pool, 64);
    const ringed = pattern.map((nid) => (nid === 0 ? near : far).pop() as NetmemRef);
    for (const ref of ringed) {
      expect(host.netmem.isPrefNid(ref, pattern[ringed.indexOf(ref)]!)).toBe(true);
      pool.putFullNetmem(ref, false);
    }
    const finish = (taken: NetmemRef[]): void => {
      for (const ref of [...near, ...far, ...taken]) pool.putFullNetmem(ref, false);
      pool.destroy();
    };
    return { host, pool, ringed, finish };
  }

  it('gives up the first page of a wrong node and serves from what came before it (gotcha 7)', () => {
    const { pool, ringed, finish } = mixed([1, 1, 0, 1]);
    const before = counters(pool);
    const released = pool.releaseCount;
    const taken = take(pool, 2);
    expect(taken).toEqual([ringed[1], ringed[0]]);
    expect(pool.stats).toMatchObject({ allocWaive: 1, allocRefill: 1, allocSlow: before.allocSlow });
    expect(pool.releaseCount).toBe(released + 1);
    expect(pool.ringed).toBe(1);
    finish(taken);
  });

  it('allocates anew when the wrong page came first', () => {
    const { pool, finish } = mixed([0, 1, 1]);
    const { allocSlow = 0 } = counters(pool);
    const taken = take(pool, 1);
    expect(pool.stats).toMatchObject({ allocWaive: 1, allocRefill: 0, allocSlow: allocSlow + 1 });
    expect(pool.ringed).toBe(2);
    finish(taken);
  });

  it('follows the CPU, which is on node 0, when no node was asked for', () => {
    const { pool, ringed, finish } = mixed([0, 1]);
    pool.nid = -1;
    const taken = take(pool, 1);
    expect(taken).toEqual([ringed[0]]);
    expect(pool.stats.allocWaive).toBe(1);
    finish(taken);
  });

  it('empties the cache, and only the cache, when the node changes', () => {
    const host = makeHost({ nodes: 2 });
    const pool = host.pool({ nid: 0 });
    const seen = host.watch('page_pool_update_nid');
    const refs = take(pool, 2);
    pool.putFullNetmem(refs[0]!, false);
    pool.updateNid(1);
    expect([pool.cached, pool.ringed, pool.inflight(), pool.nid]).toEqual([0, 1, 2, 1]);
    expect(pool.stats.allocWaive).toBe(0);
    pool.nidChanged(1);
    expect(seen).toEqual([['page_pool_update_nid', pool.id, 0, 1]]);
    pool.nidChanged(0);
    expect(seen).toHaveLength(2);
    pool.putFullNetmem(refs[1]!, false);
    pool.destroy();
  });
});
