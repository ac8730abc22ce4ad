import { KernelBug, Machine, PAGE_SIZE } from '@netmem/machine';
import { describe, expect, it } from 'vitest';
import {
  NET_IOV,
  NET_IOV_DMABUF,
  NET_IOV_IOURING,
  type NetIovArea,
  type NetIovOwner,
  type NetIovRef,
  type NetmemPool,
  type NetmemRef,
  NetmemTable,
  NULL_NET_IOV,
  NULL_NETMEM,
  NULL_PAGE,
  type PageRef,
} from './index.ts';

interface CountingOwner extends NetIovOwner {
  refs: number;
}

function owner(type: number): CountingOwner {
  return {
    type,
    id: 7,
    refs: 0,
    get() {
      this.refs++;
    },
    put() {
      this.refs--;
    },
  };
}

interface World {
  machine: Machine;
  netmem: NetmemTable;
  pool: NetmemPool;
  page: NetmemRef;
  frame: number;
  niov: NetmemRef;
  dmabuf: CountingOwner;
}

function setUp(): World {
  const machine = new Machine({ ramBytes: 64 * PAGE_SIZE, maxIovaPages: 64, nodes: 2 });
  const netmem = new NetmemTable(machine, { maxNetIovs: 32 });
  const dmabuf = owner(NET_IOV_DMABUF);
  const area = netmem.createArea(8, NET_IOV_DMABUF, dmabuf, 0x10000) as NetIovArea;
  const page = netmem.pageToNetmem(netmem.allocPages(0, 1));
  const pool: NetmemPool = { id: 3, putFullNetmem: () => {} };
  const index = netmem.registerPool(pool);
  netmem.setPpInfo(page, index);
  netmem.setPpInfo(area.netmem(2), index);
  netmem.setDmaAddr(page, 0x5000);
  netmem.setDmaAddr(area.netmem(2), 0x9000);
  return { machine, netmem, pool, page, frame: (page >>> 1) - 1, niov: area.netmem(2), dmabuf };
}

const BUG = Symbol('KernelBug');

/** Every helper of the specification's table: its result for a page, for a net_iov and for 0. */
const TABLE: readonly [
  name: string,
  call: (w: World, ref: NetmemRef) => unknown,
  page: unknown,
  niov: unknown,
  zero: unknown,
][] = [
  ['netmem_is_net_iov', (w, ref) => w.netmem.isNetIov(ref), false, true, false],
  ['netmem_to_page', (w, ref) => w.netmem.toPage(ref), (w: World) => w.page >>> 1, NULL_PAGE, NULL_PAGE],
  ['__netmem_to_page', (w, ref) => w.netmem.toPageUnchecked(ref), (w: World) => w.page >>> 1, BUG, NULL_PAGE],
  ['netmem_to_net_iov', (w, ref) => w.netmem.toNetIov(ref), NULL_NET_IOV, (w: World) => w.niov >>> 1, NULL_NET_IOV],
  ['netmem_address', (w, ref) => w.netmem.address(ref), (w: World) => w.machine.ram.address(w.frame), null, BUG],
  [
    '__netmem_address',
    (w, ref) => w.netmem.addressUnchecked(ref),
    (w: World) => w.machine.ram.address(w.frame),
    BUG,
    BUG,
  ],
  ['netmem_ref_count', (w, ref) => w.netmem.refCount(ref), 1, 1, BUG],
  ['netmem_pfn_trace', (w, ref) => w.netmem.pfnTrace(ref), (w: World) => w.frame, 0, BUG],
  ['netmem_get_pp', (w, ref) => w.netmem.pool(ref), (w: World) => w.pool, (w: World) => w.pool, BUG],
  ['netmem_is_pref_nid: its node', (w, ref) => w.netmem.isPrefNid(ref, 1), true, true, BUG],
  ['netmem_is_pref_nid: another', (w, ref) => w.netmem.isPrefNid(ref, 0), false, true, BUG],
  ['netmem_compound_head', (w, ref) => w.netmem.compoundHead(ref), (w: World) => w.page, (w: World) => w.niov, BUG],
  ['netmem_is_pfmemalloc', (w, ref) => w.netmem.isPfmemalloc(ref), false, false, BUG],
  ['page_pool_get_dma_addr_netmem', (w, ref) => w.netmem.getDmaAddr(ref), 0x5000, 0x9000, BUG],
  ['page_pool_set_dma_addr_netmem', (w, ref) => w.netmem.setDmaAddr(ref, 1), false, false, BUG],
  ['netmem_is_pp', (w, ref) => w.netmem.isPp(ref), true, true, BUG],
  ['netmem_get_dma_index', (w, ref) => w.netmem.getDmaIndex(ref), 0, 0, BUG],
  ['netmem_set_dma_index', (w, ref) => w.netmem.setDmaIndex(ref, 5), undefined, undefined, BUG],
  ['page_pool_clear_pp_info', (w, ref) => w.netmem.clearPpInfo(ref), undefined, undefined, BUG],
  ['page_pool_ref_netmem', (w, ref) => w.netmem.refNetmem(ref), undefined, undefined, BUG],
  ['page_pool_unref_netmem', (w, ref) => w.netmem.unrefNetmem(ref, 1), 0, 0, BUG],
  ['page_pool_fragment_netmem', (w, ref) => w.netmem.fragmentNetmem(ref, 2), undefined, undefined, BUG],
  ['get_netmem', (w, ref) => w.netmem.get(ref), undefined, undefined, BUG],
  ['put_netmem', (w, ref) => w.netmem.put(ref), undefined, undefined, BUG],
];

