import type { Region } from '@netmem/region';
import { moveBytes } from '@netmem/region';
import { EFAULT } from '@netmem/uapi';
import { PAGE_OFFSET_MASK, PAGE_SHIFT, PAGE_SIZE } from '../memory/page.ts';
import type { DmaDevice } from './dma-device.ts';
import type { Iommu } from './iommu.ts';
import { ACCESS_READ, ACCESS_WRITE, domainOf, entryOf, type PageTable } from './page-table.ts';

/**
 * How a device reaches memory. Every access goes through live mappings; anything else moves nothing, is counted and logged as an
 * IOMMU fault, and returns `-EFAULT`. Addresses and values may be anything: a device is not trusted.
 */
export interface DeviceDma {
  /** Reads `length` bytes at `iova` into `to`, from its byte `at`. Returns `length`, or -EFAULT and then `to` is untouched. */
  read(iova: number, to: Region, at: number, length: number): number;
  /** Writes `length` bytes of `from`, from its byte `at`, to `iova`. Returns `length`, or -EFAULT and then nothing was written. */
  write(iova: number, from: Region, at: number, length: number): number;
  /** The little-endian word at `iova` as an integer in [0, 2^32), or -EFAULT. */
  load32(iova: number): number;
  /** Writes a little-endian word; 0 or -EFAULT. */
  store32(iova: number, value: number): number;
  /** As `store32`, visible only after everything written before it: for the word with the generation bit. */
  publish32(iova: number, value: number): number;
  /** Changes whenever one of the device's mappings is made or removed. */
  readonly epoch: number;
}

const FAULT_UNMAPPED = 0;
const FAULT_FOREIGN = 1;
const FAULT_DIRECTION = 2;
const FAULT_BYTES = 3;
const FAULT_SPLIT_WORD = 4;

const WORD_BYTES = 4;

const NOT_READ = ~ACCESS_READ;
const NOT_WRITE = ~ACCESS_WRITE;

/** The window of one device onto memory. */
export class DeviceDmaWindow implements DeviceDma {
  readonly #device: DmaDevice;
  readonly #iommu: Iommu;
  readonly #table: PageTable;
  readonly #entry: Int32Array;
  readonly #written: Uint8Array;
  readonly #spaces: Region[];
  readonly #limit: number;
  readonly #readKey: number;
  readonly #writeKey: number;

  constructor(device: DmaDevice, iommu: Iommu) {
    this.#device = device;
    this.#iommu = iommu;
    this.#table = iommu.table;
    this.#entry = iommu.table.entry;
    this.#written = iommu.table.written;
    this.#spaces = iommu.spaces;
    this.#limit = iommu.table.pages * PAGE_SIZE;
    this.#readKey = entryOf(device.domain, ACCESS_READ);
    this.#writeKey = entryOf(device.domain, ACCESS_WRITE);
  }

  get epoch(): number {
    return this.#device.epoch;
  }

