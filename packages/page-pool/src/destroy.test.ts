import { PAGE_SIZE } from '@netmem/machine';
import type { NetmemRef } from '@netmem/netmem';
import { describe, expect, it } from 'vitest';
import { Host, makeHost, ToyProvider, take } from '../test/host.ts';
import type { PagePool } from './index.ts';

const SECOND = 1e9;

/** Lets the worker run as often as it is due within `seconds`. */
function wait(host: Host, seconds: number): void {
  for (let i = 0; i < seconds; i++) {
    host.machine.clock.advance(SECOND);
    host.machine.run();
  }
}

/** What observers were told, as `verb id inflight`. */
function observe(host: Host): string[] {
  const told: string[] = [];
  const note = (verb: string) => (pool: PagePool) => {
    told.push(`${verb} ${pool.id} ${pool.inflight()}${pool.detachTime === null ? '' : ` detached ${pool.detachTime}`}`);
  };
  host.pools.subscribe({ added: note('added'), changed: note('changed'), removed: note('removed') });
  return told;
}

describe('page_pool_destroy (destroyPool)', () => {
  it('frees cache and ring and is done at once when nothing is out (tearDown)', () => {
    const host = makeHost();
    const told = observe(host);
    const pool = host.pool(host.mapping);
    const refs = take(pool, 70);
    for (const [i, ref] of refs.entries()) pool.putFullNetmem(ref, i % 2 === 0);
    pool.destroy();
    expect(told).toEqual(['added 1 0', 'removed 1 0']);
    expect([pool.detachTime, host.pools.get(1), host.machine.work.queued]).toEqual([null, undefined, 0]);
    expect(host.machine.ram.freePages).toBe(1024);
    expect(host.netmem.audit()).toEqual([]);
  });

  it('waits for the last element and looks once a second (gotchas 19, 26; detachPool)', () => {
    const host = makeHost();
    host.machine.clock.advance(5.9 * SECOND);
    const told = observe(host);
    const pool = host.pool();
    const ref = pool.allocNetmems();
    pool.destroy();
    expect(told).toEqual(['added 1 0', 'changed 1 1 detached 5']);
    wait(host, 3);
    expect(host.pools.get(1)).toBe(pool);
    host.machine.clock.advance(SECOND / 2);
    pool.putFullNetmem(ref, false);
    host.machine.run();
    expect([host.pools.get(1), pool.inflight(), pool.ringed]).toEqual([pool, 1, 1]);
    host.machine.clock.advance(SECOND / 2);
    host.machine.run();
    expect(host.pools.get(1)).toBeUndefined();
    expect(told).toEqual(['added 1 0', 'changed 1 1 detached 5', 'removed 1 0 detached 5']);
    wait(host, 2);
  });

  it('never puts into the cache again (gotcha 20)', () => {
    const host = makeHost();
    const pool = host.pool({ napi: host.napi });
    const ref = pool.allocNetmems();
    host.napi.enabled = false;
    pool.destroy();
    host.napi.enabled = true;
    host.napi.poll(() => pool.putFullNetmem(ref, false));
    expect([pool.cached, pool.ringed, pool.stats.recycleCached]).toEqual([0, 1, 0]);
    wait(host, 1);
    expect(pool.inflight()).toBe(0);
  });

  it('unmaps at once what skbs still hold (gotcha 18), and not twice', () => {
    const host = makeHost();
    const pool = host.pool(host.mapping);
    const refs = take(pool, 3);
    expect(host.device.liveMappings).toBe(64);
    pool.destroy();
    expect([host.device.liveMappings, pool.mappedPages, pool.inflight(), pool.dmaSync]).toEqual([0, 0, 3, false]);
    expect(refs.map((ref) => pool.getDmaAddrNetmem(ref))).toEqual([0, 0, 0]);
    for (const ref of refs) pool.putFullNetmem(ref, false);
    wait(host, 1);
    expect(host.pools.get(1)).toBeUndefined();
  });

  it('ends with the last of its users', () => {
    const host = makeHost();
    const pool = host.pool();
    pool.get();
    pool.destroy();
    expect([host.pools.get(1), pool.destroyed]).toEqual([pool, false]);
    pool.recycleDirectNetmem(pool.allocNetmems());
    pool.destroy();
    expect(host.pools.get(1)).toBeUndefined();
    expect(() => pool.destroy()).toThrow(/I-9: pool destroyed twice/);
  });

  it('tells an XDP memory model before the pool is unlisted (useXdpMem)', () => {
    const host = makeHost();
    const pool = host.pool();
    const listed: boolean[] = [];
    pool.useXdpMem((gone) => listed.push(host.pools.get(gone.id) === pool));
    pool.destroy();
    expect(listed).toEqual([]);
    pool.destroy();
    expect(listed).toEqual([true]);
  });

  it('counts what is in cache and ring as in flight (gotcha 2)', () => {
    const pool = makeHost().pool();
    const refs = take(pool, 3);
    pool.recycleDirectNetmem(refs[0]!);
    pool.putFullNetmem(refs[1]!, false);
    expect([pool.cached, pool.ringed, pool.inflight()]).toEqual([62, 1, 64]);
    pool.putFullNetmem(refs[2]!, false);
    pool.destroy();
  });

  it('reports a page in the ring that somebody holds, and lets go of it (emptyRing)', () => {
    const host = makeHost();
    const pool = host.pool();
    const ref = pool.allocNetmems();
    const page = host.netmem.toPage(ref);
    pool.putFullNetmem(ref, false);
    host.netmem.getPage(page);
    pool.destroy();
    expect(host.log()).toEqual(['crit page_pool_empty_ring() page_pool refcnt 2 violation']);
    expect(host.netmem.refCount(ref)).toBe(1);
    host.netmem.putPage(page);
  });

  it('does not touch the page counts of net_iovs', () => {
    const host = makeHost();
    const provider = new ToyProvider(host.netmem, 3);
    const pool = host.provided(provider);
    for (const ref of take(pool, 3)) pool.putFullNetmem(ref, false);
    pool.destroy();
    expect(provider.free).toHaveLength(3);
  });
});

