import type { NetmemRef } from '@netmem/netmem';
import { describe, expect, it } from 'vitest';
import { counters, type Host, makeHost, ToyNapi, ToyProvider, take } from '../test/host.ts';
import { type PagePool, PagePoolStats } from './index.ts';

/** A pool whose counters start from 0 with nothing in cache and ring, and all of `refs` out. */
function drained(pool: PagePool, count: number): NetmemRef[] {
  const refs = take(pool, count);
  while (pool.cached > 0) refs.push(pool.allocNetmems());
  Object.assign(pool.stats, new PagePoolStats());
  return refs;
}

function finish(pool: PagePool, refs: NetmemRef[]): void {
  for (const ref of refs) pool.putFullNetmem(ref, false);
  pool.destroy();
}

describe('page_pool_put_netmem (putNetmem, recycleInCache, isRecyclable)', () => {
  it('does nothing but count while others use it', () => {
    const host = makeHost();
    const pool = host.pool(host.mapping);
    const refs = drained(pool, 1);
    const [ref] = refs as [NetmemRef];
    const synced = host.watch('dma_sync_single_for_device');
    host.netmem.refNetmem(ref);
    pool.putNetmem(ref, -1, true);
    expect([counters(pool), pool.cached, pool.ringed, synced]).toEqual([{}, 0, 0, []]);
    finish(pool, refs);
  });

  it('goes to the cache when direct, to the ring when not', () => {
    const pool = makeHost().pool();
    const refs = drained(pool, 64);
    pool.putNetmem(refs.pop()!, -1, true);
    pool.recycleDirectNetmem(refs.pop()!);
    pool.putFullNetmem(refs.pop()!, true);
    pool.putFullNetmem(refs.pop()!, false);
    expect(counters(pool)).toEqual({ recycleCached: 3, recycleRing: 1 });
    expect([pool.cached, pool.ringed]).toEqual([3, 1]);
    finish(pool, refs);
  });

  it('tries the ring when the cache is full, and counts both (gotcha 5)', () => {
    const pool = makeHost().pool();
    const refs = drained(pool, 192);
    for (let i = 0; i < 128; i++) pool.recycleDirectNetmem(refs.pop()!);
    expect(counters(pool)).toEqual({ recycleCached: 128 });
    pool.recycleDirectNetmem(refs.pop()!);
    expect(counters(pool)).toEqual({ recycleCached: 128, recycleCacheFull: 1, recycleRing: 1 });
    expect([pool.cached, pool.ringed]).toEqual([128, 1]);
    finish(pool, refs);
  });

  it('lets go of what finds the ring full, one count each', () => {
    const host = makeHost();
    const pool = host.pool({ poolSize: 2 });
    const refs = drained(pool, 64);
    const free = host.machine.ram.freePages;
    for (let i = 0; i < 4; i++) pool.putFullNetmem(refs.pop()!, false);
    expect(counters(pool)).toEqual({ recycleRing: 2, recycleRingFull: 2 });
    expect([pool.ringed, pool.inflight(), host.machine.ram.freePages]).toEqual([2, 62, free + 2]);
    finish(pool, refs);
  });

  it('counts all three when cache and ring are full', () => {
    const pool = makeHost().pool({ poolSize: 1 });
    const refs = drained(pool, 192);
    for (let i = 0; i < 130; i++) pool.recycleDirectNetmem(refs.pop()!);
    expect(counters(pool)).toEqual({ recycleCached: 128, recycleCacheFull: 2, recycleRing: 1, recycleRingFull: 1 });
    finish(pool, refs);
  });

  it('does not recycle a page that somebody else holds', () => {
    const host = makeHost();
    const pool = host.pool(host.mapping);
    const refs = drained(pool, 64);
    const synced = host.watch('dma_sync_single_for_device');
    const ref = refs.pop()!;
    const page = host.netmem.toPage(ref);
    host.netmem.getPage(page);
    pool.recycleDirectNetmem(ref);
    expect(counters(pool)).toEqual({ recycleReleasedRefcnt: 1 });
    expect([pool.inflight(), host.netmem.isPp(ref), host.netmem.refCount(ref), synced]).toEqual([63, false, 1, []]);
    expect([pool.mappedPages, host.device.liveMappings, host.netmem.getDmaAddr(ref)]).toEqual([63, 63, 0]);
    host.netmem.putPage(page);
    finish(pool, refs);
  });

  it('does not recycle a page from the emergency reserves', () => {
    const host = makeHost();
    const pool = host.pool();
    const refs = drained(pool, 64);
    const ref = refs.pop()!;
    host.netmem.setPfmemalloc(ref, true);
    pool.putFullNetmem(ref, false);
    expect(counters(pool)).toEqual({ recycleReleasedRefcnt: 1 });
    expect([pool.ringed, pool.inflight()]).toEqual([0, 63]);
    finish(pool, refs);
  });

  it('recycles a net_iov whatever its binding is held by (gotcha 21)', () => {
    const host = makeHost();
    const provider = new ToyProvider(host.netmem, 2);
    const pool = host.provided(provider);
    const ref = pool.allocNetmems();
    host.netmem.get(ref);
    expect(host.netmem.refCount(ref)).toBe(1);
    pool.recycleDirectNetmem(ref);
    expect(counters(pool)).toEqual({ allocEmpty: 1, recycleCached: 1 });
    host.netmem.put(ref);
    pool.destroy();
  });

  it('takes what was unreferenced elsewhere (putUnrefedNetmem)', () => {
    const host = makeHost();
    const pool = host.pool();
    const refs = drained(pool, 64);
    const ref = refs.pop()!;
    host.netmem.refNetmem(ref);
    expect(host.netmem.unrefNetmem(ref, 2)).toBe(0);
    pool.putUnrefedNetmem(ref, -1, false);
    expect(counters(pool)).toEqual({ recycleRing: 1 });
    finish(pool, refs);
  });
});

