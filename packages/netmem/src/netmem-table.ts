import { assertSingleCopy, type DmaDevice, KernelBug, type Machine, PAGE_SIZE } from '@netmem/machine';
import type { NegativeErrno } from '@netmem/uapi';
import { AreaStore } from './area-store.ts';
import type { NetIovArea } from './net-iov-area.ts';
import { NetmemColumns, type NetmemTableOptions } from './netmem-columns.ts';
import {
  NET_IOV,
  NET_IOV_DMABUF,
  NETMEM_PP,
  type NetIovOwner,
  type NetIovRef,
  type NetmemPool,
  type NetmemRef,
  type PageRef,
} from './netmem-ref.ts';
import { PoolRegistry } from './pool-registry.ts';
import { NETMEM_VERSION } from './version.ts';

// Here and not in the index: bundlers drop what a side-effect-free index does besides exporting.
assertSingleCopy('@netmem/netmem', NETMEM_VERSION, (import.meta as { url?: string }).url);

/** Where Linux would crash or corrupt memory, development builds throw a KernelBug; production builds do not look. */
const CHECKED: boolean = (globalThis as { __NETMEM_PRODUCTION__?: boolean }).__NETMEM_PRODUCTION__ !== true;

/**
 * All pages and net_iovs of a machine, and what page_pool keeps about each: one row per slot, one typed array per field.
 *
 *     slot      0        1 … pages          pages + 1 …
 *             (none)   pages, frame + 1     net_iovs, contiguous per area
 *     ref       0       slot << 1            slot << 1 | 1
 *
 * Pool code works on `ref >>> 1` and never asks which of the two it has, as `netmem_desc` overlays both.
 */
export class NetmemTable extends NetmemColumns {
  readonly #areas: AreaStore;
  readonly #pools: PoolRegistry = new PoolRegistry();
  readonly #dmaIndex: Int32Array;

  constructor(machine: Machine, options: NetmemTableOptions = {}) {
    super(machine, options);
    this.#dmaIndex = new Int32Array(this.firstNetIovSlot);
    this.#areas = new AreaStore(this, this.firstNetIovSlot, this.slots - this.firstNetIovSlot);
  }

  // --- what page_pool keeps ---

  /** The pool that owns it, or null. @kernel netmem_get_pp — include/net/netmem.h, 7.3 */
  pool(ref: NetmemRef): NetmemPool | null {
    if (CHECKED) this.check(ref, 'netmem_get_pp');
    return this.#pools.at(this.poolOf[ref >>> 1] as number);
  }

  /** Gives a pool the number that `poolOf` holds. */
  registerPool(pool: NetmemPool): number {
    return this.#pools.register(pool);
  }

  /** @throws KernelBug when no pool has that number. */
  unregisterPool(index: number): void {
    this.#pools.unregister(index);
  }

  poolAt(index: number): NetmemPool | null {
    return this.#pools.at(index);
  }

  /** Makes the memory the pool's, with one reference. @kernel page_pool_set_pp_info — net/core/page_pool.c, 7.3 */
  setPpInfo(ref: NetmemRef, poolIndex: number): void {
    if (CHECKED) this.check(ref, 'page_pool_set_pp_info');
    const slot = ref >>> 1;
    this.flags[slot] = (this.flags[slot] as number) | NETMEM_PP;
    this.poolOf[slot] = poolIndex;
    this.ppRefCount[slot] = 1;
  }

  /** @kernel page_pool_clear_pp_info — net/core/page_pool.c, 7.3 */
  clearPpInfo(ref: NetmemRef): void {
    if (CHECKED) this.check(ref, 'page_pool_clear_pp_info');
    const slot = ref >>> 1;
    this.flags[slot] = (this.flags[slot] as number) & ~NETMEM_PP;
    this.poolOf[slot] = 0;
  }

  /** @kernel page_pool_get_dma_addr_netmem — include/net/page_pool/helpers.h, 7.3 */
  getDmaAddr(ref: NetmemRef): number {
    if (CHECKED) this.check(ref, 'page_pool_get_dma_addr_netmem');
    return this.dmaAddr[ref >>> 1] as number;
  }

  /** Stores the DMA address; true when it does not fit, which never happens here. @kernel page_pool_set_dma_addr_netmem — net/core/page_pool_priv.h, 7.3 */
  setDmaAddr(ref: NetmemRef, addr: number): boolean {
    if (CHECKED) this.check(ref, 'page_pool_set_dma_addr_netmem');
    this.dmaAddr[ref >>> 1] = addr;
    return false;
  }

