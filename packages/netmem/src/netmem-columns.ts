import { KernelBug, type Machine, type MachineLog, type Ram } from '@netmem/machine';
import {
  NET_IOV,
  NETMEM_PFMEMALLOC,
  NETMEM_PP,
  type NetIovRef,
  type NetmemRef,
  NULL_NET_IOV,
  NULL_PAGE,
  type PageRef,
} from './netmem-ref.ts';
import { PageStore } from './page-store.ts';

/** Where Linux would crash or corrupt memory, development builds throw a KernelBug; production builds do not look. */
const CHECKED: boolean = (globalThis as { __NETMEM_PRODUCTION__?: boolean }).__NETMEM_PRODUCTION__ !== true;

const DEFAULT_MAX_NET_IOVS: number = 1 << 20;

/** How much a table can hold. */
export interface NetmemTableOptions {
  /** Net_iovs in all areas together, fixed for the life of the table. Default 1,048,576; untouched ones cost nothing. */
  maxNetIovs?: number;
}

/**
 * The columns of a table, and the questions that can be asked of a reference without knowing pools or areas: what it is, and
 * what it converts to. The rest is `NetmemTable`.
 */
export class NetmemColumns {
  /** Registry index of the pool that owns it, 0 for none. */
  readonly poolOf: Int32Array;
  /** DMA address as stored, 0 for none. @kernel netmem_get_dma_addr — include/net/netmem.h, 7.3 */
  readonly dmaAddr: Float64Array;
  /**
   * Pool references on this allocation; 1 while it is free within its pool.
   *
   * @kernel netmem_get_pp_ref_count_ref — include/net/netmem.h, 7.3
   */
  readonly ppRefCount: Int32Array;
  /** NETMEM_PP, NETMEM_PFMEMALLOC. */
  readonly flags: Uint8Array;
  /** Index of a net_iov's area, 0 for pages and net_iovs without one. */
  readonly areaOf: Int32Array;
  /** A page's `_refcount`. */
  readonly pageRefCount: Int32Array;
  /** At a compound page's head: log2 of its pages. */
  readonly pageOrder: Uint8Array;
  /** Slots below are pages, or 0. */
  readonly firstNetIovSlot: number;
  /** Rows in all. */
  readonly slots: number;
  /** @internal */
  protected readonly ram: Ram;
  /** @internal */
  protected readonly log: MachineLog;
  /** @internal */
  protected readonly pages: PageStore;

  constructor(machine: Machine, options: NetmemTableOptions = {}) {
    const { ram } = machine;
    this.ram = ram;
    this.log = machine.log;
    this.firstNetIovSlot = ram.pages + 1;
    this.slots = this.firstNetIovSlot + (options.maxNetIovs ?? DEFAULT_MAX_NET_IOVS);
    this.poolOf = new Int32Array(this.slots);
    this.dmaAddr = new Float64Array(this.slots);
    this.ppRefCount = new Int32Array(this.slots);
    this.flags = new Uint8Array(this.slots);
    this.areaOf = new Int32Array(this.slots);
    this.pages = new PageStore(ram, (slot) => this.pageLeaves(slot));
    this.pageRefCount = this.pages.refCount;
    this.pageOrder = this.pages.order;
  }

  /** @kernel netmem_is_net_iov — include/net/netmem.h, 7.3 */
  isNetIov(ref: NetmemRef): boolean {
    return (ref & NET_IOV) !== 0;
  }

  /**
   * Whether it belongs to a page_pool.
   *
   * @kernel netmem_is_pp — net/core/netmem_priv.h, 7.3
   */
  isPp(ref: NetmemRef): boolean {
    if (CHECKED) this.check(ref, 'netmem_is_pp');
    return ((this.flags[ref >>> 1] as number) & NETMEM_PP) !== 0;
  }

  /** Always false for a net_iov. @kernel netmem_is_pfmemalloc — include/net/netmem.h, 7.3 */
  isPfmemalloc(ref: NetmemRef): boolean {
    if (CHECKED) this.check(ref, 'netmem_is_pfmemalloc');
    return ((this.flags[ref >>> 1] as number) & NETMEM_PFMEMALLOC) !== 0;
  }

  /** Marks a page as one from the emergency reserves: a fault plan's way to make page_pool refuse to recycle it. */
  setPfmemalloc(ref: NetmemRef, on: boolean): void {
    if (CHECKED) this.checkPage(ref, 'setPfmemalloc');
    const slot = ref >>> 1;
    const rest = (this.flags[slot] as number) & ~NETMEM_PFMEMALLOC;
    this.flags[slot] = on ? rest | NETMEM_PFMEMALLOC : rest;
  }

  /** Whether it lies on that NUMA node; always true for a net_iov. @kernel netmem_is_pref_nid — include/net/netmem.h, 7.3 */
  isPrefNid(ref: NetmemRef, nid: number): boolean {
    if (CHECKED) this.check(ref, 'netmem_is_pref_nid');
    return (ref & NET_IOV) !== 0 || this.ram.nodeOf((ref >>> 1) - 1) === nid;
  }

