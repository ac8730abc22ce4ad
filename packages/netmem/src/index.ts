/**
 * Page, net_iov, net_iov_area and netmem_ref of Linux as integers over typed-array columns.
 *
 * A {@link NetmemRef} names a piece of memory that can carry payload, without saying whether a CPU may look at it. A
 * {@link NetmemTable}, one per machine, holds what the kernel keeps in `struct netmem_desc` about each, and has the kernel's
 * helpers as methods.
 *
 * Use it in drivers, pools and memory providers; with `address(ref)` being `number | null`, the compiler asks you to think of
 * unreadable memory.
 *
 * It is not an allocator with a cache: that is `@netmem/page-pool`. It does not check who holds what: a checker keeps its own ledger.
 *
 * @example
 * ```ts
 * import { Machine } from '@netmem/machine';
 * import { NetmemTable } from '@netmem/netmem';
 *
 * const netmem = new NetmemTable(new Machine());
 * const page = netmem.allocPages(0, -1);
 * const ref = netmem.pageToNetmem(page);
 * console.log(netmem.isNetIov(ref), netmem.address(ref) === netmem.pageAddress(page), netmem.refCount(ref)); // false true 1
 * netmem.put(ref);
 * console.log(netmem.audit()); // []
 * ```
 *
 * @packageDocumentation
 */
export { NetIovArea } from './net-iov-area.ts';
export { NetmemColumns, type NetmemTableOptions } from './netmem-columns.ts';
export {
  NET_IOV,
  NET_IOV_DMABUF,
  NET_IOV_IOURING,
  NETMEM_PFMEMALLOC,
  NETMEM_PP,
  type NetIovOwner,
  type NetIovRef,
  type NetmemPool,
  type NetmemRef,
  NULL_NET_IOV,
  NULL_NETMEM,
  NULL_PAGE,
  type PageRef,
} from './netmem-ref.ts';
export { NetmemTable } from './netmem-table.ts';