/** Helpers that warn once for the kind that they are not for. */
const WARNS: Readonly<Record<string, 'page' | 'niov'>> = {
  netmem_to_page: 'niov',
  netmem_to_net_iov: 'page',
  netmem_get_dma_index: 'niov',
  netmem_set_dma_index: 'niov',
  put_netmem: 'page',
};

function result(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    if (error instanceof KernelBug) return BUG;
    throw error;
  }
}

describe.each(TABLE)('%s', (name, call, page, niov, zero) => {
  it.each([
    ['a page', (w: World) => w.page, page],
    ['a net_iov', (w: World) => w.niov, niov],
    ['0', () => NULL_NETMEM, zero],
  ] as const)('of %s', (_, pick, expected) => {
    const world = setUp();
    const value = result(() => call(world, pick(world)));
    expect(value).toBe(typeof expected === 'function' ? (expected as (w: World) => unknown)(world) : expected);
  });

  it(name in WARNS ? 'warns for the other kind, once' : 'warns for neither kind', () => {
    for (const kind of ['page', 'niov'] as const) {
      const world = setUp();
      result(() => call(world, world[kind]));
      if (name !== 'put_netmem') result(() => call(world, world[kind]));
      expect(world.machine.log.unexpected().length).toBe(WARNS[name] === kind ? 1 : 0);
    }
  });
});

describe('conversions', () => {
  it('retag, and map NULL to 0', () => {
    const { netmem, page, niov } = setUp();
    expect(netmem.pageToNetmem(NULL_PAGE)).toBe(NULL_NETMEM);
    expect(netmem.pageToNetmem(netmem.toPage(page))).toBe(page);
    expect(netmem.netIovToNetmem(netmem.toNetIov(niov))).toBe(niov);
    expect(niov & NET_IOV).toBe(NET_IOV);
    expect(page & NET_IOV).toBe(0);
    expect(() => netmem.netIovToNetmem(NULL_NET_IOV)).toThrow(KernelBug);
  });

  it('find the page that an address lies in', () => {
    const { machine, netmem, page, frame } = setUp();
    const address = machine.ram.address(frame);
    expect(netmem.addressToNetmem(address)).toBe(page);
    expect(netmem.addressToNetmem(address + PAGE_SIZE - 1)).toBe(page);
    expect(() => netmem.addressToNetmem(0)).toThrow(/not RAM/);
    expect(netmem.pageAddress(netmem.toPage(page))).toBe(address);
    expect(() => netmem.pageAddress(NULL_PAGE)).toThrow(KernelBug);
    expect(netmem.pageToNid(netmem.toPage(page))).toBe(1);
  });

  it('refuse numbers that are no netmem_ref', () => {
    const { netmem, page, niov } = setUp();
    for (const wrong of [page | NET_IOV, niov & ~NET_IOV, -2, 1, (65 + 32) << 1, 2 ** 31]) {
      expect(() => netmem.address(wrong as NetmemRef)).toThrow(/not a netmem_ref/);
    }
  });
});

