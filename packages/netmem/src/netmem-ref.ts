declare const netmemBrand: unique symbol;
declare const pageBrand: unique symbol;
declare const netIovBrand: unique symbol;

/**
 * A piece of memory that can carry payload: a page or a net_iov. `slot << 1 | isNetIov`; 0 is "no memory".
 *
 * @kernel netmem_ref — include/net/netmem.h, 7.3
 */
export type NetmemRef = number & { readonly [netmemBrand]: true };

/** A page: its slot, which is its frame number + 1. 0 is NULL. */
export type PageRef = number & { readonly [pageBrand]: true };

/** A net_iov: its slot. 0 is NULL. @kernel struct net_iov — include/net/netmem.h, 7.3 */
export type NetIovRef = number & { readonly [netIovBrand]: true };

/** No memory: the only failure value of an allocation. */
export const NULL_NETMEM: NetmemRef = 0 as NetmemRef;
export const NULL_PAGE: PageRef = 0 as PageRef;
export const NULL_NET_IOV: NetIovRef = 0 as NetIovRef;

/** Bit 0 of a netmem_ref: set for a net_iov. */
export const NET_IOV = 1;

/** A net_iov over a dma-buf. */
export const NET_IOV_DMABUF = 0;
/** A net_iov over io_uring's user memory. */
export const NET_IOV_IOURING = 1;

/** Column bit: the memory belongs to a page_pool. Linux keeps a signature in `pp_magic`; here it is one bit. */
export const NETMEM_PP = 1;
/** Column bit: the page came from the emergency reserves. Never set for a net_iov. */
export const NETMEM_PFMEMALLOC = 2;

/** As much of a page_pool as memory needs to know: where it goes back to. */
export interface NetmemPool {
  readonly id: number;
  /** Gives a netmem back, all of it synced for the device. */
  putFullNetmem(ref: NetmemRef, allowDirect: boolean): void;
}

/** Who stands behind an area of net_iovs: a dma-buf binding, an io_uring area. */
export interface NetIovOwner {
  /** NET_IOV_DMABUF or NET_IOV_IOURING. */
  readonly type: number;
  /** The binding's id. */
  readonly id: number;
  /** Takes a reference on the owner. */
  get(): void;
  /** Drops one. */
  put(): void;
}
