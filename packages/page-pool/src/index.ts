/**
 * The page_pool of Linux and its memory-provider contract, faithful in names, order of checks, errnos and counters.
 *
 * @packageDocumentation
 */
import type { DmaDevice, Machine } from '@netmem/machine';
import type { NetmemPool, NetmemRef, NetmemTable, PageRef } from '@netmem/netmem';
import type { NegativeErrno } from '@netmem/uapi';

export declare const PP_FLAG_DMA_MAP: 1;
export declare const PP_FLAG_DMA_SYNC_DEV: 2;
export declare const PP_FLAG_SYSTEM_POOL: 4;
export declare const PP_FLAG_ALLOW_UNREADABLE_NETMEM: 8;
export declare const PP_FLAG_ALL: 0xf;
export declare const PP_ALLOC_CACHE_SIZE: 128;
export declare const PP_ALLOC_CACHE_REFILL: 64;
export declare const XDP_BULK_QUEUE_SIZE: 16;
export interface PoolDevice {
  readonly ifindex: number;
  readonly name: string;
  readonly pools: Set<PagePool>;
  assertLocked(): void;
  provider(queueIdx: number): MemoryProviderParams | null;
}
export interface PoolNapi {
  readonly id: number;
  readonly ownerCpu: number;
  readonly enabled: boolean;
}
export interface PoolObserver {
  added(pool: PagePool): void;
  changed(pool: PagePool): void;
  removed(pool: PagePool): void;
}
export interface PagePoolParams {
  order?: number;
  poolSize?: number;
  nid?: number;
  dev?: DmaDevice | null;
  napi?: PoolNapi | null;
  dmaDir?: number;
  maxLen?: number;
  offset?: number;
  netdev?: PoolDevice | null;
  queueIdx?: number;
  flags: number;
  initCallback?: ((ref: NetmemRef) => void) | null;
}
export type ProviderDescription = { readonly kind: 'dmabuf'; readonly id: number } | { readonly kind: 'io-uring' };
export interface MemoryProviderOps {
  init(pool: PagePool): number;
  destroy(pool: PagePool): void;
  allocNetmems(pool: PagePool): NetmemRef;
  releaseNetmem(pool: PagePool, ref: NetmemRef): boolean;
  describe(priv: unknown): ProviderDescription;
  uninstall?(priv: unknown, rxq: unknown): void;
}
export interface MemoryProviderParams {
  readonly mpPriv: unknown;
  readonly mpOps: MemoryProviderOps;
  readonly rxPageSize: number;
}
export interface PagePoolTotals {
  readonly created: number;
  readonly destroyed: number;
  readonly hold: number;
  readonly release: number;
}
export declare class PagePoolStats {
  allocFast: number;
  allocSlow: number;
  allocSlowHighOrder: number;
  allocEmpty: number;
  allocRefill: number;
  allocWaive: number;
  recycleCached: number;
  recycleCacheFull: number;
  recycleRing: number;
  recycleRingFull: number;
  recycleReleasedRefcnt: number;
}
export declare class PagePools {
  constructor(machine: Machine, netmem: NetmemTable);
  readonly machine: Machine;
  readonly netmem: NetmemTable;
  create(params: PagePoolParams, cpuid?: number): PagePool | NegativeErrno;
  get(id: number): PagePool | undefined;
  all(): readonly PagePool[];
  subscribe(observer: PoolObserver): () => void;
  totals(): PagePoolTotals;
  audit(): string[];
  putNetmemBulk(refs: Int32Array, count: number): void;
  /** Moves the pools of a device that goes away to the loopback device, or, with null, out of sight. */
  unregNetdev(netdev: PoolDevice, loopback: PoolDevice | null): void;
}
export declare class PagePool implements NetmemPool {
  private constructor();
  readonly id: number;
  readonly params: Readonly<Required<PagePoolParams>>;
  readonly mpPriv: unknown;
  readonly mpOps: MemoryProviderOps | null;
  readonly stats: PagePoolStats;
  readonly isUnreadable: boolean;
  readonly destroyed: boolean;
  /** Seconds of the machine's clock at destroy when netmems were still out; 0 while attached. */
  readonly detachTime: number;
  dmaMap: boolean;
  dmaSync: boolean;
  dmaSyncForCpu: boolean;
  fragOffset: number;
  fragSize: number;
  allocNetmems(): NetmemRef;
  allocNetmem(sizeBytes: number): NetmemRef;
  allocFragNetmem(sizeBytes: number): NetmemRef;
  allocPages(): PageRef;
  allocVa(sizeBytes: number): number;
  freeVa(linear: number, allowDirect: boolean): void;
  putNetmem(ref: NetmemRef, dmaSyncSize: number, allowDirect: boolean): void;
  putFullNetmem(ref: NetmemRef, allowDirect: boolean): void;
  recycleDirectNetmem(ref: NetmemRef): void;
  putUnrefedNetmem(ref: NetmemRef, dmaSyncSize: number, allowDirect: boolean): void;
  dmaSyncNetmemForCpu(ref: NetmemRef, offset: number, lengthBytes: number): void;
  getDmaAddrNetmem(ref: NetmemRef): number;
  inflight(): number;
  getStats(into: PagePoolStats): void;
  updateNid(nid: number): void;
  nidChanged(nid: number): void;
  disableDirectRecycling(): void;
  enableDirectRecycling(napi: PoolNapi | null): void;
  get(): void;
  destroy(): void;
  niovSetPagePool(ref: NetmemRef): void;
  niovClearPagePool(ref: NetmemRef): void;
  niovSetDmaAddr(ref: NetmemRef, addr: number): boolean;
  placeInCache(ref: NetmemRef): void;
}
