import {
  DMA_FROM_DEVICE,
  type DmaDevice,
  Machine,
  type MachineOptions,
  PAGE_SHIFT,
  type PciEndpoint,
  type PciFunction,
  type PciHost,
} from '@netmem/machine';
import { NetDevice, type NetDeviceOptions, type NetdevQueueMgmtOps, Network, type QueueConfig } from '@netmem/netdev';
import { NetmemTable } from '@netmem/netmem';
import {
  type PagePool,
  PP_FLAG_ALLOW_UNREADABLE_NETMEM,
  PP_FLAG_DMA_MAP,
  PP_FLAG_DMA_SYNC_DEV,
} from '@netmem/page-pool';
import { isErr, TCP_DATA_SPLIT } from '@netmem/uapi';

/** A PCI function that does nothing, for the DMA device that comes with it. */
export function plugIdle(machine: Machine): { fn: PciFunction; host: PciHost } {
  let host: PciHost | null = null;
  const fn = machine.pci.plug((given): PciEndpoint => {
    host = given;
    return {
      pci: {
        vendor: 1,
        device: 1,
        subsystemVendor: 1,
        subsystemDevice: 1,
        revision: 0,
        classCode: 0,
        bars: [{ size: 4096 }],
        msixVectors: 1,
      },
      barRead: () => 0,
      barWrite: () => {},
      run: () => 0,
      reset: () => {},
    };
  });
  return { fn, host: host as unknown as PciHost };
}

export interface QueueDeviceOptions {
  readonly queues?: number;
  /** Left out: the driver has no queue management. */
  readonly mgmt?: boolean;
  readonly supportedParams?: number;
  readonly netmemTx?: boolean;
}

/** A network device that is nothing but queues: each has one page pool, built as the contract says unless told otherwise. */
export class QueueDevice {
  readonly dma: DmaDevice;
  readonly host: PciHost;
  readonly dev: NetDevice;
  /** The live pool of each queue. */
  readonly pools: (PagePool | null)[];
  /** memAlloc of this queue fails with this errno. */
  readonly refuse: Map<number, number> = new Map();
  /** DMA device of a queue; absent: the device's own. */
  readonly dmaOf: Map<number, DmaDevice | null> = new Map();
  /** The driver forgets to allow unreadable memory. */
  ignoresProviders = false;
  /** The driver builds order 0 whatever it is asked for. */
  ignoresPageSize = false;
  readonly log: string[] = [];
  readonly #network: Network;

  constructor(network: Network, options: QueueDeviceOptions = {}) {
    const { machine } = network;
    const { fn, host } = plugIdle(machine);
    this.#network = network;
    this.dma = fn.dma;
    this.host = host;
    const queues = options.queues ?? 4;
    this.pools = new Array<PagePool | null>(queues).fill(null);
    const shape: NetDeviceOptions = {
      address: Uint8Array.of(2, 0, 0, 0, 0, 1),
      numRxQueues: queues,
      numTxQueues: queues,
      parent: fn.dma,
      netmemTx: options.netmemTx ?? false,
      ops: { open: () => this.#open(), stop: () => this.#stop(), startXmit: () => 0 },
    };
    this.dev = new NetDevice(
      options.mgmt === false ? shape : { ...shape, queueMgmtOps: this.#mgmt(options.supportedParams ?? 0) },
    );
    network.registerDevice(this.dev);
    this.dev.cfg.hdsConfig = TCP_DATA_SPLIT.ENABLED;
  }

  pool(queue: number): PagePool {
    const pool = this.pools[queue];
    if (pool === null || pool === undefined) throw new Error(`queue ${queue} has no pool`);
    return pool;
  }

  locked<T>(work: () => T): T {
    this.dev.lock.lock();
    try {
      return work();
    } finally {
      this.dev.lock.unlock();
    }
  }

  #open(): number {
    for (let queue = 0; queue < this.pools.length; queue++) {
      const pool = this.#build(queue, { rxPageSize: 0 });
      if (isErr(pool)) return pool;
      this.pools[queue] = pool;
    }
    return 0;
  }

  #stop(): number {
    for (const [queue, pool] of this.pools.entries()) {
      pool?.destroy();
      this.pools[queue] = null;
    }
    return 0;
  }

  #build(queue: number, qcfg: QueueConfig): PagePool | number {
    const order = qcfg.rxPageSize === 0 || this.ignoresPageSize ? 0 : 31 - Math.clz32(qcfg.rxPageSize) - PAGE_SHIFT;
    return this.#network.pools.create({
      flags: PP_FLAG_DMA_MAP | PP_FLAG_DMA_SYNC_DEV | (this.ignoresProviders ? 0 : PP_FLAG_ALLOW_UNREADABLE_NETMEM),
      order,
      poolSize: 16,
      dev: this.dma,
      netdev: this.dev,
      queueIdx: queue,
      dmaDir: DMA_FROM_DEVICE,
      maxLen: 4096 << order,
    });
  }

  #mgmt(supportedParams: number): NetdevQueueMgmtOps {
    return {
      supportedParams,
      memAlloc: (idx, qcfg) => {
        this.log.push(`alloc ${idx}`);
        return this.refuse.get(idx) ?? this.#build(idx, qcfg);
      },
      memFree: (mem) => (mem as PagePool).destroy(),
      start: (idx, _qcfg, mem) => {
        this.log.push(`start ${idx}`);
        this.pools[idx] = mem as PagePool;
        return 0;
      },
      stop: (idx) => {
        const pool = this.pool(idx);
        this.pools[idx] = null;
        return pool;
      },
      getDmaDev: (idx) => this.dmaOf.get(idx) ?? (this.dmaOf.has(idx) ? null : this.dma),
    };
  }
}

/** A machine with a network in it. */
export function newNetwork(options: MachineOptions & { maxNetIovs?: number } = {}): {
  machine: Machine;
  network: Network;
} {
  const machine = new Machine({ ramBytes: 16 << 20, ...options });
  const netmem = new NetmemTable(machine, { maxNetIovs: options.maxNetIovs ?? 1 << 16 });
  return { machine, network: new Network({ machine, netmem }) };
}

/** Lets works run, and the worker of destroyed pools, which looks once a second. */
export function settle(machine: Machine): void {
  machine.run({ until: () => false, timeoutNs: 3e9 });
}

/** What must not be left over once everything is put away. */
export function leftovers(network: Network): string[] {
  const { hold, release } = network.pools.totals();
  return [
    ...network.audit(),
    ...network.pools.audit(),
    ...network.netmem.audit(),
    ...network.machine.audit(),
    ...(hold === release ? [] : [`pools hold ${hold - release}`]),
  ];
}
