import { type DmaDevice, type Machine, PAGE_SHIFT, PAGE_SIZE } from '@netmem/machine';
import type { Region } from '@netmem/region';
import { EFAULT, EINVAL, ENOMEM, type ErrPtr, KernelError } from '@netmem/uapi';
import { DmaBuf, type DmaBufAttachment } from './dma-buf.ts';
import type { DmaBufEntry, DmaBufExporter, DmaBufMapping } from './exporter.ts';
import { cutRuns, type MemoryRun, mapRuns } from './scatter.ts';

/** udmabuf's size_limit_mb: a larger buffer is EINVAL. */
export const UDMABUF_SIZE_LIMIT_BYTES: number = 64 * 1024 * 1024;

/** Model choice: the largest block that a memfd's pages are taken in (4 MiB, the largest that a page allocator has). */
const LARGEST_ORDER = 10;

/** Options of {@link createUdmabuf}. */
export interface UdmabufOptions {
  /**
   * No scatter entry is longer than this, in bytes, a multiple of PAGE_SIZE. Default: as long as the pages happen to be contiguous.
   * PAGE_SIZE models a memfd on a long-running host.
   */
  readonly entryBytes?: number;
  /** A larger buffer is refused, in bytes. Default {@link UDMABUF_SIZE_LIMIT_BYTES}. */
  readonly limitBytes?: number;
  /** NUMA node of the pages; -1, the default, takes any. */
  readonly nid?: number;
}

/**
 * Makes a dma-buf of ordinary RAM pages, zeroed, as /dev/udmabuf does with a memfd. The caller holds the only reference.
 *
 * The CPU can look at it through {@link DmaBuf.mmap}, and must bracket each look with begin and end.
 *
 * @param sizeBytes - A positive multiple of PAGE_SIZE.
 * @throws KernelError `EINVAL`: size 0, not a multiple of PAGE_SIZE, or over the limit; `ENOMEM`: not that many free pages.
 * @kernel udmabuf_create — drivers/dma-buf/udmabuf.c, 7.3
 */
export function createUdmabuf(machine: Machine, sizeBytes: number, options: UdmabufOptions = {}): DmaBuf {
  const limit = options.limitBytes ?? UDMABUF_SIZE_LIMIT_BYTES;
  const entryBytes = options.entryBytes ?? Infinity;
  if (!(sizeBytes > 0) || sizeBytes % PAGE_SIZE !== 0 || sizeBytes > limit) {
    throw new KernelError(EINVAL, 'UDMABUF_CREATE', `size ${sizeBytes} is not a page multiple up to ${limit}`);
  }
  if (entryBytes !== Infinity && (!(entryBytes > 0) || entryBytes % PAGE_SIZE !== 0)) {
    throw new KernelError(EINVAL, 'UDMABUF_CREATE', `entryBytes ${entryBytes} is not a positive page multiple`);
  }
  const blocks = takePages(machine, sizeBytes, options.nid ?? -1);
  if (blocks === null)
    throw new KernelError(ENOMEM, 'UDMABUF_CREATE', `${sizeBytes} bytes, ${machine.ram.freePages} pages free`);
  return new DmaBuf(new UdmabufExporter(machine, sizeBytes, blocks, entryBytes));
}

interface PageBlock {
  readonly frame: number;
  readonly order: number;
}

function takePages(machine: Machine, sizeBytes: number, nid: number): readonly PageBlock[] | null {
  const blocks: PageBlock[] = [];
  let left = sizeBytes >>> PAGE_SHIFT;
  let order = LARGEST_ORDER;
  while (left > 0) {
    while (1 << order > left) order--;
    const frame = machine.ram.allocFrames(order, nid);
    if (frame >= 0) {
      blocks.push({ frame, order });
      left -= 1 << order;
    } else if (order === 0) {
      for (const block of blocks) machine.ram.freeFrames(block.frame, block.order);
      return null;
    } else {
      order--;
    }
  }
  return blocks;
}

function contiguousRuns(machine: Machine, blocks: readonly PageBlock[]): readonly MemoryRun[] {
  const runs: MemoryRun[] = [];
  let offset = 0;
  for (const { frame, order } of blocks) {
    const at = machine.ram.address(frame);
    const length = PAGE_SIZE << order;
    const last = runs.at(-1);
    if (last !== undefined && last.at + last.length === at) {
      runs[runs.length - 1] = { ...last, length: last.length + length };
    } else {
      runs.push({ at, offset, length });
    }
    offset += length;
  }
  return runs;
}

class UdmabufExporter implements DmaBufExporter {
  readonly name = 'udmabuf';
  readonly sizeBytes: number;
  readonly #machine: Machine;
  readonly #blocks: readonly PageBlock[];
  readonly #runs: readonly MemoryRun[];
  readonly #view: UdmabufMapping;
  readonly #attachments = new Set<DmaBufAttachment>();

  constructor(machine: Machine, sizeBytes: number, blocks: readonly PageBlock[], entryBytes: number) {
    this.#machine = machine;
    this.sizeBytes = sizeBytes;
    this.#blocks = blocks;
    const contiguous = contiguousRuns(machine, blocks);
    this.#runs = entryBytes === Infinity ? contiguous : cutRuns(contiguous, entryBytes);
    this.#view = new UdmabufMapping(machine.memory.bytes, machine.memory.view, sizeBytes, contiguous);
    this.#view.clear();
  }

