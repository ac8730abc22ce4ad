import { DMA_FROM_DEVICE, PAGE_SIZE, type PeerWindow } from '@netmem/machine';
import { netifMpCloseRxq, netifMpOpenRxq } from '@netmem/netdev';
import { NET_IOV_DMABUF, type NetIovArea, type NetIovOwner, type NetmemRef } from '@netmem/netmem';
import type { MemoryProviderOps, MemoryProviderParams, PagePool } from '@netmem/page-pool';
import type { Region } from '@netmem/region';
import { Extack } from '@netmem/uapi';
import type { Bench } from './bench.ts';

/** A memory provider in miniature over memory that no CPU may look at; the test peeks all the same. Lowest net_iov first. */
export class PeerProvider implements NetIovOwner {
  readonly type: number = NET_IOV_DMABUF;
  readonly id = 1;
  readonly params: MemoryProviderParams;
  readonly area: NetIovArea;
  /** Pools that use it. */
  pools = 0;
  readonly #bench: Bench;
  readonly #region: Region;
  readonly #window: PeerWindow;
  readonly #iova: number;
  readonly #free: number[];

  constructor(bench: Bench, niovs: number) {
    this.#bench = bench;
    const { machine, network } = bench;
    this.#region = machine.memory.carve(niovs * PAGE_SIZE, PAGE_SIZE);
    this.#window = machine.iommu.addPeerWindow('gpu', this.#region);
    this.#iova = bench.fn.dma.mapPeer(this.#window, 0, niovs * PAGE_SIZE, DMA_FROM_DEVICE);
    const area = network.netmem.createArea(niovs, NET_IOV_DMABUF, this, 0);
    if (typeof area === 'number') throw new Error(`createArea: ${area}`);
    this.area = area;
    this.#free = Array.from({ length: niovs }, (_, i) => niovs - 1 - i);
    for (let i = 0; i < niovs; i++) network.netmem.setDmaAddr(this.#ref(i), this.#iova + i * PAGE_SIZE);
    this.params = { mpPriv: this, mpOps: this.#ops(), rxPageSize: 0 };
  }

  get out(): number {
    return this.area.numNiovs - this.#free.length;
  }

  get(): void {}
  put(): void {}

  /** The lock around it is what bind-rx takes. */
  open(queue: number, extack: Extack = new Extack()): number {
    const { dev } = this.#bench;
    dev.lock.lock();
    const result = netifMpOpenRxq(dev, queue, this.params, extack);
    dev.lock.unlock();
    return result;
  }

  close(queue: number): void {
    const { dev } = this.#bench;
    dev.lock.lock();
    netifMpCloseRxq(dev, queue, this.params);
    dev.lock.unlock();
  }

  /** What the card wrote: the payload of a received packet, in order. */
  bytesOf(frags: readonly { readonly ref: NetmemRef; readonly offset: number; readonly size: number }[]): Uint8Array {
    const out: number[] = [];
    for (const { ref, offset, size } of frags) {
      const at = this.#region.base + ((ref >>> 1) - this.area.firstSlot) * PAGE_SIZE + offset;
      out.push(...this.#region.bytes.subarray(at, at + size));
    }
    return Uint8Array.from(out);
  }

  /** Gives the memory back to the machine; everything must be back. */
  destroy(): void {
    this.#bench.network.netmem.destroyArea(this.area);
    this.#bench.fn.dma.unmapPeer(this.#iova, this.area.numNiovs * PAGE_SIZE);
    this.#bench.machine.iommu.removePeerWindow(this.#window);
  }

  #ref(index: number): NetmemRef {
    return (((this.area.firstSlot + index) << 1) | 1) as NetmemRef;
  }

  #ops(): MemoryProviderOps {
    return Object.freeze<MemoryProviderOps>({
      init: (pool: PagePool): number => {
        pool.dmaSync = false;
        pool.dmaSyncForCpu = false;
        this.pools++;
        return 0;
      },
      destroy: (): void => {
        this.pools--;
      },
      allocNetmems: (pool: PagePool): NetmemRef => {
        const index = this.#free.pop();
        if (index === undefined) return 0 as NetmemRef;
        pool.niovSetPagePool(this.#ref(index));
        return this.#ref(index);
      },
      releaseNetmem: (pool: PagePool, ref: NetmemRef): boolean => {
        pool.niovClearPagePool(ref);
        this.#free.push((ref >>> 1) - this.area.firstSlot);
        return false;
      },
      describe: () => ({ kind: 'dmabuf', id: this.id }),
    });
  }
}