  /** The head of a compound page; a net_iov is its own. @kernel netmem_compound_head — include/net/netmem.h, 7.3 */
  compoundHead(ref: NetmemRef): NetmemRef {
    if (CHECKED) this.check(ref, 'netmem_compound_head');
    return (ref & NET_IOV) !== 0 ? ref : ((this.pages.headSlot(ref >>> 1) << 1) as NetmemRef);
  }

  /** Page frame number for traces, 0 for a net_iov. @kernel netmem_pfn_trace — include/net/netmem.h, 7.3 */
  pfnTrace(ref: NetmemRef): number {
    if (CHECKED) this.check(ref, 'netmem_pfn_trace');
    return (ref & NET_IOV) !== 0 ? 0 : (ref >>> 1) - 1;
  }

  /**
   * The page's `_refcount`; always 1 for a net_iov, so that a driver cannot learn from it whether anybody uses one.
   *
   * @kernel netmem_ref_count — include/net/netmem.h, 7.3
   */
  refCount(ref: NetmemRef): number {
    if (CHECKED) this.check(ref, 'netmem_ref_count');
    return (ref & NET_IOV) !== 0 ? 1 : (this.pageRefCount[this.pages.headSlot(ref >>> 1)] as number);
  }

  /** The page; NULL for a net_iov, with a one-time WARN, and for 0. @kernel netmem_to_page — include/net/netmem.h, 7.3 */
  toPage(ref: NetmemRef): PageRef {
    if ((ref & NET_IOV) !== 0) {
      this.log.warnOnce('netmem_to_page', 'netmem_to_page: a net_iov is no page');
      return NULL_PAGE;
    }
    return (ref >>> 1) as PageRef;
  }

  /** The page, unchecked: for memory known to be pages (header pools). @kernel __netmem_to_page — include/net/netmem.h, 7.3 */
  toPageUnchecked(ref: NetmemRef): PageRef {
    if (CHECKED && (ref & NET_IOV) !== 0) throw new KernelBug('netmem downcast', '__netmem_to_page of a net_iov', ref);
    return (ref >>> 1) as PageRef;
  }

  /** The net_iov; NULL with a one-time WARN for a page and for 0. @kernel netmem_to_net_iov — include/net/netmem.h, 7.3 */
  toNetIov(ref: NetmemRef): NetIovRef {
    if ((ref & NET_IOV) !== 0) return (ref >>> 1) as NetIovRef;
    this.log.warnOnce('netmem_to_net_iov', 'netmem_to_net_iov: a page is no net_iov');
    return NULL_NET_IOV;
  }

  /** NULL gives 0. @kernel page_to_netmem — include/net/netmem.h, 7.3 */
  pageToNetmem(page: PageRef): NetmemRef {
    return (page << 1) as number as NetmemRef;
  }

  /** @kernel net_iov_to_netmem — include/net/netmem.h, 7.3 */
  netIovToNetmem(niov: NetIovRef): NetmemRef {
    if (CHECKED && niov === 0) throw new KernelBug('NULL net_iov', 'net_iov_to_netmem');
    return ((niov << 1) | NET_IOV) as NetmemRef;
  }

  /** The page that a linear address lies in. @throws KernelBug when it is not RAM. @kernel virt_to_netmem — include/net/netmem.h, 7.3 */
  addressToNetmem(linear: number): NetmemRef {
    return ((this.ram.frameOf(linear) + 1) << 1) as NetmemRef;
  }

  /**
   * Linear address of the page's first byte; null for a net_iov, which no CPU may look at through this.
   *
   * @kernel netmem_address — include/net/netmem.h, 7.3
   */
  address(ref: NetmemRef): number | null {
    if (CHECKED) this.check(ref, 'netmem_address');
    return (ref & NET_IOV) !== 0 ? null : this.ram.address((ref >>> 1) - 1);
  }

  /** As {@link NetmemTable.address} for memory known to be pages. @kernel __netmem_address — include/net/netmem.h, 7.3 */
  addressUnchecked(ref: NetmemRef): number {
    if (CHECKED) this.checkPage(ref, '__netmem_address');
    return this.ram.address((ref >>> 1) - 1);
  }

  /** Called for a page that goes back to RAM. @internal */
  protected pageLeaves(slot: number): void {
    this.flags[slot] = 0;
    this.poolOf[slot] = 0;
    this.dmaAddr[slot] = 0;
    this.ppRefCount[slot] = 0;
  }

  /** @internal */
  protected check(ref: number, helper: string): void {
    const slot = ref >>> 1;
    if (slot > 0 && slot < this.slots && (ref & NET_IOV) === (slot < this.firstNetIovSlot ? 0 : NET_IOV)) return;
    throw new KernelBug(ref === 0 ? 'no memory' : 'not a netmem_ref', `${helper}(${ref})`, ref);
  }

  /** @internal */
  protected checkPage(ref: number, helper: string): void {
    this.check(ref, helper);
    if ((ref & NET_IOV) !== 0) throw new KernelBug('netmem downcast', `${helper} of a net_iov`, ref);
  }
}