describe('page_pool_napi_local (isNapiLocal)', () => {
  const where = (host: Host, pool: PagePool, refs: NetmemRef[], put: (body: () => void) => void): string => {
    const before = pool.stats.recycleCached;
    put(() => pool.putFullNetmem(refs.pop()!, false));
    expect(host.machine.context.depth).toBe(0);
    return pool.stats.recycleCached > before ? 'cache' : 'ring';
  };

  it('is the poll of the pool’s NAPI, and nothing else', () => {
    const host = makeHost();
    const pool = host.pool({ napi: host.napi });
    const refs = host.napi.poll(() => drained(pool, 64));
    const other = new ToyNapi(host.machine, 10);
    expect(where(host, pool, refs, (body) => body())).toBe('ring');
    expect(where(host, pool, refs, (body) => host.napi.poll(body))).toBe('cache');
    expect(where(host, pool, refs, (body) => other.poll(body))).toBe('ring');
    // Process context on the CPU that owns the NAPI is not its poll.
    host.napi.ownerCpu = 0;
    expect(where(host, pool, refs, (body) => body())).toBe('ring');
    host.napi.ownerCpu = -1;
    host.napi.enabled = false;
    finish(pool, refs);
  });

  it('is any softirq of its CPU for a per-CPU pool', () => {
    const host = makeHost();
    const pool = host.pool({}, 0);
    const refs = drained(pool, 64);
    expect(where(host, pool, refs, (body) => body())).toBe('ring');
    expect(where(host, pool, refs, (body) => host.napi.poll(body))).toBe('cache');
    finish(pool, refs);
  });

  it('is nowhere for another CPU’s pool and for a pool without NAPI', () => {
    const host = makeHost();
    for (const pool of [host.pool({}, 1), host.pool()]) {
      const refs = drained(pool, 64);
      expect(where(host, pool, refs, (body) => host.napi.poll(body))).toBe('ring');
      finish(pool, refs);
    }
  });
});

