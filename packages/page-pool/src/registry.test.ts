import { PAGE_SIZE } from '@netmem/machine';
import { describe, expect, it } from 'vitest';
import { Host, makeHost, ToyDevice, ToyProvider, take } from '../test/host.ts';
import {
  type PagePool,
  PagePoolStats,
  PP_ETHTOOL_STATS,
  PP_FLAG_SYSTEM_POOL,
  pagePoolEthtoolStatsGet,
} from './index.ts';

describe('page_pool_list (create, get, all)', () => {
  it('numbers pools from 1 and does not use an id again at once', () => {
    const { pools } = makeHost();
    const make = (): PagePool => pools.create({ flags: 0 }) as PagePool;
    const [a, b] = [make(), make()];
    expect([a.id, b.id]).toEqual([1, 2]);
    b.destroy();
    expect(pools.get(2)).toBeUndefined();
    const c = make();
    expect([c.id, pools.get(3)]).toEqual([3, c]);
    a.destroy();
    c.destroy();
  });

  it('starts again from 1 after the last id, past those in use', () => {
    const { pools } = makeHost();
    const make = (): PagePool => pools.create({ flags: 0 }) as PagePool;
    const first = [make(), make()];
    pools.nextId = 0xffff_ffff;
    const [last, next] = [make(), make()];
    expect([last.id, next.id]).toEqual([0xffff_ffff, 3]);
    for (const pool of [...first, last, next]) pool.destroy();
  });

  it('lists by device, the newest first, those without a device last', () => {
    const host = makeHost();
    const other = new ToyDevice(host.machine, 2, 'eth1');
    const made = [host.netdev, null, other, host.netdev, other].map((netdev) => host.pool({ netdev }));
    expect(host.pools.all().map((pool) => pool.id)).toEqual([5, 3, 4, 1, 2]);
    expect([...host.netdev.pools]).toEqual([made[0], made[3]]);
    made[3]!.destroy();
    expect([...host.netdev.pools]).toEqual([made[0]]);
    for (const i of [0, 1, 2, 4]) made[i]!.destroy();
    expect([host.netdev.pools.size, other.pools.size, host.pools.all()]).toEqual([0, 0, []]);
  });
});

describe('page_pool_unlist (subscribe)', () => {
  it('tells while the pool is still listed, until the subscription ends', () => {
    const host = makeHost();
    const told: string[] = [];
    const end = host.pools.subscribe({
      added: (pool) => told.push(`+${pool.id} ${host.netdev.pools.has(pool)}`),
      changed: (pool) => told.push(`~${pool.id}`),
      removed: (pool) => told.push(`-${pool.id} ${host.netdev.pools.has(pool)} ${host.pools.get(pool.id) === pool}`),
    });
    host.pool({ netdev: host.netdev }).destroy();
    expect(told).toEqual(['+1 true', '-1 true true']);
    end();
    host.pool().destroy();
    expect(told).toHaveLength(2);
  });
});

describe('page_pool_unreg_netdev (unregNetdev, notifyChanged, unlist)', () => {
  it('moves pools to the loopback device, in order, ahead of its own (gotcha 27)', () => {
    const host = makeHost();
    const lo = new ToyDevice(host.machine, 1, 'lo');
    const own = host.pool({ netdev: lo });
    const [a, b] = [host.pool({ netdev: host.netdev }), host.pool({ netdev: host.netdev })];
    const changed: number[] = [];
    host.pools.subscribe({ added: () => {}, changed: (pool) => changed.push(pool.id), removed: () => {} });
    host.pools.unregNetdev(host.netdev, lo);
    expect([a.netdev, b.netdev, host.netdev.pools.size, changed]).toEqual([lo, lo, 0, [a.id, b.id]]);
    expect(host.pools.all()).toEqual([b, a, own]);
    for (const pool of [a, b, own]) pool.destroy();
    expect(lo.pools.size).toBe(0);
  });

  it('hides pools when there is no loopback device any more', () => {
    const host = makeHost();
    const pool = host.pool({ netdev: host.netdev });
    const ref = pool.allocNetmems();
    host.pools.unregNetdev(host.netdev, null);
    expect([pool.netdev, host.netdev.pools.size]).toEqual([null, 0]);
    pool.destroy();
    for (let i = 0; i < 60; i++) {
      host.machine.clock.advance(1e9);
      host.machine.run();
    }
    expect(host.log()).toEqual(['warn page_pool_release_retry() stalled pool shutdown: id 1, 1 inflight 60 sec']);
    pool.putFullNetmem(ref, false);
    host.machine.clock.advance(1e9);
    host.machine.run();
  });
});

