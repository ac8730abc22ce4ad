import {
  type DmaDevice,
  InstanceLock,
  Machine,
  type MachineOptions,
  PAGE_SIZE,
  type TraceEvent,
} from '@netmem/machine';
import {
  NET_IOV_DMABUF,
  type NetIovArea,
  type NetIovOwner,
  type NetIovRef,
  type NetmemRef,
  NetmemTable,
} from '@netmem/netmem';
import { expect, onTestFinished } from 'vitest';
import {
  type MemoryProviderOps,
  type MemoryProviderParams,
  type PagePool,
  type PagePoolParams,
  PagePools,
  type PoolDevice,
  type PoolNapi,
} from '../src/index.ts';

/** A NAPI that runs a function as its poll. */
export class ToyNapi implements PoolNapi {
  readonly id: number;
  readonly machine: Machine;
  ownerCpu = -1;
  enabled = true;

  constructor(machine: Machine, id: number) {
    this.machine = machine;
    this.id = id;
  }

  poll<T>(body: () => T): T {
    this.machine.context.enterSoftirq(this.id);
    this.ownerCpu = this.machine.context.cpu;
    try {
      return body();
    } finally {
      this.ownerCpu = -1;
      this.machine.context.leaveSoftirq();
    }
  }
}

export class ToyDevice implements PoolDevice {
  readonly ifindex: number;
  readonly name: string;
  readonly pools: Set<PagePool> = new Set();
  readonly lock: InstanceLock;
  readonly providers: Map<number, MemoryProviderParams> = new Map();

  constructor(machine: Machine, ifindex: number, name: string) {
    this.ifindex = ifindex;
    this.name = name;
    this.lock = new InstanceLock(machine.context, name);
  }

  assertLocked(): void {
    this.lock.assertHeld('the test');
  }

  provider(queueIdx: number): MemoryProviderParams | null {
    return this.providers.get(queueIdx) ?? null;
  }

  locked<T>(body: () => T): T {
    this.lock.lock();
    try {
      return body();
    } finally {
      this.lock.unlock();
    }
  }
}

/** A provider of `count` net_iovs, first in first out, that hands out `batch` at a time. */
export class ToyProvider implements NetIovOwner {
  readonly type: number = NET_IOV_DMABUF;
  readonly id: number = 7;
  readonly area: NetIovArea;
  readonly free: NetmemRef[] = [];
  readonly calls: string[] = [];
  readonly ops: MemoryProviderOps;
  readonly params: MemoryProviderParams;
  initResult = 0;
  batch = 1;
  /** What a release returns: true is a provider's mistake here. */
  putsPages = false;

  constructor(netmem: NetmemTable, count: number) {
    this.area = netmem.createArea(count, NET_IOV_DMABUF, this, 0) as NetIovArea;
    for (let i = 0; i < count; i++) this.free.push(netmem.netIovToNetmem((this.area.firstSlot + i) as NetIovRef));
    this.ops = Object.freeze<MemoryProviderOps>({
      init: (pool) => {
        this.calls.push('init');
        if (this.initResult !== 0) return this.initResult;
        pool.dmaSync = false;
        pool.dmaSyncForCpu = false;
        return 0;
      },
      destroy: () => {
        this.calls.push('destroy');
      },
      allocNetmems: (pool) => {
        this.calls.push('alloc');
        for (let i = 1; i < this.batch && this.free.length > 1; i++) {
          const extra = this.free.shift() as NetmemRef;
          pool.niovSetPagePool(extra);
          pool.placeInCache(extra);
        }
        const ref = this.free.shift() ?? (0 as NetmemRef);
        if (ref !== 0) pool.niovSetPagePool(ref);
        return ref;
      },
      releaseNetmem: (pool, ref) => {
        expect(netmem.ppRefCount[ref >>> 1]).toBe(1);
        this.calls.push('release');
        pool.niovClearPagePool(ref);
        this.free.push(ref);
        return this.putsPages;
      },
      describe: () => ({ kind: 'dmabuf', id: this.id }),
    });
    this.params = { mpPriv: this, mpOps: this.ops, rxPageSize: 0 };
  }

  get(): void {}
  put(): void {}
}

/** What a test needs, and what it is held to when it ends: no log entry unexpected, no live mapping, hold equal to release. */
export class Host {
  readonly machine: Machine;
  readonly netmem: NetmemTable;
  readonly pools: PagePools;
  readonly device: DmaDevice;
  readonly napi: ToyNapi;
  readonly netdev: ToyDevice;

  constructor(options: MachineOptions = {}) {
    this.machine = new Machine({ ramBytes: 1024 * PAGE_SIZE, maxIovaPages: 4096, ...options });
    this.netmem = new NetmemTable(this.machine, { maxNetIovs: 1024 });
    this.pools = new PagePools(this.machine, this.netmem);
    this.device = this.machine.iommu.addDevice('nic');
    this.napi = new ToyNapi(this.machine, 9);
    this.netdev = new ToyDevice(this.machine, 4, 'eth0');
  }

  /** A pool that must come to be. */
  pool(params: Partial<PagePoolParams> = {}, cpuid?: number): PagePool {
    const make = (): PagePool | number => this.pools.create({ flags: 0, ...params }, cpuid);
    const pool = this.netdev.lock.held ? make() : this.netdev.locked(make);
    if (typeof pool === 'number') throw new Error(`no pool: ${pool}`);
    return pool;
  }

  /** A pool on the provider, which is installed on queue 1 for it. */
  provided(provider: ToyProvider, params: Partial<PagePoolParams> = {}): PagePool {
    this.netdev.providers.set(1, provider.params);
    return this.pool({ ...this.mapping, flags: 1 | 2 | 8, netdev: this.netdev, queueIdx: 1, ...params });
  }

  /** Parameters of a pool that maps and syncs. */
  get mapping(): Partial<PagePoolParams> {
    return { flags: 1 | 2, dev: this.device, dmaDir: 2, maxLen: PAGE_SIZE };
  }

  /** Events of tracepoints from now on: name and values. */
  watch(pattern: string): [string, ...number[]][] {
    const seen: [string, ...number[]][] = [];
    this.machine.trace.subscribe(pattern, (event: TraceEvent) => seen.push([event.name, ...event.values]));
    return seen;
  }

  /** What the machine logged since the last call, as `level text`. These lines count as expected. */
  log(): string[] {
    const lines = this.machine.log.entries.slice(this.#read).map((entry) => `${entry.level} ${entry.text}`);
    for (const { text } of this.machine.log.entries.slice(this.#read)) this.machine.log.expect(text);
    this.#read += lines.length;
    return lines;
  }
  #read = 0;

  assertClean(): void {
    expect(this.pools.audit()).toEqual([]);
    expect(this.machine.log.unexpected()).toEqual([]);
    expect(this.device.liveMappings).toBe(0);
    const { hold, release } = this.pools.totals();
    expect(hold - release).toBe(0);
  }
}

/** A host that is audited when the test ends. */
export function makeHost(options?: MachineOptions): Host {
  const host = new Host(options);
  onTestFinished(() => host.assertClean());
  return host;
}

/** Allocates `count` elements. */
export function take(pool: PagePool, count: number): NetmemRef[] {
  return Array.from({ length: count }, () => pool.allocNetmems());
}

/** Every counter that is not 0. */
export function counters(pool: PagePool): Record<string, number> {
  return Object.fromEntries(Object.entries(pool.stats).filter(([, count]) => count !== 0));
}
