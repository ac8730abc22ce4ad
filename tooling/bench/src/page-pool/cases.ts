import { type DmaDevice, Machine, PAGE_SIZE } from '@netmem/machine';
import { NET_IOV_DMABUF, type NetIovArea, type NetIovRef, type NetmemRef, NetmemTable } from '@netmem/netmem';
import {
  type MemoryProviderOps,
  type PagePool,
  type PagePoolParams,
  PagePools,
  type PoolDevice,
} from '@netmem/page-pool';

// Not exported itself: an exported binding is read from the module in every round of a loop.
const ROUNDS = 1000;
/** Pairs of alloc and put in one call of a loop, so that calling it costs nothing. */
export const PAIRS: number = ROUNDS;

/** A loop of {@link PAIRS} rounds; what it returns keeps the optimiser from dropping it. */
export type Loop = () => number;

const machine = new Machine({ ramBytes: 16384 * PAGE_SIZE });
const netmem = new NetmemTable(machine, { maxNetIovs: 4096 });
const pools = new PagePools(machine, netmem);

function createPool(params: PagePoolParams): PagePool {
  const pool = pools.create(params);
  if (typeof pool === 'number') throw new Error(`no pool: ${pool}`);
  return pool;
}

/** As in the kernel's bench_page_pool: order 0, no DMA, 1024 slots, 64 pages lie in the ring. */
function pagePool(): PagePool {
  const pool = createPool({ flags: 0, poolSize: 1024 });
  const refs = Array.from({ length: 64 }, () => pool.allocNetmems());
  for (const ref of refs) pool.putFullNetmem(ref, false);
  return pool;
}

/** A pool of `count` net_iovs, as on a queue that is bound to a dma-buf. */
function niovPool(count: number): PagePool {
  const owner = { type: NET_IOV_DMABUF, id: 1, get: () => {}, put: () => {} };
  const area = netmem.createArea(Math.max(count, 1), NET_IOV_DMABUF, owner, 0) as NetIovArea;
  const free = Array.from({ length: count }, (_, i) => netmem.netIovToNetmem((area.firstSlot + i) as NetIovRef));
  const mpOps = Object.freeze<MemoryProviderOps>({
    init: (pool) => {
      pool.dmaSync = pool.dmaSyncForCpu = false;
      return 0;
    },
    destroy: () => {},
    allocNetmems: (pool) => {
      const ref = free.pop() ?? (0 as NetmemRef);
      if (ref !== 0) pool.niovSetPagePool(ref);
      return ref;
    },
    releaseNetmem: (pool, ref) => {
      pool.niovClearPagePool(ref);
      free.push(ref);
      return false;
    },
    describe: () => ({ kind: 'dmabuf', id: 1 }),
  });
  const netdev: PoolDevice = {
    ifindex: 1,
    name: 'bench0',
    pools: new Set(),
    assertLocked: () => {},
    provider: () => ({ mpPriv: owner, mpOps, rxPageSize: 0 }),
  };
  const dev: DmaDevice = machine.iommu.addDevice('bench');
  return createPool({ flags: 1 | 2 | 8, dev, netdev, maxLen: PAGE_SIZE, dmaDir: 2 });
}

/** Alloc and direct recycling: from the cache, into the cache. */
function cacheLoop(pool: PagePool): Loop {
  return () => {
    let sink = 0;
    for (let i = 0; i < ROUNDS; i++) {
      const ref = pool.allocNetmems();
      sink = (sink ^ ref) | 0;
      pool.recycleDirectNetmem(ref);
    }
    return sink;
  };
}

function cachePairs(pool: PagePool): number {
  let sink = 0;
  for (let i = 0; i < ROUNDS; i++) {
    const ref = pool.allocNetmems();
    sink = (sink ^ ref) | 0;
    pool.recycleDirectNetmem(ref);
  }
  return sink;
}

/** The cases by name. Each is run in a process of its own. */
export const CASES: Readonly<Record<string, () => Loop>> = {
  /** What the loop itself costs. */
  loop: () => () => {
    let sink = 0;
    for (let i = 0; i < ROUNDS; i++) sink = (sink ^ i) | 0;
    return sink;
  },
  /** One pool, as in the kernel's benchmark and in the C twin: the optimiser may know which. */
  cache: () => cacheLoop(pagePool()),
  /** Three pools by turns, as in a driver with several queues: the optimiser knows their shape only. */
  cache_of_three: () => {
    const queues = [pagePool(), pagePool(), pagePool()];
    let turn = 0;
    return () => cachePairs(queues[turn++ % 3]!);
  },
  /** Alloc and a put that is not direct: through the ring, 64 at a time back into the cache. */
  ring: () => {
    const pool = pagePool();
    return () => {
      let sink = 0;
      for (let i = 0; i < ROUNDS; i++) {
        const ref = pool.allocNetmems();
        sink = (sink ^ ref) | 0;
        pool.putNetmem(ref, -1, false);
      }
      return sink;
    };
  },
  /** Somebody else holds each page when it is put, so that none is recycled: 64 at a time from the page allocator. */
  slow: () => {
    const pool = pagePool();
    return () => {
      let sink = 0;
      for (let i = 0; i < ROUNDS; i++) {
        const ref = pool.allocNetmems();
        sink = (sink ^ ref) | 0;
        const page = netmem.toPage(ref);
        netmem.getPage(page);
        pool.putNetmem(ref, -1, false);
        netmem.putPage(page);
      }
      return sink;
    };
  },
  /** As `cache`, with net_iovs of a provider. */
  niov_cache: () => cacheLoop(niovPool(256)),
  /** As `ring`, with net_iovs of a provider. */
  niov_ring: () => {
    const pool = niovPool(64);
    const refs = Array.from({ length: 64 }, () => pool.allocNetmems());
    for (const ref of refs) pool.putFullNetmem(ref, false);
    return () => {
      let sink = 0;
      for (let i = 0; i < ROUNDS; i++) {
        const ref = pool.allocNetmems();
        sink = (sink ^ ref) | 0;
        pool.putNetmem(ref, -1, false);
      }
      return sink;
    };
  },
  /** Cache, ring and provider have nothing: what a refill pays to find out. */
  exhausted: () => {
    const pool = niovPool(0);
    return () => {
      let sink = 0;
      for (let i = 0; i < ROUNDS; i++) sink = (sink + pool.allocNetmems()) | 0;
      return sink;
    };
  },
};
