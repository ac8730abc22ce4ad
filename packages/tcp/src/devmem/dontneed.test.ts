import { Machine } from '@netmem/machine';
import { NetmemTable } from '@netmem/netmem';
import { PagePools } from '@netmem/page-pool';
import { EFAULT, EINVAL, writeDmabufToken } from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import { DmabufMemory } from '../../test/dmabuf-memory.ts';
import { releaseUserFrags, sockDevmemDontneed } from './dontneed.ts';
import { TokenTable } from './token-table.ts';

function setUp(tokens: number) {
  const machine = new Machine();
  const netmem = new NetmemTable(machine, { maxNetIovs: 4096 });
  const pools = new PagePools(machine, netmem);
  const memory = new DmabufMemory(machine, netmem, pools, { niovs: Math.max(1, tokens) });
  const table = new TokenTable();
  // As after a receive whose skbs are freed: the token is the only reference.
  for (let i = 0; i < tokens; i++) table.allocate(memory.take());
  const give = (...runs: readonly [start: number, count: number][]): number => {
    const view = new DataView(new ArrayBuffer(runs.length * 8));
    for (const [i, run] of runs.entries()) writeDmabufToken(view, i * 8, run[0], run[1]);
    return sockDevmemDontneed(table, netmem, new Uint8Array(view.buffer), view.byteLength);
  };
  return { machine, netmem, memory, table, give };
}

const raw = (length: number): Uint8Array => new Uint8Array(length);

describe('SO_DEVMEM_DONTNEED', () => {
  it('releases what is out and says how many', () => {
    const { memory, table, give } = setUp(10);
    expect(memory.pool.stats.recycleRing).toBe(0);
    expect(give([3, 1])).toBe(1);
    expect(give([1, 4])).toBe(3);
    expect(give([10, 1], [5, 2], [5, 2])).toBe(3);
    expect(table.count).toBe(3);
    expect(memory.pool.stats.recycleRing).toBe(7);
    expect(give([0, 11])).toBe(3);
    expect(table.count).toBe(0);
  });

  it('drops one reference per token, not the net_iov', () => {
    const { netmem, memory, table, give } = setUp(0);
    const ref = memory.take();
    for (let i = 0; i < 3; i++) {
      netmem.refNetmem(ref);
      table.allocate(ref);
    }
    expect(netmem.ppRefCount[ref >>> 1]).toBe(4);
    expect(give([2, 1])).toBe(1);
    expect(netmem.ppRefCount[ref >>> 1]).toBe(3);
    expect(give([1, 3])).toBe(2);
    expect(netmem.ppRefCount[ref >>> 1]).toBe(1);
    expect(memory.pool.stats.recycleRing).toBe(0);
    memory.pool.putFullNetmem(ref, false);
    expect(memory.pool.stats.recycleRing).toBe(1);
  });

  it('passes over ids that are not out', () => {
    const { table, give } = setUp(2);
    for (const run of [
      [0, 1],
      [12_345, 1],
      [0xffff_ffff, 1],
      [1, 0],
      [3, 1024],
      [3, 1025],
      [3, 0xffff_ffff],
    ] as const) {
      expect(give([run[0], run[1]])).toBe(0);
    }
    expect(table.count).toBe(2);
  });

  it('wraps ids at 32 bits', () => {
    const { give } = setUp(3);
    // 0xfffffffe, 0xffffffff, 0, 1, 2
    expect(give([0xffff_fffe, 5])).toBe(2);
    expect(give([0xffff_ffff, 5])).toBe(1);
  });

  it('looks at 1024 ids and no more', () => {
    const { table, give } = setUp(1100);
    expect(give([1, 1100])).toBe(1024);
    expect(table.count).toBe(76);
    // Those that are not out count as looked at, over all structs together.
    expect(give([1, 1000], [1025, 76])).toBe(24);
    expect(give([1, 1024], [1025, 76])).toBe(0);
    expect(give([1, 0], [1049, 0xffff_ffff])).toBe(52);
    expect(table.count).toBe(0);
  });

  it('takes 128 structs and refuses 129', () => {
    const { table, give } = setUp(129);
    const runs = Array.from({ length: 129 }, (_, i): [number, number] => [i + 1, 1]);
    expect(give(...runs)).toBe(-EINVAL);
    expect(table.count).toBe(129);
    expect(give(...runs.slice(0, 128))).toBe(128);
    expect(table.count).toBe(1);
  });

  it.each([1, 3, 4, 7, 9, 12, 15])('refuses %i bytes: not whole structs', (length) => {
    const { table, netmem } = setUp(1);
    expect(sockDevmemDontneed(table, netmem, raw(16), length)).toBe(-EINVAL);
  });

  it('looks at the length before the memory', () => {
    const { table, netmem } = setUp(1);
    expect(sockDevmemDontneed(table, netmem, raw(8), 1032)).toBe(-EINVAL);
    expect(sockDevmemDontneed(table, netmem, raw(8), 12)).toBe(-EINVAL);
    expect(sockDevmemDontneed(table, netmem, raw(8), 16)).toBe(-EFAULT);
    expect(table.count).toBe(1);
  });

  it('has nothing to say about no tokens', () => {
    const { table, netmem } = setUp(1);
    expect(sockDevmemDontneed(table, netmem, raw(0), 0)).toBe(0);
  });
});

describe('the end of a socket', () => {
  it('puts every token that is still out', () => {
    const { memory, netmem, table, give } = setUp(100);
    expect(give([1, 50], [99, 1])).toBe(51);
    expect(releaseUserFrags(table, netmem)).toBe(49);
    expect(table.count).toBe(0);
    expect(memory.pool.stats.recycleRing).toBe(100);
    expect(releaseUserFrags(table, netmem)).toBe(0);
  });

  it('puts to the pool that owns the net_iov', () => {
    const { machine, netmem, memory, table } = setUp(2);
    const pools = new PagePools(machine, netmem);
    const other = new DmabufMemory(machine, netmem, pools, { niovs: 1, id: 2 });
    table.allocate(other.take());
    expect(releaseUserFrags(table, netmem)).toBe(3);
    expect([memory.pool.stats.recycleRing, other.pool.stats.recycleRing]).toEqual([2, 1]);
  });
});
