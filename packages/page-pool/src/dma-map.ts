import { DMA_ATTR_SKIP_CPU_SYNC, DMA_ATTR_WEAK_ORDERING, DMA_MAPPING_ERROR, PAGE_SIZE } from '@netmem/machine';
import type { NetmemRef } from '@netmem/netmem';
import { syncForDevice } from './dma-sync.ts';
import type { PagePool } from './page-pool.ts';

/** The pool syncs by itself, and only what is needed: mapping must not. The unmap call has to name the same. */
const MAP_ATTRS: number = DMA_ATTR_SKIP_CPU_SYNC | DMA_ATTR_WEAK_ORDERING;

/** Numbers of mapped pages before the table grows. */
const INITIAL_ENTRIES = 256;

/**
 * Which pages of one pool are mapped, by a small number that is kept with the page (its DMA index): so that all of them can be
 * unmapped when the pool is destroyed, those in skbs as well, without a set that every packet would have to touch.
 *
 *     entries    0: first free number    n: ref (> 0) while mapped, else minus the next free number
 *
 * @kernel page_pool.dma_mapped — include/net/page_pool/types.h, 7.3
 * @internal
 */
export class MappedPages {
  #entries: Int32Array = new Int32Array(0);
  #used = 1;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Registers a mapped page and returns its number, from 1. */
  add(ref: NetmemRef): number {
    let index = -(this.#entries[0] ?? 0);
    if (index > 0) {
      this.#entries[0] = this.#entries[index] as number;
    } else {
      index = this.#used++;
      if (index >= this.#entries.length) this.#grow();
    }
    this.#entries[index] = ref;
    this.#count++;
    return index;
  }

  remove(index: number): void {
    this.#entries[index] = this.#entries[0] as number;
    this.#entries[0] = -index;
    this.#count--;
  }

  /** Any one mapped page at or after number `from`, as its number; 0 for none. */
  next(from: number): number {
    for (let index = from; index < this.#used; index++) if ((this.#entries[index] as number) > 0) return index;
    return 0;
  }

  at(index: number): NetmemRef {
    return this.#entries[index] as NetmemRef;
  }

  #grow(): void {
    const grown = new Int32Array(Math.max(INITIAL_ENTRIES, this.#entries.length * 2));
    grown.set(this.#entries);
    this.#entries = grown;
  }
}

/**
 * Maps all of a page for the device, if the pool does that at all; false when the device cannot have it.
 *
 * @kernel page_pool_dma_map — net/core/page_pool.c, 7.3
 */
export function mapNetmem(pool: PagePool, ref: NetmemRef): boolean {
  const { dev, dmaDir, order, maxLen } = pool.params;
  if (!pool.dmaMap || dev === null) return true;
  const { netmem } = pool.host;
  const address = netmem.address(ref) as number;
  const iova = dev.mapPage(address, PAGE_SIZE << order, dmaDir, MAP_ATTRS);
  if (iova === DMA_MAPPING_ERROR) return false;
  if (netmem.setDmaAddr(ref, iova)) {
    dev.unmapPage(iova, PAGE_SIZE << order, dmaDir, MAP_ATTRS);
    return false;
  }
  netmem.setDmaIndex(ref, pool.mapped.add(ref));
  if (pool.dmaSync) syncForDevice(pool, ref, maxLen);
  return true;
}

/**
 * Undoes {@link mapNetmem}. Nothing to do for a page that the scrub of a destroyed pool has unmapped already.
 *
 * @kernel __page_pool_release_netmem_dma — net/core/page_pool.c, 7.3
 */
export function unmapNetmem(pool: PagePool, ref: NetmemRef): void {
  const { dev, dmaDir, order } = pool.params;
  if (!pool.dmaMap || dev === null) return;
  const { netmem } = pool.host;
  const index = netmem.getDmaIndex(ref);
  if (index === 0) return;
  pool.mapped.remove(index);
  netmem.setDmaIndex(ref, 0);
  dev.unmapPage(netmem.getDmaAddr(ref), PAGE_SIZE << order, dmaDir, MAP_ATTRS);
  netmem.setDmaAddr(ref, 0);
}

/** Unmaps every page that is still mapped, whoever has it. */
export function unmapAll(pool: PagePool): void {
  for (let index = pool.mapped.next(1); index !== 0; index = pool.mapped.next(index + 1)) {
    unmapNetmem(pool, pool.mapped.at(index));
  }
}
