// What tests of this package share: a host, memory of every kind, and a provider of unreadable memory.

import {
  DMA_BIDIRECTIONAL,
  DMA_FROM_DEVICE,
  type DmaDevice,
  type Machine,
  PAGE_SIZE,
  type PeerWindow,
} from '@netmem/machine';
import { NET_IOV_DMABUF, type NetIovArea, type NetIovOwner, type NetmemRef, type NetmemTable } from '@netmem/netmem';
import {
  type MemoryProviderOps,
  type MemoryProviderParams,
  type PagePool,
  PP_FLAG_DMA_MAP,
  PP_FLAG_DMA_SYNC_DEV,
} from '@netmem/page-pool';
import { regionOf } from '@netmem/region';
import { isErr } from '@netmem/uapi';
import type { NetDevice, Network, NetworkOptions, SkBuff } from '../src/index.ts';
import { createTestNetwork } from '../src/testing/index.ts';

export interface World {
  machine: Machine;
  network: Network;
}

export function makeWorld(options: Partial<NetworkOptions> = {}): World {
  return createTestNetwork({ network: options });
}

/** An skb, or the test's end. */
export function allocSkb(network: Network): SkBuff {
  const skb = network.skbs.alloc(null);
  if (skb === null) throw new Error('no skb left');
  return skb;
}

/** An ordinary page as netmem, with one reference. */
export function allocPage(network: Network): NetmemRef {
  const { netmem } = network;
  const page = netmem.allocPages(0, -1);
  if (page === 0) throw new Error('no page left');
  return netmem.pageToNetmem(page);
}

/** A pool of ordinary pages. */
export function makePool(network: Network, netdev: NetDevice | null = null): PagePool {
  const pool = network.pools.create({
    flags: PP_FLAG_DMA_MAP | PP_FLAG_DMA_SYNC_DEV,
    dev: network.machine.iommu.addDevice('pool device'),
    dmaDir: DMA_FROM_DEVICE,
    maxLen: PAGE_SIZE,
    netdev,
  });
  if (isErr(pool)) throw new Error(`no pool: ${pool}`);
  return pool;
}

/** Puts `bytes` into the linear area. */
export function putBytes(skb: SkBuff, bytes: ArrayLike<number>): void {
  skb.pool.bytes.set(bytes, skb.put(bytes.length));
}

/** Adds a page fragment holding `bytes`, `offset` bytes into the page. */
export function addPageFrag(network: Network, skb: SkBuff, bytes: ArrayLike<number>, offset: number = 0): NetmemRef {
  const ref = allocPage(network);
  skb.pool.bytes.set(bytes, (network.netmem.address(ref) ?? 0) + offset);
  skb.addRxFragNetmem(ref, offset, bytes.length, PAGE_SIZE);
  return ref;
}

/** All bytes of a readable packet. */
export function bytesOf(skb: SkBuff): number[] {
  const to = new Uint8Array(skb.len);
  if (skb.copyDatagram(0, to, 0, skb.len) !== skb.len) throw new Error('unreadable');
  return [...to];
}

/** Bytes `from`, `from` + 1, … modulo 256. */
export function counting(length: number, from: number = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (from + i) & 0xff);
}

/** Device memory behind net_iovs: a binding as far as pools and skbs know one. */
export class TestProvider implements NetIovOwner {
  readonly type: number = NET_IOV_DMABUF;
  readonly id: number = 7;
  /** Device the memory is mapped for. */
  dev: object | null = null;
  refs = 1;
  readonly memory: Uint8Array;
  readonly area: NetIovArea;
  readonly params: MemoryProviderParams;
  readonly uninstalled: unknown[] = [];
  /** Errno of the next init. */
  failInit = 0;
  readonly #free: number[] = [];
  readonly #device: DmaDevice;
  readonly #window: PeerWindow;
  readonly #machine: Machine;
  readonly #netmem: NetmemTable;
  readonly #iova: number;

  constructor(network: Network, device: DmaDevice, pages: number = 16, rxPageSize: number = 0) {
    this.#machine = network.machine;
    this.#netmem = network.netmem;
    this.#device = device;
    this.memory = new Uint8Array(pages * PAGE_SIZE);
    this.#window = network.machine.iommu.addPeerWindow('test memory', regionOf(this.memory));
    this.#iova = device.mapPeer(this.#window, 0, this.memory.length, DMA_BIDIRECTIONAL);
    const area = network.netmem.createArea(pages, NET_IOV_DMABUF, this, 0);
    if (typeof area === 'number') throw new Error(`no area: ${area}`);
    this.area = area;
    for (let i = pages - 1; i >= 0; i--) this.#free.push(i);
    this.params = { mpPriv: this, mpOps: PROVIDER_OPS, rxPageSize };
  }

  get free(): number {
    return this.#free.length;
  }

  get(): void {
    this.refs++;
  }

  put(): void {
    this.refs--;
  }

  alloc(pool: PagePool): NetmemRef {
    const index = this.#free.pop();
    if (index === undefined) return 0 as NetmemRef;
    const ref = this.#netmem.netIovToNetmem((this.area.firstSlot + index) as never);
    pool.niovSetPagePool(ref);
    pool.niovSetDmaAddr(ref, this.#iova + index * PAGE_SIZE);
    return ref;
  }

  release(pool: PagePool, ref: NetmemRef): boolean {
    pool.niovClearPagePool(ref);
    this.#free.push(this.#netmem.netIovIndex(this.#netmem.toNetIov(ref)));
    return false;
  }

  /** A net_iov outside any pool, as a sender would have one. */
  takeForTransmit(): NetmemRef {
    const index = this.#free.pop();
    if (index === undefined) throw new Error('no net_iov left');
    const ref = this.#netmem.netIovToNetmem((this.area.firstSlot + index) as never);
    this.#netmem.setDmaAddr(ref, this.#iova + index * PAGE_SIZE);
    return ref;
  }

  destroy(): void {
    this.#netmem.destroyArea(this.area);
    this.#device.unmapPeer(this.#iova, this.memory.length);
    this.#machine.iommu.removePeerWindow(this.#window);
  }
}

function self(pool: PagePool): TestProvider {
  return pool.mpPriv as TestProvider;
}

const PROVIDER_OPS: MemoryProviderOps = Object.freeze({
  init(pool: PagePool): number {
    const provider = self(pool);
    if (provider.failInit < 0) return provider.failInit;
    pool.dmaSync = false;
    pool.dmaSyncForCpu = false;
    provider.refs++;
    return 0;
  },
  destroy(pool: PagePool): void {
    self(pool).refs--;
  },
  allocNetmems: (pool: PagePool) => self(pool).alloc(pool),
  releaseNetmem: (pool: PagePool, ref: NetmemRef) => self(pool).release(pool, ref),
  describe: () => ({ kind: 'dmabuf' as const, id: 7 }),
  uninstall(priv: unknown, rxq: unknown): void {
    (priv as TestProvider).uninstalled.push(rxq);
  },
});
