import { DMA_BIDIRECTIONAL, DMA_FROM_DEVICE, DMA_NONE, DMA_TO_DEVICE, KernelBug, PAGE_SIZE } from '@netmem/machine';
import { E2BIG, EFAULT, EINVAL, EOPNOTSUPP } from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import { makeHost, ToyProvider, take } from '../test/host.ts';
import {
  type PagePoolParams,
  PP_FLAG_ALLOW_UNREADABLE_NETMEM,
  PP_FLAG_DMA_MAP,
  PP_FLAG_DMA_SYNC_DEV,
} from './index.ts';

const MAP = PP_FLAG_DMA_MAP;
const SYNC = PP_FLAG_DMA_SYNC_DEV;
const UNREADABLE = PP_FLAG_ALLOW_UNREADABLE_NETMEM;

describe('page_pool_create', () => {
  // Each row breaks every rule from its own on, so that it is the first broken rule that answers.
  const REFUSED: [string, (host: ReturnType<typeof makeHost>) => PagePoolParams, number][] = [
    ['an unknown flag', () => ({ flags: 16 | MAP | SYNC, dmaDir: DMA_NONE, maxLen: 0 }), -EINVAL],
    ['mapping to a device only', ({ device }) => ({ flags: MAP | SYNC, dev: device, dmaDir: DMA_TO_DEVICE }), -EINVAL],
    ['mapping in no direction', ({ device }) => ({ flags: MAP | SYNC, dev: device, dmaDir: DMA_NONE }), -EINVAL],
    ['syncing what is not mapped', () => ({ flags: SYNC, maxLen: 0, order: 11 }), -EINVAL],
    ['syncing no byte', ({ device }) => ({ flags: MAP | SYNC, dev: device, dmaDir: 2, maxLen: 0, order: 11 }), -EINVAL],
    ['an order above 10', () => ({ flags: 0, order: 11 }), -EINVAL],
  ];
  it.each(REFUSED)('refuses %s', (_, params, errno) => {
    const host = makeHost();
    expect(host.pools.create(params(host))).toBe(errno);
    expect(host.log()).toEqual([`warn page_pool_create_percpu() gave up with errno ${errno}`]);
    expect(host.netmem.audit()).toEqual([]);
    expect(host.pools.totals()).toEqual({ created: 0, destroyed: 0, hold: 0, release: 0 });
  });

  it('crashes, as the kernel would, without the devices that the flags speak of', () => {
    const host = makeHost();
    expect(() => host.pools.create({ flags: MAP, dmaDir: DMA_FROM_DEVICE })).toThrow(KernelBug);
    expect(() => host.pools.create({ flags: UNREADABLE })).toThrow(/no network device/);
  });

  it('checks the direction before it needs the device', () => {
    const host = makeHost();
    expect(host.pools.create({ flags: MAP, dmaDir: DMA_TO_DEVICE })).toBe(-EINVAL);
    host.log();
  });

  it('fills in the defaults', () => {
    const pool = makeHost().pool();
    expect(pool.params).toMatchObject({
      order: 0,
      nid: -1,
      dmaDir: DMA_BIDIRECTIONAL,
      maxLen: 0,
      offset: 0,
      napi: null,
    });
    expect([pool.dmaMap, pool.dmaSync, pool.dmaSyncForCpu]).toEqual([false, false, true]);
    expect([pool.isUnreadable, pool.mpPriv, pool.detachTime]).toEqual([false, null, null]);
    expect(pool.ring.size).toBe(1024);
    pool.destroy();
  });

  it.each([
    [0, 1024],
    [1, 1],
    [16384, 16384],
    [16385, 16384],
    [1 << 20, 16384],
  ])('makes a ring for poolSize %i of %i slots', (poolSize, slots) => {
    const pool = makeHost().pool({ poolSize });
    expect(pool.ring.size).toBe(slots);
    pool.destroy();
  });

  it('allows the largest order', () => {
    const host = makeHost({ ramBytes: 2048 * PAGE_SIZE });
    const pool = host.pool({ order: 10 });
    pool.putFullNetmem(pool.allocNetmems(), false);
    pool.destroy();
  });

  it('is an ordinary pool with the flag and no provider (gotcha 11)', () => {
    const host = makeHost();
    const pool = host.pool({ ...host.mapping, flags: MAP | SYNC | UNREADABLE, netdev: host.netdev, queueIdx: 1 });
    expect(pool.isUnreadable).toBe(false);
    const ref = pool.allocNetmems();
    expect(host.netmem.address(ref)).not.toBeNull();
    pool.putFullNetmem(ref, false);
    pool.destroy();
  });
});