  attach(attachment: DmaBufAttachment): number {
    this.#attachments.add(attachment);
    return 0;
  }

  detach(attachment: DmaBufAttachment): void {
    this.#attachments.delete(attachment);
  }

  map({ device }: DmaBufAttachment, direction: number): ErrPtr<readonly DmaBufEntry[]> {
    const largest = device.maxMappingBytes();
    return mapRuns(
      // Bounce slots come in pieces of limited length, and nothing joins them for the device.
      largest === Infinity ? this.#runs : cutRuns(this.#runs, largest),
      (run) => device.mapPage(run.at, run.length, direction),
      (entries) => this.unmap(device, entries, direction),
    );
  }

  unmap(device: DmaDevice, entries: readonly DmaBufEntry[], direction: number): void {
    for (const entry of entries) device.unmapPage(entry.iova, entry.length, direction);
  }

  // Every device that has the pages mapped hands them over, in the direction it mapped them: udmabuf syncs through a mapping of its own
  // misc device, which reaches the same cache lines.
  beginCpuAccess(): number {
    for (const { device, entries, direction } of this.#attachments) {
      for (const entry of entries ?? []) device.syncWrittenForCpu(entry.iova, entry.length, direction);
    }
    return 0;
  }

  // The CPU has no way to these pages but the view, which knows what was written.
  endCpuAccess(): number {
    const { writtenFrom, writtenTo } = this.#view;
    for (const { device, entries, direction } of this.#attachments) {
      for (const { iova, offset, length } of entries ?? []) {
        const from = Math.max(offset, writtenFrom);
        const to = Math.min(offset + length, writtenTo);
        if (from < to) device.syncForDevice(iova + from - offset, to - from, direction);
      }
    }
    this.#view.handedOver();
    return 0;
  }

  mmap(): DmaBufMapping {
    return this.#view;
  }

  release(): void {
    for (const block of this.#blocks) this.#machine.ram.freeFrames(block.frame, block.order);
  }
}

/** The pages as the CPU sees them, in buffer order. */
class UdmabufMapping implements DmaBufMapping {
  readonly lengthBytes: number;
  /** What was, or may have been, written since the devices were shown it: up to `writtenTo`, from `writtenFrom`. */
  writtenFrom: number = Infinity;
  writtenTo: number = 0;
  readonly #region: Region | null;
  readonly #bytes: Uint8Array;
  readonly #runs: readonly MemoryRun[];
  /** Somebody can write without telling. */
  #isOpen = false;

  constructor(bytes: Uint8Array, view: DataView, lengthBytes: number, runs: readonly MemoryRun[]) {
    this.#bytes = bytes;
    this.lengthBytes = lengthBytes;
    this.#runs = runs;
    this.#region = runs.length === 1 ? { bytes, view, base: runs[0].at, length: lengthBytes } : null;
  }

  get region(): Region | null {
    this.#isOpen = this.#region !== null;
    if (this.#isOpen) this.#noteWritten(0, this.lengthBytes);
    return this.#region;
  }

  /** Devices see what the CPU wrote up to now. */
  handedOver(): void {
    this.writtenFrom = this.#isOpen ? 0 : Infinity;
    this.writtenTo = this.#isOpen ? this.lengthBytes : 0;
  }

  read(offset: number, to: Uint8Array, at: number, length: number): number {
    if (!this.#covers(offset, length) || at < 0 || at + length > to.length) return -EFAULT;
    let done = 0;
    for (let i = this.#runAt(offset); done < length; i++) {
      const run = this.#runs[i];
      const skip = offset + done - run.offset;
      const take = Math.min(run.length - skip, length - done);
      to.set(this.#bytes.subarray(run.at + skip, run.at + skip + take), at + done);
      done += take;
    }
    return 0;
  }

  write(offset: number, from: Uint8Array, at: number, length: number): number {
    if (!this.#covers(offset, length) || at < 0 || at + length > from.length) return -EFAULT;
    this.#noteWritten(offset, offset + length);
    let done = 0;
    for (let i = this.#runAt(offset); done < length; i++) {
      const run = this.#runs[i];
      const skip = offset + done - run.offset;
      const take = Math.min(run.length - skip, length - done);
      this.#bytes.set(from.subarray(at + done, at + done + take), run.at + skip);
      done += take;
    }
    return 0;
  }

  clear(): void {
    for (const run of this.#runs) this.#bytes.fill(0, run.at, run.at + run.length);
  }

  #noteWritten(from: number, to: number): void {
    this.writtenFrom = Math.min(this.writtenFrom, from);
    this.writtenTo = Math.max(this.writtenTo, to);
  }

  #covers(offset: number, length: number): boolean {
    return offset >= 0 && length >= 0 && offset + length <= this.lengthBytes;
  }

  /** Index of the run that holds `offset`. */
  #runAt(offset: number): number {
    let low = 0;
    let high = this.#runs.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#runs[middle].offset <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