  /** A page's number in its pool's table of mapped pages; 0 with a one-time WARN for a net_iov. @kernel netmem_get_dma_index — net/core/netmem_priv.h, 7.3 */
  getDmaIndex(ref: NetmemRef): number {
    if (CHECKED) this.check(ref, 'netmem_get_dma_index');
    if ((ref & NET_IOV) === 0) return this.#dmaIndex[ref >>> 1] as number;
    this.log.warnOnce('netmem_get_dma_index', 'netmem_get_dma_index: a net_iov has none');
    return 0;
  }

  /** Ignored with a one-time WARN for a net_iov. @kernel netmem_set_dma_index — net/core/netmem_priv.h, 7.3 */
  setDmaIndex(ref: NetmemRef, index: number): void {
    if (CHECKED) this.check(ref, 'netmem_set_dma_index');
    if ((ref & NET_IOV) === 0) this.#dmaIndex[ref >>> 1] = index;
    else this.log.warnOnce('netmem_set_dma_index', 'netmem_set_dma_index: a net_iov has none');
  }

  // --- references ---

  /**
   * Takes a reference: on a page's `_refcount`; for a dma-buf's net_iov on the *binding*, not on the net_iov; nothing for io_uring's.
   *
   * @kernel get_netmem — net/core/skbuff.c, 7.3
   */
  get(ref: NetmemRef): void {
    if (CHECKED) this.check(ref, 'get_netmem');
    if ((ref & NET_IOV) === 0) this.pages.get(ref >>> 1);
    else if (this.#areaAt(ref >>> 1).type === NET_IOV_DMABUF) this.#areaAt(ref >>> 1).owner.get();
  }

  /** Undoes {@link NetmemTable.get}. @kernel put_netmem — net/core/skbuff.c, 7.3 */
  put(ref: NetmemRef): void {
    if (CHECKED) this.check(ref, 'put_netmem');
    if ((ref & NET_IOV) === 0) this.pages.put(ref >>> 1);
    else if (this.#areaAt(ref >>> 1).type === NET_IOV_DMABUF) this.#areaAt(ref >>> 1).owner.put();
  }

  /** Divides fresh memory among `n` users. @throws KernelBug unless it has exactly one. @kernel page_pool_fragment_netmem — include/net/page_pool/helpers.h, 7.3 */
  fragmentNetmem(ref: NetmemRef, n: number): void {
    const slot = ref >>> 1;
    if (CHECKED) {
      this.check(ref, 'page_pool_fragment_netmem');
      const count = this.ppRefCount[slot];
      if (count !== 1 || n < 1) throw new KernelBug('fragmenting used memory', `pp_ref_count ${count}, into ${n}`, ref);
    }
    this.ppRefCount[slot] = n;
  }

  /** @kernel page_pool_ref_netmem — include/net/page_pool/helpers.h, 7.3 */
  refNetmem(ref: NetmemRef): void {
    if (CHECKED) this.check(ref, 'page_pool_ref_netmem');
    const slot = ref >>> 1;
    this.ppRefCount[slot] = (this.ppRefCount[slot] as number) + 1;
  }

  /**
   * Drops `n` pool references and returns how many are left. The last user leaves the count at 1, which is why a second put of
   * free memory goes unnoticed. Below zero: WARN.
   *
   * @kernel page_pool_unref_netmem — include/net/page_pool/helpers.h, 7.3
   */
  unrefNetmem(ref: NetmemRef, n: number): number {
    if (CHECKED) this.check(ref, 'page_pool_unref_netmem');
    const slot = ref >>> 1;
    const left = (this.ppRefCount[slot] as number) - n;
    if (left < 0) this.log.warn(`page_pool_unref_netmem: pp_ref_count of netmem ${ref} is ${left}`);
    this.ppRefCount[slot] = left === 0 ? 1 : left;
    return left;
  }

  // --- transmit ---

  /**
   * Remembers a DMA address to unmap later: `column[at] = addr`, but 0 for a net_iov, whose mapping is not the driver's.
   *
   * @kernel netmem_dma_unmap_addr_set — include/net/netmem.h, 7.3
   */
  dmaUnmapAddrSet(ref: NetmemRef, column: { [at: number]: number }, at: number, addr: number): void {
    if (CHECKED) this.check(ref, 'netmem_dma_unmap_addr_set');
    column[at] = (ref & NET_IOV) !== 0 ? 0 : addr;
  }

  /** Unmaps, unless the address is 0. @kernel netmem_dma_unmap_page_attrs — include/net/netmem.h, 7.3 */
  dmaUnmapPageAttrs(dev: DmaDevice, addr: number, lengthBytes: number, direction: number, attrs: number = 0): void {
    if (addr !== 0) dev.unmapPage(addr, lengthBytes, direction, attrs);
  }

  // --- pages ---

  /** 2^order pages with one reference; 0 when RAM is short. `nid` -1 is any node. @kernel alloc_pages_node — include/linux/gfp.h, 7.3 */
  allocPages(order: number, nid: number): PageRef {
    return this.pages.alloc(order, nid);
  }

  /** @throws KernelBug when the page is free. @kernel get_page — include/linux/mm.h, 7.3 */
  getPage(page: PageRef): void {
    this.pages.get(page);
  }

  /** Drops a reference; the last one frees the pages. @throws KernelBug when the page is free. @kernel put_page — include/linux/mm.h, 7.3 */
  putPage(page: PageRef): void {
    this.pages.put(page);
  }

  /** Linear address of a page's first byte. @kernel page_address — include/linux/mm.h, 7.3 */
  pageAddress(page: PageRef): number {
    if (CHECKED && page === 0) throw new KernelBug('NULL page', 'page_address');
    return this.ram.address(page - 1);
  }

  /** @kernel page_to_nid — include/linux/mm.h, 7.3 */
  pageToNid(page: PageRef): number {
    return this.ram.nodeOf(page - 1);
  }

  // --- areas ---

  /**
   * Makes an area of `numNiovs` net_iovs, none of which belongs to a pool.
   *
   * @param baseVirtual - Offset in the dma-buf of the area's first byte.
   * @returns The area; -ENOMEM when no run of that many is free, -EINVAL for fewer than one.
   */
  createArea(numNiovs: number, type: number, owner: NetIovOwner, baseVirtual: number): NetIovArea | NegativeErrno {
    return this.#areas.create(numNiovs, type, owner, baseVirtual);
  }

  /** @throws KernelBug while a net_iov of it belongs to a pool, and for an area destroyed before. */
  destroyArea(area: NetIovArea): void {
    this.#areas.destroy(area);
  }

  /** The area of a net_iov. @kernel net_iov_owner — include/net/netmem.h, 7.3 */
  area(niov: NetIovRef): NetIovArea {
    return this.#areaAt(niov);
  }

  /** @kernel net_is_devmem_iov — net/core/devmem.h, 7.3 */
  isDevmemIov(niov: NetIovRef): boolean {
    return this.#areaAt(niov).type === NET_IOV_DMABUF;
  }

  /** Position in its area. @kernel net_iov_idx — include/net/netmem.h, 7.3 */
  netIovIndex(niov: NetIovRef): number {
    return niov - this.#areaAt(niov).firstSlot;
  }

  /** Offset in the dma-buf of its first byte. @kernel net_iov_virtual_addr — net/core/devmem.h, 7.3 */
  netIovOffset(niov: NetIovRef): number {
    const area = this.#areaAt(niov);
    return area.baseVirtual + (niov - area.firstSlot) * PAGE_SIZE;
  }

  /** What a table that is done with should not hold any more, one sentence each. Empty: clean. */
  audit(): string[] {
    const found = this.#areas.live.map(
      (area) => `An area of ${area.numNiovs} net_iovs of binding ${area.owner.id} is alive.`,
    );
    if (this.#pools.count > 0) found.push(`${this.#pools.count} pools are registered.`);
    const pages = this.pageRefCount.reduce((count, refs) => count + (refs > 0 ? 1 : 0), 0);
    if (pages > 0) found.push(`${pages} allocations of pages are referenced.`);
    return found;
  }

  #areaAt(slot: number): NetIovArea {
    const area = this.#areas.byIndex[this.areaOf[slot] as number];
    if (area) return area;
    throw new KernelBug('net_iov without area', `slot ${slot} belongs to no area`, (slot << 1) | NET_IOV);
  }

  /** A page that goes back to RAM must have left its pool first; Linux reports a bad page. */
  protected override pageLeaves(slot: number): void {
    if (((this.flags[slot] as number) & NETMEM_PP) !== 0) {
      const pool = this.#pools.at(this.poolOf[slot] as number);
      this.log.warn(`Bad page state: page_pool leak, page ${slot - 1} of pool ${pool?.id}`, 'mm');
    }
    super.pageLeaves(slot);
    this.#dmaIndex[slot] = 0;
  }
}