  read(iova: number, to: Region, at: number, length: number): number {
    if (length <= 0) return 0;
    if (!this.#isWithinPage(iova, length, NOT_WRITE, this.#readKey)) return this.#readPages(iova, to, at, length);
    const page = iova >>> PAGE_SHIFT;
    const space = this.#spaces[this.#table.space[page] as number] as Region;
    moveBytes(space, (this.#table.target[page] as number) + (iova & PAGE_OFFSET_MASK), to, at, length);
    return length;
  }

  write(iova: number, from: Region, at: number, length: number): number {
    if (length <= 0) return 0;
    if (!this.#isWithinPage(iova, length, NOT_READ, this.#writeKey)) return this.#writePages(iova, from, at, length);
    const page = iova >>> PAGE_SHIFT;
    const space = this.#spaces[this.#table.space[page] as number] as Region;
    moveBytes(from, at, space, (this.#table.target[page] as number) + (iova & PAGE_OFFSET_MASK), length);
    this.#written[page] = 1;
    return length;
  }

  load32(iova: number): number {
    if (!this.#isWithinPage(iova, WORD_BYTES, NOT_WRITE, this.#readKey)) return this.#refuseWord(iova, ACCESS_READ);
    const page = iova >>> PAGE_SHIFT;
    const space = this.#spaces[this.#table.space[page] as number] as Region;
    return space.view.getUint32(space.base + (this.#table.target[page] as number) + (iova & PAGE_OFFSET_MASK), true);
  }

  store32(iova: number, value: number): number {
    if (!this.#isWithinPage(iova, WORD_BYTES, NOT_READ, this.#writeKey)) return this.#refuseWord(iova, ACCESS_WRITE);
    const page = iova >>> PAGE_SHIFT;
    const space = this.#spaces[this.#table.space[page] as number] as Region;
    space.view.setUint32(space.base + (this.#table.target[page] as number) + (iova & PAGE_OFFSET_MASK), value, true);
    this.#written[page] = 1;
    return 0;
  }

  publish32(iova: number, value: number): number {
    // One thread moves everything, so that program order is the order in which the other side sees it.
    return this.store32(iova, value);
  }

  /** The common case: all bytes lie in one page that is mapped for this device and direction. */
  #isWithinPage(iova: number, length: number, others: number, key: number): boolean {
    // Also refuses NaN and what 32-bit arithmetic below would wrap.
    if (!(iova >= 0 && iova < this.#limit)) return false;
    const page = iova >>> PAGE_SHIFT;
    const offset = iova & PAGE_OFFSET_MASK;
    return (
      ((this.#entry[page] as number) & others) === key &&
      offset >= (this.#table.low[page] as number) &&
      offset + length <= (this.#table.high[page] as number)
    );
  }

  #readPages(iova: number, to: Region, at: number, length: number): number {
    if (!this.#isAllowed(iova, length, ACCESS_READ)) return -EFAULT;
    for (let moved = 0; moved < length; ) {
      const page = (iova + moved) >>> PAGE_SHIFT;
      const offset = (iova + moved) & PAGE_OFFSET_MASK;
      const part = Math.min(PAGE_SIZE - offset, length - moved);
      const space = this.#spaces[this.#table.space[page] as number] as Region;
      moveBytes(space, (this.#table.target[page] as number) + offset, to, at + moved, part);
      moved += part;
    }
    return length;
  }

  #writePages(iova: number, from: Region, at: number, length: number): number {
    if (!this.#isAllowed(iova, length, ACCESS_WRITE)) return -EFAULT;
    for (let moved = 0; moved < length; ) {
      const page = (iova + moved) >>> PAGE_SHIFT;
      const offset = (iova + moved) & PAGE_OFFSET_MASK;
      const part = Math.min(PAGE_SIZE - offset, length - moved);
      const space = this.#spaces[this.#table.space[page] as number] as Region;
      moveBytes(from, at + moved, space, (this.#table.target[page] as number) + offset, part);
      this.#written[page] = 1;
      moved += part;
    }
    return length;
  }

  #refuseWord(iova: number, access: number): number {
    if (!this.#isAllowed(iova, WORD_BYTES, access)) return -EFAULT;
    this.#fault(access, iova, WORD_BYTES, FAULT_SPLIT_WORD);
    return -EFAULT;
  }

  /** Whether every byte is mapped for this device and direction. Nothing moves before this is known for the whole range. */
  #isAllowed(iova: number, length: number, access: number): boolean {
    // Also refuses NaN and what 32-bit arithmetic below would wrap.
    if (!(iova >= 0 && iova + length <= this.#limit)) return this.#fault(access, iova, length, FAULT_UNMAPPED);
    const others = access === ACCESS_WRITE ? NOT_READ : NOT_WRITE;
    const key = access === ACCESS_WRITE ? this.#writeKey : this.#readKey;
    const end = iova + length;
    for (let at = iova; at < end; ) {
      const page = at >>> PAGE_SHIFT;
      const offset = at & PAGE_OFFSET_MASK;
      const partEnd = Math.min(PAGE_SIZE, offset + (end - at));
      if (((this.#entry[page] as number) & others) !== key) return this.#refuse(access, iova, length, page);
      if (offset < (this.#table.low[page] as number) || partEnd > (this.#table.high[page] as number)) {
        return this.#fault(access, iova, length, FAULT_BYTES);
      }
      at += partEnd - offset;
    }
    return true;
  }

  #refuse(access: number, iova: number, length: number, page: number): false {
    const domain = domainOf(this.#entry[page] as number);
    if (domain === 0) return this.#fault(access, iova, length, FAULT_UNMAPPED);
    return this.#fault(access, iova, length, domain === this.#device.domain ? FAULT_DIRECTION : FAULT_FOREIGN);
  }

  #fault(access: number, iova: number, length: number, reason: number): false {
    this.#device.faults++;
    this.#iommu.recordFault(this.#device, access, iova, length, reason);
    return false;
  }
}