describe('pool bookkeeping', () => {
  it('is one row per slot, for pages and net_iovs alike', () => {
    const { netmem, pool, page, niov } = setUp();
    for (const ref of [page, niov]) {
      expect([netmem.ppRefCount[ref >>> 1], netmem.dmaAddr[ref >>> 1]]).toEqual([1, netmem.getDmaAddr(ref)]);
      expect(netmem.poolAt(netmem.poolOf[ref >>> 1] as number)).toBe(pool);
      netmem.clearPpInfo(ref);
      expect(netmem.isPp(ref)).toBe(false);
      expect(netmem.pool(ref)).toBeNull();
    }
  });

  it('numbers pools from 1 and uses numbers again', () => {
    const { netmem, pool } = setUp();
    const other: NetmemPool = { id: 4, putFullNetmem: () => {} };
    expect(netmem.registerPool(other)).toBe(2);
    netmem.unregisterPool(1);
    expect(netmem.poolAt(1)).toBeNull();
    expect(netmem.registerPool(pool)).toBe(1);
    expect(netmem.poolAt(0)).toBeNull();
    expect(netmem.poolAt(9)).toBeNull();
    expect(() => netmem.unregisterPool(0)).toThrow(KernelBug);
    expect(() => netmem.unregisterPool(9)).toThrow(KernelBug);
  });

  it('keeps a DMA index per page and none per net_iov', () => {
    const { machine, netmem, page, niov } = setUp();
    netmem.setDmaIndex(page, 5);
    netmem.setDmaIndex(niov, 5);
    expect([netmem.getDmaIndex(page), netmem.getDmaIndex(niov)]).toEqual([5, 0]);
    machine.log.expect(/netmem_(get|set)_dma_index: a net_iov has none/);
    machine.log.assertClean();
  });

  it('marks pages, and only pages, as coming from the reserves', () => {
    const { netmem, page, niov } = setUp();
    netmem.setPfmemalloc(page, true);
    expect([netmem.isPfmemalloc(page), netmem.isPp(page)]).toEqual([true, true]);
    netmem.setPfmemalloc(page, false);
    expect([netmem.isPfmemalloc(page), netmem.isPp(page)]).toEqual([false, true]);
    expect(() => netmem.setPfmemalloc(niov, true)).toThrow(KernelBug);
  });
});

describe('pp_ref_count', () => {
  it.each(['page', 'niov'] as const)('counts users of a %s and is back at 1 when it is free', (kind) => {
    const world = setUp();
    const { netmem } = world;
    const ref = world[kind];
    netmem.fragmentNetmem(ref, 3);
    netmem.refNetmem(ref);
    expect(netmem.ppRefCount[ref >>> 1]).toBe(4);
    expect(() => netmem.fragmentNetmem(ref, 2)).toThrow(/fragmenting used memory/);
    expect(netmem.unrefNetmem(ref, 1)).toBe(3);
    expect(netmem.unrefNetmem(ref, 2)).toBe(1);
    expect(netmem.unrefNetmem(ref, 1)).toBe(0);
    expect(netmem.ppRefCount[ref >>> 1]).toBe(1);
    // A double put goes unnoticed: free memory has one reference.
    expect(netmem.unrefNetmem(ref, 1)).toBe(0);
    world.machine.log.assertClean();
    expect(() => netmem.fragmentNetmem(ref, 0)).toThrow(KernelBug);
    expect(netmem.unrefNetmem(ref, 3)).toBe(-2);
    expect(world.machine.log.unexpected()[0]?.text).toMatch(/pp_ref_count of netmem \d+ is -2/);
  });
});

describe('get_netmem and put_netmem', () => {
  it('count a page, a dma-buf’s binding, and nothing of io_uring’s', () => {
    const { netmem, page, niov, dmabuf } = setUp();
    netmem.get(page);
    expect(netmem.refCount(page)).toBe(2);
    netmem.put(page);
    expect(netmem.refCount(page)).toBe(1);
    netmem.get(niov);
    netmem.get(niov);
    expect([dmabuf.refs, netmem.refCount(niov), netmem.ppRefCount[niov >>> 1]]).toEqual([2, 1, 1]);
    netmem.put(niov);
    expect(dmabuf.refs).toBe(1);
    const ring = owner(NET_IOV_IOURING);
    const area = netmem.createArea(1, NET_IOV_IOURING, ring, 0) as NetIovArea;
    netmem.get(area.netmem(0));
    expect(ring.refs).toBe(0);
    netmem.put(area.netmem(0));
    expect(ring.refs).toBe(0);
    expect([netmem.isDevmemIov(netmem.toNetIov(niov)), netmem.isDevmemIov(area.netIov(0))]).toEqual([true, false]);
  });

  it('refuse net_iovs that belong to no area', () => {
    const { netmem } = setUp();
    const stray = netmem.netIovToNetmem((netmem.firstNetIovSlot + 20) as NetIovRef);
    expect(() => netmem.get(stray)).toThrow(/net_iov without area/);
    expect(() => netmem.area(NULL_PAGE as number as NetIovRef)).toThrow(KernelBug);
  });
});

