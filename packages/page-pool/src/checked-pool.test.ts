import { KernelBug } from '@netmem/machine';
import type { NetmemRef } from '@netmem/netmem';
import { describe, expect, it } from 'vitest';
import { makeHost, ToyNapi, ToyProvider, take } from '../test/host.ts';

/** The rule that `body` breaks. */
function rule(body: () => void): string {
  try {
    body();
  } catch (error) {
    if (error instanceof KernelBug) return error.rule;
    throw error;
  }
  return 'none';
}

describe('a development build (assertPut)', () => {
  it.each([
    ['cache', true],
    ['ring', false],
  ])('finds a second put of what lies in the %s', (_, direct) => {
    const pool = makeHost().pool();
    const ref = pool.allocNetmems();
    pool.putFullNetmem(ref, direct);
    expect(rule(() => pool.putFullNetmem(ref, direct))).toBe('double put');
    expect(rule(() => pool.putUnrefedNetmem(ref, -1, direct))).toBe('double put');
    expect(rule(() => pool.host.netmem.pool(ref)?.putFullNetmem(ref, false))).toBe('double put');
    pool.destroy();
  });

  it('finds a second put by way of bulk, and of what came from a refill, the page allocator or a provider', () => {
    const host = makeHost();
    const pool = host.pool();
    const refs = take(pool, 64);
    for (const ref of refs) pool.putFullNetmem(ref, false);
    const out = pool.allocNetmems();
    expect(rule(() => host.pools.putNetmemBulk(Int32Array.of(refs[0]!), 1))).toBe('double put');
    expect(out).toBe(refs[63]);
    pool.putFullNetmem(out, false);
    pool.destroy();
    const fresh = host.pool();
    const [ref] = take(fresh, 1) as [NetmemRef];
    expect(rule(() => fresh.putFullNetmem((ref - 2) as NetmemRef, false))).toBe('double put');
    fresh.putFullNetmem(ref, false);
    fresh.destroy();
    const provider = new ToyProvider(host.netmem, 4);
    provider.batch = 4;
    const provided = host.provided(provider);
    const niov = provided.allocNetmems();
    expect(rule(() => provided.putFullNetmem((niov - 2) as NetmemRef, false))).toBe('double put');
    provided.putFullNetmem(niov, false);
    provided.destroy();
  });

  it('allows as many puts as there are references', () => {
    const host = makeHost();
    const pool = host.pool();
    const ref = pool.allocNetmems();
    host.netmem.refNetmem(ref);
    host.netmem.refNetmem(ref);
    for (let i = 0; i < 3; i++) pool.putFullNetmem(ref, false);
    expect(rule(() => pool.putFullNetmem(ref, false))).toBe('double put');
    pool.destroy();
  });

  it('finds puts to the wrong pool (I-4), of other memory, of no memory', () => {
    const host = makeHost();
    const [a, b] = [host.pool(), host.pool()];
    const ref = a.allocNetmems();
    expect(rule(() => b.putFullNetmem(ref, false))).toBe('I-4: put to the wrong pool');
    const page = host.netmem.allocPages(0, -1);
    expect(rule(() => a.putFullNetmem(host.netmem.pageToNetmem(page), false))).toBe('not pool memory');
    host.netmem.putPage(page);
    expect(rule(() => a.putFullNetmem(0 as NetmemRef, false))).toBe('no memory');
    expect(rule(() => a.putFullNetmem(0x7fff_fffe as NetmemRef, false))).toBe('no memory');
    a.putFullNetmem(ref, false);
    for (const pool of [a, b]) pool.destroy();
  });

  it('finds direct puts from a wrong context (I-3)', () => {
    const host = makeHost();
    const pool = host.pool({ napi: host.napi });
    const other = new ToyNapi(host.machine, 10);
    const I3 = 'I-3: direct put from a wrong context';
    const ref = pool.allocNetmems();
    expect(rule(() => pool.recycleDirectNetmem(ref))).toBe(I3);
    expect(rule(() => pool.putUnrefedNetmem(ref, -1, true))).toBe(I3);
    expect(rule(() => other.poll(() => pool.putFullNetmem(ref, true)))).toBe(I3);
    expect(host.netmem.ppRefCount[ref >>> 1]).toBe(1);
    host.napi.poll(() => pool.recycleDirectNetmem(ref));
    // A driver that takes its queue down may: nobody else can run.
    const again = host.napi.poll(() => pool.allocNetmems());
    host.napi.enabled = false;
    pool.recycleDirectNetmem(again);
    const last = pool.allocNetmems();
    pool.destroy();
    expect(rule(() => pool.recycleDirectNetmem(last))).toBe('I-3: direct put after destroy');
    pool.putFullNetmem(last, false);
    host.machine.clock.advance(1e9);
    host.machine.run();
  });

  it('finds direct puts to a per-CPU pool from outside its softirq', () => {
    const host = makeHost();
    const [here, elsewhere] = [host.pool({}, 0), host.pool({}, 1)];
    const refs = [here.allocNetmems(), elsewhere.allocNetmems()] as const;
    expect(rule(() => here.recycleDirectNetmem(refs[0]))).toMatch(/I-3/);
    expect(rule(() => host.napi.poll(() => elsewhere.recycleDirectNetmem(refs[1])))).toMatch(/I-3/);
    host.napi.poll(() => here.recycleDirectNetmem(refs[0]));
    elsewhere.putFullNetmem(refs[1], false);
    for (const pool of [here, elsewhere]) pool.destroy();
  });

  it('finds pools used in a hard interrupt, and after destroy', () => {
    const host = makeHost();
    const pool = host.pool();
    const ref = pool.allocNetmems();
    host.machine.context.enterHardirq();
    expect(rule(() => pool.putFullNetmem(ref, false))).toBe('put in hard interrupt');
    expect(rule(() => pool.allocNetmems())).toBe('allocation in hard interrupt');
    host.machine.context.leaveHardirq();
    pool.destroy();
    expect(rule(() => pool.allocNetmems())).toBe('allocation after destroy');
    pool.putFullNetmem(ref, false);
    host.machine.clock.advance(1e9);
    host.machine.run();
  });
});
