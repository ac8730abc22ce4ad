import { type DmaDevice, type Machine, PAGE_SIZE, type PeerWindow } from '@netmem/machine';
import type { LinearMemory, Region } from '@netmem/region';
import { EBUSY, EFAULT, EINVAL, type ErrPtr, KernelError } from '@netmem/uapi';
import { DmaBuf, type DmaBufAttachment } from './dma-buf.ts';
import type { DmaBufEntry, DmaBufExporter } from './exporter.ts';
import { type DeviceProgram, kernelOf } from './program.ts';
import { cutRuns, type MemoryRun, mapRuns } from './scatter.ts';

/** Options of {@link createDeviceMemory}. */
export interface DeviceMemoryOptions {
  /** Size, a positive multiple of PAGE_SIZE. It is carved from the machine's linear memory and never given back. */
  readonly bytes: number;
  /** How the peer window is called in logs. Default `'device'`. */
  readonly name?: string;
}

/** A range of device memory, in bytes. */
export interface DeviceRange {
  readonly offset: number;
  readonly length: number;
}

/**
 * Makes an accelerator's memory: a window on the bus that devices can write, with no CPU view at all.
 *
 * @throws KernelError `EINVAL`: the size is not a positive multiple of PAGE_SIZE. RangeError: the linear memory is too small.
 */
export function createDeviceMemory(machine: Machine, options: DeviceMemoryOptions): DeviceMemory {
  if (!(options.bytes > 0) || options.bytes % PAGE_SIZE !== 0) {
    throw new KernelError(EINVAL, 'device-memory', `size ${options.bytes} is not a positive page multiple`);
  }
  return new DeviceMemory(machine, options);
}

/**
 * Opaque memory of an accelerator. It can be exported as dma-bufs, and computed on from inside ({@link run}); its bytes never reach the CPU.
 * Made by {@link createDeviceMemory}.
 */
export class DeviceMemory {
  readonly name: string;
  readonly lengthBytes: number;
  readonly #machine: Machine;
  readonly #memory: LinearMemory;
  readonly #region: Region;
  readonly #window: PeerWindow;
  #exported = 0;

  constructor(machine: Machine, options: DeviceMemoryOptions) {
    this.name = options.name ?? 'device';
    this.lengthBytes = options.bytes;
    this.#machine = machine;
    this.#memory = machine.memory;
    this.#region = machine.memory.carve(options.bytes, PAGE_SIZE);
    this.#window = machine.iommu.addPeerWindow(this.name, this.#region);
  }

  /** dma-bufs of this memory that are still referenced. */
  get exported(): number {
    return this.#exported;
  }

  /**
   * Shares a range as a dma-buf. The caller holds its only reference. Ranges may overlap, as views of one buffer do.
   *
   * @param offset - Start within the device memory, a multiple of PAGE_SIZE. Default 0.
   * @param length - Bytes, a positive multiple of PAGE_SIZE. Default: the rest.
   * @param entryBytes - No scatter entry is longer than this; default: one entry.
   * @throws KernelError `EINVAL`: a value is not a page multiple or the range leaves the memory.
   */
  export(offset: number = 0, length: number = this.lengthBytes - offset, entryBytes: number = length): DmaBuf {
    const aligned = offset % PAGE_SIZE === 0 && length % PAGE_SIZE === 0 && entryBytes % PAGE_SIZE === 0;
    if (!aligned || offset < 0 || !(length > 0) || !(entryBytes > 0) || offset + length > this.lengthBytes) {
      throw new KernelError(EINVAL, 'device-export', `range ${offset}+${length} of ${this.lengthBytes}`);
    }
    const runs = cutRuns([{ at: offset, offset: 0, length }], entryBytes);
    this.#exported++;
    const released = (): void => {
      this.#exported--;
    };
    return new DmaBuf(new DeviceExporter(this.#window, length, runs, released));
  }

  /**
   * Computes inside the device, over the ranges in order, and returns the program's result: a digest, where a mismatch is, never the bytes.
   *
   * @throws KernelError `EFAULT`: a range leaves the memory; nothing was consumed then.
   */
  run<R>(program: DeviceProgram<R>, ranges: readonly DeviceRange[]): R {
    for (const range of ranges) this.#check(range.offset, range.length);
    for (const range of ranges) this.feed(program, range.offset, range.length);
    return program.result();
  }

  /**
   * One range of {@link run} without a result: what a receive loop calls per fragment, before it returns the token. Allocates nothing.
   *
   * @throws KernelError `EFAULT`: the range leaves the memory; nothing was consumed then.
   */
  feed<R>(program: DeviceProgram<R>, offset: number, length: number): void {
    this.#check(offset, length);
    kernelOf(program).consume(this.#memory, this.#region.base + offset, length);
  }

  /**
   * Takes the memory off the bus.
   *
   * @throws KernelError `EBUSY`: a dma-buf of it is still referenced.
   */
  remove(): void {
    if (this.#exported > 0)
      throw new KernelError(EBUSY, 'device-remove', `${this.#exported} dma-bufs of ${this.name} in use`);
    this.#machine.iommu.removePeerWindow(this.#window);
  }

  #check(offset: number, length: number): void {
    if (!(offset >= 0) || !(length >= 0) || offset + length > this.lengthBytes) {
      throw new KernelError(EFAULT, 'device-run', `range ${offset}+${length} of ${this.lengthBytes}`);
    }
  }
}

/** No mmap and no CPU access ops: {@link DmaBuf.mmap} answers `-EINVAL`. */
class DeviceExporter implements DmaBufExporter {
  readonly name = 'device';
  readonly sizeBytes: number;
  readonly #window: PeerWindow;
  readonly #runs: readonly MemoryRun[];
  readonly #released: () => void;

  constructor(window: PeerWindow, sizeBytes: number, runs: readonly MemoryRun[], released: () => void) {
    this.#window = window;
    this.sizeBytes = sizeBytes;
    this.#runs = runs;
    this.#released = released;
  }

  map({ device }: DmaBufAttachment, direction: number): ErrPtr<readonly DmaBufEntry[]> {
    return mapRuns(
      this.#runs,
      (run) => device.mapPeer(this.#window, run.at, run.length, direction),
      (entries) => this.unmap(device, entries),
    );
  }

  unmap(device: DmaDevice, entries: readonly DmaBufEntry[]): void {
    for (const entry of entries) device.unmapPeer(entry.iova, entry.length);
  }

  release(): void {
    this.#released();
  }
}