describe('page_pool_init (initPool) with a memory provider', () => {
  it('needs the instance lock, provider or not', () => {
    const host = makeHost();
    const params = { ...host.mapping, flags: MAP | SYNC | UNREADABLE, netdev: host.netdev, queueIdx: 1 };
    expect(() => host.pools.create(params)).toThrow(/instance lock not held/);
    expect(host.netmem.audit()).toEqual([]);
  });

  it.each([
    ['neither', UNREADABLE],
    ['no sync', UNREADABLE | MAP],
  ])('refuses a pool with %s before it asks the provider', (_, flags) => {
    const host = makeHost();
    const provider = new ToyProvider(host.netmem, 1);
    host.netdev.providers.set(1, provider.params);
    const params = { ...host.mapping, flags, netdev: host.netdev, queueIdx: 1 };
    expect(host.netdev.locked(() => host.pools.create(params))).toBe(-EOPNOTSUPP);
    expect(host.log()).toEqual(['warn page_pool_create_percpu() gave up with errno -95']);
    expect(provider.calls).toEqual([]);
  });

  it('refuses ops that are not read-only, with a WARN', () => {
    const host = makeHost();
    const provider = new ToyProvider(host.netmem, 1);
    host.netdev.providers.set(1, { ...provider.params, mpOps: { ...provider.ops } });
    const params = { ...host.mapping, flags: MAP | SYNC | UNREADABLE, netdev: host.netdev, queueIdx: 1 };
    expect(host.netdev.locked(() => host.pools.create(params))).toBe(-EFAULT);
    expect(host.log()).toEqual([
      'warn page_pool_init: memory provider ops that are not read-only',
      'warn page_pool_create_percpu() gave up with errno -14',
    ]);
    expect(provider.calls).toEqual([]);
  });

  it('gives up with what init returned, and does not destroy', () => {
    const host = makeHost();
    const provider = new ToyProvider(host.netmem, 1);
    provider.initResult = -E2BIG;
    host.netdev.providers.set(1, provider.params);
    const params = { ...host.mapping, flags: MAP | SYNC | UNREADABLE, netdev: host.netdev, queueIdx: 1 };
    expect(host.netdev.locked(() => host.pools.create(params))).toBe(-E2BIG);
    expect(host.log()).toEqual([
      'warn page_pool_init() mem-provider init failed -7',
      'warn page_pool_create_percpu() gave up with errno -7',
    ]);
    expect(provider.calls).toEqual(['init']);
    expect(host.netdev.pools.size).toBe(0);
    expect(host.netmem.audit()).toEqual([expect.stringMatching(/area of 1 net_iovs/)]);
  });

  it('takes the provider of its own queue only, and leaves the order to it', () => {
    const host = makeHost();
    const provider = new ToyProvider(host.netmem, 1);
    host.netdev.providers.set(1, provider.params);
    const other = host.pool({ ...host.mapping, flags: MAP | SYNC | UNREADABLE, netdev: host.netdev, queueIdx: 0 });
    expect(other.isUnreadable).toBe(false);
    const blind = host.pool({ ...host.mapping, netdev: host.netdev, queueIdx: 1 });
    expect(blind.isUnreadable).toBe(false);
    const pool = host.provided(provider, { order: 11 });
    expect([pool.isUnreadable, pool.mpPriv, pool.mpOps]).toEqual([true, provider, provider.ops]);
    expect([pool.dmaMap, pool.dmaSync, pool.dmaSyncForCpu]).toEqual([true, false, false]);
    for (const each of [other, blind, pool]) each.destroy();
    expect(provider.calls).toEqual(['init', 'destroy']);
  });

  it('runs the init callback once per adoption, not once per recycling', () => {
    const host = makeHost();
    const adopted: number[] = [];
    const pool = host.pool({ initCallback: (ref) => adopted.push(ref) });
    const ref = take(pool, 1)[0]!;
    expect(adopted).toHaveLength(64);
    pool.recycleDirectNetmem(ref);
    take(pool, 1);
    expect(adopted).toHaveLength(64);
    pool.recycleDirectNetmem(ref);
    pool.destroy();
  });
});