describe('page_pool_put_netmem_bulk (putNetmemBulk, putBulk, produceBulk)', () => {
  it('groups by pool, and leaves those alone that are still used', () => {
    const host = makeHost();
    const [a, b] = [host.pool(), host.pool()];
    const [ofA, ofB] = [drained(a, 64), drained(b, 64)];
    host.netmem.refNetmem(ofA[2]!);
    const bulk = Int32Array.of(ofA[0]!, ofB[0]!, ofA[1]!, ofA[2]!, ofB[1]!);
    host.pools.putNetmemBulk(bulk, 5);
    expect([counters(a), counters(b)]).toEqual([{ recycleRing: 2 }, { recycleRing: 2 }]);
    expect([a.ringed, b.ringed, host.netmem.ppRefCount[ofA[2]! >>> 1]]).toEqual([2, 2, 1]);
    finish(a, ofA.slice(2));
    finish(b, ofB.slice(2));
  });

  it('keeps the order within a pool', () => {
    const host = makeHost();
    const pool = host.pool();
    const refs = drained(pool, 64);
    host.pools.putNetmemBulk(Int32Array.from(refs.slice(0, 4)), 4);
    expect(take(pool, 4)).toEqual(refs.slice(0, 4).reverse());
    finish(pool, refs);
  });

  it('counts a full ring once, however many it turned away (gotcha 4)', () => {
    const host = makeHost();
    const pool = host.pool({ poolSize: 3 });
    const refs = drained(pool, 64);
    host.pools.putNetmemBulk(Int32Array.from(refs.splice(0, 16)), 16);
    expect(counters(pool)).toEqual({ recycleRing: 3, recycleRingFull: 1 });
    expect(pool.inflight()).toBe(64 - 13);
    finish(pool, refs);
  });

  it('goes to the cache inside the NAPI, and to the ring when that is full', () => {
    const host = makeHost();
    const pool = host.pool({ napi: host.napi });
    host.napi.poll(() => {
      const refs = drained(pool, 192);
      for (let i = 0; i < 126; i++) pool.recycleDirectNetmem(refs.pop()!);
      host.pools.putNetmemBulk(Int32Array.from(refs.splice(0, 4)), 4);
      expect(counters(pool)).toEqual({ recycleCached: 128, recycleCacheFull: 2, recycleRing: 2 });
      for (const ref of refs) pool.putFullNetmem(ref, false);
    });
    host.napi.enabled = false;
    pool.destroy();
  });

  it('takes tail pages for their heads and gives up what is not recyclable', () => {
    const host = makeHost();
    const pool = host.pool({ order: 1 });
    const refs = take(pool, 2);
    const page = host.netmem.toPage(refs[1]!);
    host.netmem.getPage(page);
    const tail = (refs[0]! + 2) as NetmemRef;
    host.pools.putNetmemBulk(Int32Array.of(tail, refs[1]!), 2);
    expect(pool.stats).toMatchObject({ recycleRing: 1, recycleReleasedRefcnt: 1 });
    host.netmem.putPage(page);
    pool.destroy();
  });

  it('is refused above 16, which the kernel keeps on its stack', () => {
    const host = makeHost();
    expect(() => host.pools.putNetmemBulk(new Int32Array(17), 17)).toThrow(/bulk put too long/);
    host.pools.putNetmemBulk(new Int32Array(17), 0);
  });
});

describe('direct recycling (enableDirectRecycling, disableDirectRecycling)', () => {
  it('is undone once, however often it was enabled', () => {
    const host = makeHost();
    const pool = host.pool();
    pool.enableDirectRecycling(host.napi);
    pool.enableDirectRecycling(host.napi);
    expect(pool.napi).toBe(host.napi);
    host.napi.enabled = false;
    pool.disableDirectRecycling();
    expect([pool.napi, pool.cpuid]).toEqual([null, -1]);
    pool.disableDirectRecycling();
    pool.destroy();
  });

  it('ends for a per-CPU pool as well', () => {
    const host = makeHost();
    const pool = host.pool({}, 0);
    const ref = pool.allocNetmems();
    pool.disableDirectRecycling();
    host.napi.poll(() => pool.putFullNetmem(ref, false));
    expect([pool.cpuid, pool.stats.recycleRing]).toEqual([-1, 1]);
    pool.destroy();
  });

  it('warns about a second NAPI and about none, and obeys', () => {
    const host = makeHost();
    const pool = host.pool({ napi: host.napi });
    const other = new ToyNapi(host.machine, 10);
    pool.enableDirectRecycling(other);
    expect(pool.napi).toBe(other);
    pool.enableDirectRecycling(null);
    expect(pool.napi).toBe(null);
    pool.enableDirectRecycling(null);
    expect(host.log()).toEqual([
      'warn page_pool_enable_direct_recycling: pool 1 is of NAPI 9 already',
      'warn page_pool_enable_direct_recycling: no NAPI given to pool 1',
    ]);
    pool.destroy();
  });

  it('warns when a NAPI that may still run is cut off (assertWillNotRace)', () => {
    const host = makeHost();
    const pool = host.pool({ napi: host.napi });
    host.napi.ownerCpu = 0;
    pool.destroy();
    expect(host.log()).toEqual([
      'warn napi_assert_will_not_race: NAPI 9 of pool 1 is enabled',
      'warn napi_assert_will_not_race: NAPI 9 of pool 1 is being polled',
    ]);
  });
});
