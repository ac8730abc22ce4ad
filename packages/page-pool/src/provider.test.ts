import { KernelBug } from '@netmem/machine';
import type { NetmemRef } from '@netmem/netmem';
import { describe, expect, it } from 'vitest';
import { counters, Host, makeHost, ToyProvider, take } from '../test/host.ts';

describe('a pool with a memory provider', () => {
  it('asks it only when cache and ring are empty, and counts such allocations nowhere (gotcha 3)', () => {
    const host = makeHost();
    const provider = new ToyProvider(host.netmem, 8);
    const pool = host.provided(provider);
    const refs = take(pool, 3);
    expect(refs.map((ref) => host.netmem.netIovIndex(host.netmem.toNetIov(ref)))).toEqual([0, 1, 2]);
    expect(counters(pool)).toEqual({ allocEmpty: 3 });
    expect([pool.inflight(), provider.calls]).toEqual([3, ['init', 'alloc', 'alloc', 'alloc']]);
    pool.recycleDirectNetmem(refs[0]!);
    pool.putFullNetmem(refs[1]!, false);
    expect(take(pool, 2)).toEqual([refs[0], refs[1]]);
    expect(provider.calls).toHaveLength(4);
    for (const ref of refs) pool.putFullNetmem(ref, false);
    pool.destroy();
    expect(provider.free).toHaveLength(8);
    expect(provider.calls.slice(4)).toEqual(['release', 'release', 'release', 'destroy']);
  });

  it('behaves as the recorded kernel did: empty once per allocation, one cached, one ringed', () => {
    // golden/linux-7.3.4-devmem-datapath.txt: two packets, the first dropped in NAPI, the second given back by the user.
    const host = makeHost();
    const pool = host.provided(new ToyProvider(host.netmem, 8), { napi: host.napi });
    const [dropped, kept] = host.napi.poll(() => {
      const refs = take(pool, 2) as [NetmemRef, NetmemRef];
      pool.putFullNetmem(refs[0], false);
      return refs;
    });
    expect([pool.inflight(), counters(pool)]).toEqual([2, { allocEmpty: 2, recycleCached: 1 }]);
    pool.putFullNetmem(kept, false);
    expect([pool.inflight(), counters(pool)]).toEqual([2, { allocEmpty: 2, recycleCached: 1, recycleRing: 1 }]);
    expect(dropped).not.toBe(kept);
    host.napi.enabled = false;
    pool.destroy();
  });

  it('may be exhausted, which is no error, and goes on when something comes back', () => {
    const host = makeHost();
    const provider = new ToyProvider(host.netmem, 2);
    const pool = host.provided(provider);
    const refs = take(pool, 2);
    expect(take(pool, 3)).toEqual([0, 0, 0]);
    expect(counters(pool)).toEqual({ allocEmpty: 5 });
    expect([pool.cached, pool.inflight()]).toEqual([0, 2]);
    pool.putFullNetmem(refs[0]!, false);
    expect(take(pool, 2)).toEqual([refs[0], 0]);
    for (const ref of refs) pool.putFullNetmem(ref, false);
    pool.destroy();
  });

  it('takes several at a time into the cache (placeInCache, niovSetPagePool)', () => {
    const host = makeHost();
    const provider = new ToyProvider(host.netmem, 64);
    provider.batch = 10;
    const pool = host.provided(provider);
    const refs = take(pool, 11);
    expect(provider.calls).toEqual(['init', 'alloc', 'alloc']);
    expect([pool.cached, pool.inflight(), counters(pool)]).toEqual([9, 20, { allocEmpty: 2, allocFast: 9 }]);
    expect(new Set(refs).size).toBe(11);
    for (const ref of refs) pool.putFullNetmem(ref, false);
    pool.destroy();
    expect(provider.free).toHaveLength(64);
  });

  it('keeps a cache from being overfilled', () => {
    const host = new Host();
    const provider = new ToyProvider(host.netmem, 256);
    provider.batch = 200;
    const pool = host.provided(provider);
    expect(() => pool.allocNetmems()).toThrow(/page_pool cache overflow/);
  });

  it('gets net_iovs back from a full ring and from a change of node (gotcha 25)', () => {
    const host = makeHost();
    const provider = new ToyProvider(host.netmem, 8);
    const pool = host.provided(provider, { poolSize: 1 });
    const refs = take(pool, 4);
    pool.putFullNetmem(refs[0]!, false);
    pool.putFullNetmem(refs[1]!, false);
    expect([provider.free.length, provider.free.at(-1), pool.stats.recycleRingFull]).toEqual([5, refs[1], 1]);
    pool.recycleDirectNetmem(refs[2]!);
    pool.updateNid(3);
    expect([provider.free.length, pool.cached, pool.ringed]).toEqual([6, 0, 1]);
    pool.putFullNetmem(refs[3]!, false);
    pool.destroy();
  });

  it('is not asked about nodes: a net_iov is on the right one always', () => {
    const host = makeHost({ nodes: 2 });
    const pool = host.provided(new ToyProvider(host.netmem, 2), { nid: 1 });
    const refs = take(pool, 2);
    for (const ref of refs) pool.putFullNetmem(ref, false);
    expect(take(pool, 2)).toEqual(refs.reverse());
    expect(counters(pool)).toMatchObject({ allocRefill: 1, allocFast: 1 });
    for (const ref of refs) pool.putFullNetmem(ref, false);
    pool.destroy();
  });

  it('outlives its pool’s destruction until the last net_iov is back', () => {
    const host = makeHost();
    const provider = new ToyProvider(host.netmem, 2);
    const pool = host.provided(provider);
    const ref = pool.allocNetmems();
    pool.destroy();
    expect(provider.calls).not.toContain('destroy');
    pool.putFullNetmem(ref, false);
    host.machine.clock.advance(1e9);
    host.machine.run();
    expect(provider.calls).toEqual(['init', 'alloc', 'release', 'destroy']);
  });

  it('is destroyed after the pool is unlisted', () => {
    const host = makeHost();
    const provider = new ToyProvider(host.netmem, 1);
    const pool = host.provided(provider);
    let described: unknown;
    host.pools.subscribe({
      added: () => {},
      changed: () => {},
      removed: (gone) => {
        described = gone.mpOps?.describe(gone.mpPriv);
        expect(provider.calls).toEqual(['init']);
      },
    });
    pool.destroy();
    expect(described).toEqual({ kind: 'dmabuf', id: 7 });
    expect(provider.calls).toEqual(['init', 'destroy']);
  });

  it('loses a net_iov to a driver that asks for pages (gotcha 23)', () => {
    const host = new Host();
    const pool = host.provided(new ToyProvider(host.netmem, 2));
    expect([pool.allocPages(), pool.allocPages(), pool.allocPages()]).toEqual([0, 0, 0]);
    expect([pool.inflight(), pool.cached]).toEqual([2, 0]);
    expect(host.log()).toEqual(['warn netmem_to_page: a net_iov is no page']);
    pool.destroy();
    host.machine.clock.advance(10e9);
    host.machine.run();
    expect(host.pools.audit()[0]).toBe(
      'Pool 1 of eth0 queue 1 is destroyed, but not all of it has come back: 0 in its cache, 0 in its ring, 2 out.',
    );
  });

  it('must not say that a net_iov is to be put as a page (gotcha 24)', () => {
    const host = new Host();
    const provider = new ToyProvider(host.netmem, 1);
    provider.putsPages = true;
    const pool = host.provided(provider, { poolSize: 1 });
    pool.putFullNetmem(pool.allocNetmems(), false);
    expect(() => pool.destroy()).toThrow(KernelBug);
  });

  it('may store DMA addresses of its own (niovSetDmaAddr, niovClearPagePool)', () => {
    const host = makeHost();
    const provider = new ToyProvider(host.netmem, 1);
    const pool = host.provided(provider);
    const ref = provider.free[0]!;
    expect(pool.niovSetDmaAddr(ref, 0xdead_0000)).toBe(false);
    expect(pool.allocNetmems()).toBe(ref);
    expect(pool.getDmaAddrNetmem(ref)).toBe(0xdead_0000);
    pool.putFullNetmem(ref, false);
    pool.destroy();
    expect([host.netmem.isPp(ref), host.netmem.pool(ref)]).toEqual([false, null]);
    expect(host.device.liveMappings).toBe(0);
  });
});
