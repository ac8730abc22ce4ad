/**
 * Page, net_iov, net_iov_area and netmem_ref of Linux as integers over typed-array columns.
 *
 * @packageDocumentation
 */
import type { DmaDevice, Machine } from '@netmem/machine';
import type { NegativeErrno } from '@netmem/uapi';

declare const netmemBrand: unique symbol;
declare const pageBrand: unique symbol;
declare const netIovBrand: unique symbol;
export type NetmemRef = number & { readonly [netmemBrand]: true };
export type PageRef = number & { readonly [pageBrand]: true };
export type NetIovRef = number & { readonly [netIovBrand]: true };
export declare const NULL_NETMEM: NetmemRef;
export declare const NULL_PAGE: PageRef;
export declare const NULL_NET_IOV: NetIovRef;
export declare const NET_IOV: 1;
export declare const NET_IOV_DMABUF: 0;
export declare const NET_IOV_IOURING: 1;
export declare const NETMEM_PP: 1;
export declare const NETMEM_PFMEMALLOC: 2;
export interface NetmemPool {
  readonly id: number;
  putFullNetmem(ref: NetmemRef, allowDirect: boolean): void;
}
export interface NetIovOwner {
  readonly type: number;
  readonly id: number;
  get(): void;
  put(): void;
}
export declare class NetIovArea {
  readonly firstSlot: number;
  readonly numNiovs: number;
  readonly baseVirtual: number;
  readonly type: number;
  readonly owner: NetIovOwner;
}
export interface NetmemTableOptions {
  maxNetIovs?: number;
}
export declare class NetmemTable {
  constructor(machine: Machine, options?: NetmemTableOptions);
  readonly poolOf: Int32Array;
  readonly dmaAddr: Float64Array;
  readonly ppRefCount: Int32Array;
  readonly flags: Uint8Array;
  readonly areaOf: Int32Array;
  readonly pageRefCount: Int32Array;
  readonly pageOrder: Uint8Array;
  isNetIov(ref: NetmemRef): boolean;
  isPp(ref: NetmemRef): boolean;
  isPfmemalloc(ref: NetmemRef): boolean;
  isPrefNid(ref: NetmemRef, nid: number): boolean;
  compoundHead(ref: NetmemRef): NetmemRef;
  pfnTrace(ref: NetmemRef): number;
  refCount(ref: NetmemRef): number;
  toPage(ref: NetmemRef): PageRef;
  toNetIov(ref: NetmemRef): NetIovRef;
  pageToNetmem(page: PageRef): NetmemRef;
  netIovToNetmem(niov: NetIovRef): NetmemRef;
  addressToNetmem(linear: number): NetmemRef;
  address(ref: NetmemRef): number | null;
  pool(ref: NetmemRef): NetmemPool | null;
  registerPool(pool: NetmemPool): number;
  unregisterPool(index: number): void;
  poolAt(index: number): NetmemPool | null;
  setPpInfo(ref: NetmemRef, poolIndex: number): void;
  clearPpInfo(ref: NetmemRef): void;
  getDmaAddr(ref: NetmemRef): number;
  setDmaAddr(ref: NetmemRef, addr: number): boolean;
  getDmaIndex(ref: NetmemRef): number;
  setDmaIndex(ref: NetmemRef, index: number): void;
  setPfmemalloc(ref: NetmemRef, on: boolean): void;
  get(ref: NetmemRef): void;
  put(ref: NetmemRef): void;
  /** netmem_dma_unmap_addr_set: column[at] = addr for a page, 0 for a net_iov. */
  dmaUnmapAddrSet(ref: NetmemRef, column: { [at: number]: number }, at: number, addr: number): void;
  /** netmem_dma_unmap_page_attrs: nothing when addr is 0. */
  dmaUnmapPageAttrs(dev: DmaDevice, addr: number, lengthBytes: number, direction: number, attrs?: number): void;
  allocPages(order: number, nid: number): PageRef;
  getPage(page: PageRef): void;
  putPage(page: PageRef): void;
  pageAddress(page: PageRef): number;
  pageToNid(page: PageRef): number;
  fragmentNetmem(ref: NetmemRef, n: number): void;
  refNetmem(ref: NetmemRef): void;
  unrefNetmem(ref: NetmemRef, n: number): number;
  createArea(numNiovs: number, type: number, owner: NetIovOwner, baseVirtual: number): NetIovArea | NegativeErrno;
  destroyArea(area: NetIovArea): void;
  area(niov: NetIovRef): NetIovArea;
  netIovIndex(niov: NetIovRef): number;
  netIovOffset(niov: NetIovRef): number;
  audit(): string[];
}
