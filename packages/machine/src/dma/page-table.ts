import { PAGE_OFFSET_MASK, PAGE_SHIFT, PAGE_SIZE } from '../memory/page.ts';
import { DMA_FROM_DEVICE, DMA_TO_DEVICE } from './dma-constants.ts';

/** The device may read. */
export const ACCESS_READ = 1;
/** The device may write. */
export const ACCESS_WRITE = 2;
const DOMAIN_SHIFT = 2;

/** What a mapping is: it decides which calls may touch it. */
export const MAPPING_NONE = 0;
export const MAPPING_PAGE = 1;
export const MAPPING_COHERENT = 2;
export const MAPPING_PEER = 3;
/** Names of the kinds, for messages. */
export const MAPPING_NAMES: readonly string[] = ['no', 'streaming', 'coherent', 'peer'];

/** Access bits that a DMA direction grants. */
export function accessOf(direction: number): number {
  if (direction === DMA_TO_DEVICE) return ACCESS_READ;
  return direction === DMA_FROM_DEVICE ? ACCESS_WRITE : ACCESS_READ | ACCESS_WRITE;
}

/** What {@link PageTable.entry} holds for a page that a device may access. */
export function entryOf(domain: number, access: number): number {
  return (domain << DOMAIN_SHIFT) | access;
}

/** The device that an entry belongs to, 0 for none. */
export function domainOf(entry: number): number {
  return entry >>> DOMAIN_SHIFT;
}

/**
 * The IOMMU's page table and the record of what was mapped, as columns indexed by IO virtual page.
 *
 * Protection is by byte, not by page: the part of the first and the last page that was not mapped faults. Linux gives that to
 * devices it does not trust, by bouncing partial pages, and it catches a device that writes past its buffer.
 */
export class PageTable {
  /** IO virtual pages; valid ones are below. */
  readonly pages: number;
  /** `domain << 2 | access`, 0 when nothing is mapped. */
  readonly entry: Int32Array;
  /** Which byte space the page leads to. */
  readonly space: Uint16Array;
  /** Offset of the page's byte 0 in that space. */
  readonly target: Uint32Array;
  /** First mapped byte within the page. */
  readonly low: Uint16Array;
  /** One past the last mapped byte within the page. */
  readonly high: Uint16Array;
  /** First page of the mapping that this page belongs to, 0 for none. */
  readonly head: Int32Array;
  /** The dirty bit: 1 since the device wrote to the page, until `DmaDevice.syncWrittenForCpu` showed all of it to the CPU. */
  readonly written: Uint8Array;
  /** At a mapping's first page: its length in bytes. */
  readonly lengthBytes: Int32Array;
  /** At a mapping's first page: its DMA direction. */
  readonly direction: Uint8Array;
  /** At a mapping's first page: one of the MAPPING_ constants. */
  readonly kind: Uint8Array;

  constructor(pages: number) {
    this.pages = pages;
    this.entry = new Int32Array(pages);
    this.space = new Uint16Array(pages);
    this.target = new Uint32Array(pages);
    this.low = new Uint16Array(pages);
    this.high = new Uint16Array(pages);
    this.head = new Int32Array(pages);
    this.written = new Uint8Array(pages);
    this.lengthBytes = new Int32Array(pages);
    this.direction = new Uint8Array(pages);
    this.kind = new Uint8Array(pages);
  }

  /**
   * Enters a mapping of `lengthBytes` that starts `offset` bytes into IO virtual page `page`. The first page's byte 0 leads to
   * byte `target` of the byte space. Eight numbers instead of an object: drivers map per packet.
   */
  insert(
    domain: number,
    kind: number,
    direction: number,
    page: number,
    offset: number,
    lengthBytes: number,
    space: number,
    target: number,
  ): void {
    const entry = entryOf(domain, accessOf(direction));
    const end = offset + lengthBytes;
    for (let i = 0; i * PAGE_SIZE < end; i++) {
      this.entry[page + i] = entry;
      this.space[page + i] = space;
      this.target[page + i] = target + i * PAGE_SIZE;
      this.low[page + i] = i === 0 ? offset : 0;
      this.high[page + i] = Math.min(PAGE_SIZE, end - i * PAGE_SIZE);
      this.head[page + i] = page;
      this.written[page + i] = 0;
    }
    this.lengthBytes[page] = lengthBytes;
    this.direction[page] = direction;
    this.kind[page] = kind;
  }

  /** Removes the mapping whose first page is `page`; returns how many pages it had. */
  remove(page: number): number {
    const pages = this.pagesOf(page);
    for (let i = 0; i < pages; i++) {
      this.entry[page + i] = 0;
      this.head[page + i] = 0;
    }
    this.kind[page] = MAPPING_NONE;
    return pages;
  }

  /** How many IO virtual pages the mapping whose first page is `page` covers. */
  pagesOf(page: number): number {
    return pagesSpanned((this.low[page] as number) + (this.lengthBytes[page] as number));
  }

  /** First IO virtual address of the mapping whose first page is `page`. */
  startOf(page: number): number {
    return page * PAGE_SIZE + (this.low[page] as number);
  }

  /** Offset in its byte space of the first byte of the mapping whose first page is `page`. */
  firstByteOf(page: number): number {
    return (this.target[page] as number) + (this.low[page] as number);
  }

  /** First page of the mapping that covers an address, 0 for none. Any number is allowed. */
  headOf(iova: number): number {
    return iova >= 0 && iova < this.pages * PAGE_SIZE ? (this.head[iova >>> PAGE_SHIFT] as number) : 0;
  }
}

/** Pages that `bytes` take, counted from a page's first byte. */
export function pagesSpanned(bytes: number): number {
  return (bytes + PAGE_OFFSET_MASK) >>> PAGE_SHIFT;
}
