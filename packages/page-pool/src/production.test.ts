import { afterAll, describe, expect, it, vi } from 'vitest';

// Before the imports: the checks are decided when the modules are loaded.
const flags = vi.hoisted(() => {
  const host = globalThis as { __NETMEM_PRODUCTION__?: boolean };
  host.__NETMEM_PRODUCTION__ = true;
  return host;
});

import { Host, makeHost } from '../test/host.ts';
import { CheckedPagePool } from './checked-pool.ts';

afterAll(() => {
  delete flags.__NETMEM_PRODUCTION__;
});

describe('a production build', () => {
  it('has pools without checks', () => {
    const host = makeHost();
    const pool = host.pool({ napi: host.napi });
    expect(pool).not.toBeInstanceOf(CheckedPagePool);
    expect(host.pools.ledger).toBeNull();
    pool.recycleDirectNetmem(pool.allocNetmems());
    host.napi.enabled = false;
    pool.destroy();
  });

  it('does not notice a second put: pp_ref_count is 1 either way (gotcha 1)', () => {
    const host = new Host();
    const pool = host.pool();
    const ref = pool.allocNetmems();
    pool.recycleDirectNetmem(ref);
    pool.recycleDirectNetmem(ref);
    expect([pool.allocNetmems(), pool.allocNetmems()]).toEqual([ref, ref]);
    expect(host.netmem.ppRefCount[ref >>> 1]).toBe(1);
  });

  it('loses for good what is put directly after destroy', () => {
    const host = new Host();
    const pool = host.pool();
    const ref = pool.allocNetmems();
    pool.destroy();
    pool.recycleDirectNetmem(ref);
    host.machine.clock.advance(2e9);
    host.machine.run();
    expect([pool.cached, pool.inflight(), host.pools.get(1)]).toEqual([1, 1, pool]);
  });
});
