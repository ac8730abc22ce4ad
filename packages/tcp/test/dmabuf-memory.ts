// Device memory for tests of this package: net_iovs of a made-up dma-buf. The real binding is in @netmem/dmabuf, above.

import { DMA_FROM_DEVICE, type Machine, PAGE_SIZE } from '@netmem/machine';
import { type Network, netifMpCloseRxq, netifMpOpenRxq } from '@netmem/netdev';
import type { PacketDriver } from '@netmem/netdev/testing';
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
import { type Region, subregion } from '@netmem/region';

export interface DmabufOptions {
  niovs?: number;
  /** Binding id. */
  id?: number;
  /** NET_IOV_DMABUF or another type. */
  type?: number;
  /** Offset of the area in the dma-buf. */
  baseOffset?: number;
  /** Bus address of the first byte. */
  iova?: number;
}

/** A dma-buf's net_iovs, and the memory provider that hands them to page pools, lowest first. */
export class FakeBinding implements NetIovOwner {
  readonly type: number;
  readonly id: number;
  readonly area: NetIovArea;
  readonly params: MemoryProviderParams;
  /** Its maker, and each pool. */
  refs = 1;
  readonly #netmem: NetmemTable;
  readonly #free: NetmemRef[] = [];

  constructor(netmem: NetmemTable, options: DmabufOptions = {}) {
    const niovs = options.niovs ?? 64;
    this.#netmem = netmem;
    this.type = options.type ?? NET_IOV_DMABUF;
    this.id = options.id ?? 1;
    this.area = netmem.createArea(niovs, this.type, this, options.baseOffset ?? 0) as NetIovArea;
    for (let i = niovs - 1; i >= 0; i--) {
      netmem.setDmaAddr(this.area.netmem(i), (options.iova ?? 0x1000_0000) + i * PAGE_SIZE);
      this.#free.push(this.area.netmem(i));
    }
    this.params = { mpPriv: this, mpOps: this.#provider(), rxPageSize: 0 };
  }

  get(): void {
    this.refs++;
  }

  put(): void {
    this.refs--;
  }

  /** net_iovs that no pool has. */
  get available(): number {
    return this.#free.length;
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

/** A binding with a page pool of its own, for packets built by hand. */
export class DmabufMemory extends FakeBinding {
  readonly pool: PagePool;

  constructor(machine: Machine, netmem: NetmemTable, pools: PagePools, options: DmabufOptions = {}) {
    super(netmem, options);
    const { params } = this;
    this.pool = pools.create({
      flags: PP_FLAG_DMA_MAP | PP_FLAG_DMA_SYNC_DEV | PP_FLAG_ALLOW_UNREADABLE_NETMEM,
      dev: machine.iommu.addDevice(`nic-${this.id}`),
      dmaDir: DMA_FROM_DEVICE,
      maxLen: PAGE_SIZE,
      netdev: { ifindex: 1, name: 'eth0', pools: new Set(), assertLocked() {}, provider: () => params },
      queueIdx: 0,
    }) as PagePool;
  }

  /** Takes a net_iov, as a driver does for a packet. */
  take(): NetmemRef {
    const ref = this.pool.allocNetmems();
    if (ref === 0) throw new Error('the dma-buf is exhausted');
    return ref;
  }
}

/** A binding to a queue of a test driver, with memory behind it that the device can write and no CPU may look at. */
export class QueueBinding {
  readonly binding: FakeBinding;
  readonly #network: Network;
  readonly #driver: PacketDriver;
  readonly #queue: number;
  readonly #bytes: Region;
  readonly #iova: number;

  constructor(network: Network, driver: PacketDriver, queue: number, niovs: number) {
    const { machine, netmem } = network;
    const length = niovs * PAGE_SIZE;
    this.#network = network;
    this.#driver = driver;
    this.#queue = queue;
    this.#bytes = machine.memory.carve(length, PAGE_SIZE);
    const window = machine.iommu.addPeerWindow('gpu', this.#bytes);
    this.#iova = driver.device.mapPeer(window, 0, length, DMA_FROM_DEVICE);
    this.binding = new FakeBinding(netmem, { niovs, iova: this.#iova });
    driver.setSplit();
    this.#locked(() => {
      const error = netifMpOpenRxq(driver.netdev, queue, this.binding.params, null);
      if (error < 0) throw new Error(`netif_mp_open_rxq: ${error}`);
    });
  }

  /** What the device wrote at a place of the dma-buf. */
  at(offset: number, length: number): Uint8Array {
    const { bytes, base } = subregion(this.#bytes, offset, length);
    return bytes.slice(base, base + length);
  }

  unbind(): void {
    this.#locked(() => netifMpCloseRxq(this.#driver.netdev, this.#queue, this.binding.params));
  }

  /** Takes the memory from the device: after all of it came back. */
  unmap(): void {
    this.#driver.device.unmapPeer(this.#iova, this.#bytes.length);
  }

  #locked(work: () => void): void {
    const { lock } = this.#driver.netdev;
    lock.lock();
    try {
      work();
    } finally {
      lock.unlock();
    }
    this.#network.machine.run();
  }
}
