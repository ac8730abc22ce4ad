// Device memory for tests of this package: net_iovs of a made-up dma-buf behind a real page pool. The real binding is in @netmem/dmabuf, above.

import { DMA_FROM_DEVICE, type Machine, PAGE_SIZE } from '@netmem/machine';
import {
  NET_IOV_DMABUF,
  type NetIovArea,
  type NetIovOwner,
  type NetIovRef,
  type NetmemRef,
  type NetmemTable,
} from '@netmem/netmem';
import {
  type MemoryProviderParams,
  type PagePool,
  type PagePools,
  PP_FLAG_ALLOW_UNREADABLE_NETMEM,
  PP_FLAG_DMA_MAP,
  PP_FLAG_DMA_SYNC_DEV,
} from '@netmem/page-pool';

export interface DmabufMemoryOptions {
  niovs?: number;
  /** Binding id. */
  id?: number;
  /** NET_IOV_DMABUF or another type. */
  type?: number;
  /** Offset of the area in the dma-buf. */
  baseOffset?: number;
}

export class DmabufMemory implements NetIovOwner {
  readonly type: number;
  readonly id: number;
  readonly area: NetIovArea;
  readonly pool: PagePool;
  refs = 1;
  readonly #netmem: NetmemTable;
  readonly #free: NetmemRef[] = [];

  constructor(machine: Machine, netmem: NetmemTable, pools: PagePools, options: DmabufMemoryOptions = {}) {
    const niovs = options.niovs ?? 64;
    this.#netmem = netmem;
    this.type = options.type ?? NET_IOV_DMABUF;
    this.id = options.id ?? 1;
    this.area = netmem.createArea(niovs, this.type, this, options.baseOffset ?? 0) as NetIovArea;
    for (let i = niovs - 1; i >= 0; i--) {
      netmem.setDmaAddr(this.area.netmem(i), 0x1000_0000 + i * PAGE_SIZE);
      this.#free.push(this.area.netmem(i));
    }
    const params: MemoryProviderParams = { mpPriv: this, mpOps: this.#provider(), rxPageSize: 0 };
    this.pool = pools.create({
      flags: PP_FLAG_DMA_MAP | PP_FLAG_DMA_SYNC_DEV | PP_FLAG_ALLOW_UNREADABLE_NETMEM,
      dev: machine.iommu.addDevice(`nic-${this.id}`),
      dmaDir: DMA_FROM_DEVICE,
      maxLen: PAGE_SIZE,
      netdev: { ifindex: 1, name: 'eth0', pools: new Set(), assertLocked() {}, provider: () => params },
      queueIdx: 0,
    }) as PagePool;
  }

  get(): void {
    this.refs++;
  }

  put(): void {
    this.refs--;
  }

  /** Takes a net_iov, as a driver does for a packet. */
  take(): NetmemRef {
    const ref = this.pool.allocNetmems();
    if (ref === 0) throw new Error('the dma-buf is exhausted');
    return ref;
  }

  /** Position of a net_iov in the dma-buf. */
  indexOf(ref: NetmemRef): number {
    return this.#netmem.netIovIndex((ref >>> 1) as NetIovRef);
  }

  #provider(): MemoryProviderParams['mpOps'] {
    return Object.freeze({
      init: (pool: PagePool) => {
        pool.dmaSync = false;
        pool.dmaSyncForCpu = false;
        this.get();
        return 0;
      },
      destroy: () => this.put(),
      allocNetmems: (pool: PagePool) => {
        const ref = this.#free.pop();
        if (ref === undefined) return 0 as NetmemRef;
        pool.niovSetPagePool(ref);
        return ref;
      },
      releaseNetmem: (pool: PagePool, ref: NetmemRef) => {
        pool.niovClearPagePool(ref);
        this.#free.push(ref);
        return false;
      },
      describe: () => ({ kind: 'dmabuf' as const, id: this.id }),
    });
  }
}