describe('totals and audit', () => {
  it('sum over every pool ever made', () => {
    const host = makeHost();
    const pools = [host.pool(), host.pool()];
    const refs = pools.map((pool) => pool.allocNetmems());
    expect(host.pools.totals()).toEqual({ created: 2, destroyed: 0, hold: 128, release: 0 });
    pools[0]!.putFullNetmem(refs[0]!, false);
    pools[0]!.destroy();
    expect(host.pools.totals()).toEqual({ created: 2, destroyed: 1, hold: 128, release: 64 });
    pools[1]!.putFullNetmem(refs[1]!, false);
    pools[1]!.destroy();
    expect(host.pools.totals()).toEqual({ created: 2, destroyed: 2, hold: 128, release: 128 });
  });

  it('says where everything is', () => {
    const host = new Host();
    const pool = host.pool({ netdev: host.netdev, queueIdx: 2 });
    const refs = take(pool, 3);
    pool.putFullNetmem(refs[0]!, false);
    expect(host.pools.audit()).toEqual([
      'Pool 1 of eth0 queue 2 is not destroyed: 61 in its cache, 1 in its ring, 2 out.',
      'All pools ever made held 64 elements and released 0.',
    ]);
    pool.destroy();
    expect(host.pools.audit()).toEqual([
      'Pool 1 of eth0 queue 2 is destroyed, but not all of it has come back: 0 in its cache, 0 in its ring, 2 out.',
      'All pools ever made held 64 elements and released 62.',
    ]);
  });
});

describe('page_pool_get_stats (getStats)', () => {
  it('adds to what the caller has', () => {
    const pool = makeHost().pool();
    const ref = pool.allocNetmems();
    pool.recycleDirectNetmem(ref);
    const sum = new PagePoolStats();
    sum.allocSlow = 100;
    pool.getStats(sum);
    pool.getStats(sum);
    expect(sum).toMatchObject({ allocSlow: 102, allocEmpty: 2, recycleCached: 2, allocFast: 0 });
    pool.destroy();
  });

  it('shares the recycle counters among system pools only', () => {
    const host = makeHost();
    const system = [host.pool({ flags: PP_FLAG_SYSTEM_POOL }, 0), host.pool({ flags: PP_FLAG_SYSTEM_POOL }, 0)];
    const other = host.pool();
    for (const pool of [...system, other]) host.napi.poll(() => pool.recycleDirectNetmem(pool.allocNetmems()));
    const sums = [...system, other].map((pool) => {
      const sum = new PagePoolStats();
      pool.getStats(sum);
      return [sum.allocSlow, sum.recycleCached];
    });
    expect(sums).toEqual([
      [1, 2],
      [1, 2],
      [1, 1],
    ]);
    for (const pool of [...system, other]) pool.destroy();
  });
});

describe('page_pool_ethtool_stats_get (pagePoolEthtoolStatsGet)', () => {
  it('has a value for each name, in the kernel’s order', () => {
    const stats = new PagePoolStats();
    for (const [i, name] of Object.keys(stats).entries()) Object.assign(stats, { [name]: i + 1 });
    expect(pagePoolEthtoolStatsGet(stats)).toEqual(PP_ETHTOOL_STATS.map((_, i) => i + 1));
    expect(PP_ETHTOOL_STATS[2]).toBe('rx_pp_alloc_slow_ho');
    expect(PP_ETHTOOL_STATS[10]).toBe('rx_pp_recycle_released_ref');
  });
});

describe('tracepoints', () => {
  it('tell of every hold and release with the kernel’s names (stateHold, stateRelease)', () => {
    const host = makeHost();
    const pool = host.pool({ poolSize: 1 });
    const seen = host.watch('page_pool_state_*');
    const refs = take(pool, 64);
    expect(seen).toHaveLength(64);
    const [first] = seen;
    expect(first).toEqual(['page_pool_state_hold', 1, first![2], 1, (first![2] >>> 1) - 1]);
    for (const ref of refs) pool.putFullNetmem(ref, false);
    expect(seen[64]).toEqual(['page_pool_state_release', 1, refs[1], 1, (refs[1]! >>> 1) - 1]);
    pool.destroy();
    expect(seen.filter(([name]) => name === 'page_pool_state_release')).toHaveLength(64);
  });

  it('have no page number for a net_iov', () => {
    const host = makeHost();
    const pool = host.provided(new ToyProvider(host.netmem, 1));
    const seen = host.watch('page_pool_state_*');
    const ref = pool.allocNetmems();
    pool.putFullNetmem(ref, false);
    pool.destroy();
    expect(seen).toEqual([
      ['page_pool_state_hold', 1, ref, 1, 0],
      ['page_pool_state_release', 1, ref, 1, 0],
    ]);
  });

  it('tell of every look at what is in flight (poolInflight)', () => {
    const host = makeHost({ ramBytes: 2 * PAGE_SIZE });
    const pool = host.pool();
    const refs = take(pool, 2);
    const seen = host.watch('page_pool_release');
    expect(pool.inflight()).toBe(2);
    pool.destroy();
    for (const ref of refs) pool.putFullNetmem(ref, false);
    host.machine.clock.advance(1e9);
    host.machine.run();
    expect(seen).toEqual([
      ['page_pool_release', 1, 2, 2, 0, 0],
      ['page_pool_release', 1, 2, 2, 0, 1],
      ['page_pool_release', 1, 0, 2, 2, 2],
    ]);
  });
});