describe('page_pool_release_retry (releaseRetry, releasePool)', () => {
  it('warns after 60 s and every 60 s about a pool that no user can see', () => {
    const host = makeHost();
    const pool = host.pool();
    const refs = take(pool, 2);
    pool.destroy();
    wait(host, 59);
    expect(host.log()).toEqual([]);
    wait(host, 1);
    expect(host.log()).toEqual(['warn page_pool_release_retry() stalled pool shutdown: id 1, 2 inflight 60 sec']);
    pool.putFullNetmem(refs[0]!, false);
    wait(host, 60);
    expect(host.log()).toEqual(['warn page_pool_release_retry() stalled pool shutdown: id 1, 1 inflight 120 sec']);
    pool.putFullNetmem(refs[1]!, false);
    wait(host, 1);
  });

  it('is silent about pools that netlink shows', () => {
    const host = makeHost();
    const pool = host.pool({ netdev: host.netdev });
    const ref = pool.allocNetmems();
    pool.destroy();
    wait(host, 130);
    expect(host.log()).toEqual([]);
    pool.putFullNetmem(ref, false);
    wait(host, 1);
  });

  it('gives up on a negative count, with a WARN', () => {
    const host = new Host();
    const pool = host.pool();
    const ref = pool.allocNetmems();
    pool.destroy();
    pool.releaseCount += 2;
    wait(host, 5);
    expect(host.log()).toEqual(['warn Negative(-1) inflight packet-pages']);
    expect([pool.inflight(), host.pools.get(1)]).toEqual([0, pool]);
    expect(host.pools.audit()[1]).toBe('All pools ever made held 64 elements and released 65.');
    expect(host.netmem.isPp(ref)).toBe(true);
  });
});

describe('page_pool_scrub (scrubPool)', () => {
  it('empties the cache the first time only and the ring every time', () => {
    const host = makeHost();
    const pool = host.pool({ poolSize: 8 });
    const refs = take(pool, 2) as [NetmemRef, NetmemRef];
    pool.destroy();
    expect([pool.cached, pool.inflight()]).toEqual([0, 2]);
    pool.putFullNetmem(refs[0], false);
    wait(host, 1);
    expect([pool.ringed, pool.inflight()]).toEqual([0, 1]);
    pool.putFullNetmem(refs[1], false);
    wait(host, 1);
    expect(host.machine.ram.freePages).toBe(1024);
  });

  it('can end many pools in any order', () => {
    const host = makeHost({ ramBytes: 4096 * PAGE_SIZE });
    const pools = Array.from({ length: 10 }, () => host.pool(host.mapping));
    const refs = pools.map((pool) => pool.allocNetmems());
    for (const i of [3, 9, 0, 5]) pools[i]!.destroy();
    for (const i of [9, 8, 0, 1]) pools[i]!.putFullNetmem(refs[i]!, false);
    wait(host, 1);
    expect(host.pools.all().map((pool) => pool.id)).toEqual([9, 8, 7, 6, 5, 4, 3, 2]);
    for (const i of [2, 3, 4, 5, 6, 7]) pools[i]!.putFullNetmem(refs[i]!, false);
    for (const i of [1, 2, 4, 6, 7, 8]) pools[i]!.destroy();
    wait(host, 1);
  });
});