describe('DMA unmap of a transmitted frag', () => {
  it('remembers 0 for a net_iov, and does nothing with it', () => {
    const { machine, netmem, page, niov } = setUp();
    const device = machine.iommu.addDevice('nic0');
    const column = new Float64Array(2);
    const iova = device.mapPage(netmem.address(page) as number, PAGE_SIZE, 1);
    netmem.dmaUnmapAddrSet(page, column, 0, iova);
    netmem.dmaUnmapAddrSet(niov, column, 1, 0x9000);
    expect([...column]).toEqual([iova, 0]);
    expect(() => netmem.dmaUnmapAddrSet(NULL_NETMEM, column, 0, 1)).toThrow(KernelBug);
    netmem.dmaUnmapPageAttrs(device, column[1] as number, PAGE_SIZE, 1);
    expect(device.liveMappings).toBe(1);
    netmem.dmaUnmapPageAttrs(device, column[0] as number, PAGE_SIZE, 1);
    expect(device.liveMappings).toBe(0);
    machine.log.assertClean();
  });
});

describe('pages', () => {
  it('are counted at the head of their compound page', () => {
    const { machine, netmem } = setUp();
    const free = machine.ram.freePages;
    const head = netmem.allocPages(2, -1);
    const tail = (head + 3) as PageRef;
    const tailRef = netmem.pageToNetmem(tail);
    expect(netmem.pageOrder[head]).toBe(2);
    expect(netmem.compoundHead(tailRef)).toBe(netmem.pageToNetmem(head));
    expect(netmem.address(tailRef)).toBe(netmem.pageAddress(head) + 3 * PAGE_SIZE);
    netmem.getPage(tail);
    expect([netmem.refCount(tailRef), netmem.pageRefCount[head], netmem.pageRefCount[tail]]).toEqual([2, 2, 0]);
    netmem.putPage(head);
    expect(machine.ram.freePages).toBe(free - 4);
    netmem.putPage(tail);
    expect(machine.ram.freePages).toBe(free);
    expect(netmem.compoundHead(tailRef)).toBe(tailRef);
  });

  it('come back clean, and never twice', () => {
    const { machine, netmem } = setUp();
    const page = netmem.allocPages(0, 0);
    const ref = netmem.pageToNetmem(page);
    netmem.setDmaAddr(ref, 5);
    netmem.setDmaIndex(ref, 5);
    netmem.setPfmemalloc(ref, true);
    netmem.putPage(page);
    expect(() => netmem.putPage(page)).toThrow(/put_page of free page/);
    expect(() => netmem.getPage(page)).toThrow(/get_page of free page/);
    expect(netmem.allocPages(0, 0)).toBe(page);
    expect([netmem.getDmaAddr(ref), netmem.getDmaIndex(ref), netmem.isPfmemalloc(ref), netmem.isPp(ref)]).toEqual([
      0,
      0,
      false,
      false,
    ]);
    machine.log.assertClean();
  });

  it('that go back to RAM while a pool owns them are reported', () => {
    const { machine, netmem, page } = setUp();
    netmem.put(page);
    expect(machine.log.unexpected().map((entry) => entry.text)).toEqual([
      expect.stringMatching(/^Bad page state: page_pool leak, page \d+ of pool 3$/),
    ]);
  });

  it('are 0 when RAM is short', () => {
    const { netmem } = setUp();
    expect(netmem.allocPages(6, -1)).toBe(NULL_PAGE);
    expect(netmem.allocPages(11, -1)).toBe(NULL_PAGE);
    for (let i = 0; i < 63; i++) expect(netmem.allocPages(0, -1)).not.toBe(NULL_PAGE);
    expect(netmem.allocPages(0, -1)).toBe(NULL_PAGE);
  });
});

describe('audit', () => {
  it('names what is left, and nothing else', () => {
    const { netmem, page, niov } = setUp();
    expect(netmem.audit()).toEqual([
      'An area of 8 net_iovs of binding 7 is alive.',
      '1 pools are registered.',
      '1 allocations of pages are referenced.',
    ]);
    netmem.clearPpInfo(page);
    netmem.clearPpInfo(niov);
    netmem.put(page);
    netmem.unregisterPool(1);
    netmem.destroyArea(netmem.area(netmem.toNetIov(niov)));
    expect(netmem.audit()).toEqual([]);
  });
});
