import { type LinearMemory, type Region, regionOver } from '@netmem/region';
import { KernelBug } from '../log/kernel-bug.ts';
import type { MachineLog } from '../log/machine-log.ts';
import { PAGE_SHIFT, PAGE_SIZE } from '../memory/page.ts';
import type { Ram } from '../memory/ram.ts';
import type { Tracepoint, Tracepoints } from '../trace/tracepoints.ts';
import { CpuCache } from './cpu-cache.ts';
import type { DmaMode } from './dma-constants.ts';
import { DmaDevice } from './dma-device.ts';
import { IovaAllocator } from './iova-allocator.ts';
import { MAPPING_PAGE, PageTable } from './page-table.ts';
import type { PeerWindow } from './peer-window.ts';
import { Swiotlb } from './swiotlb.ts';

/** IO virtual pages that a machine has by default: 1 GiB of addresses, which stay small integers everywhere. */
export const DEFAULT_IOVA_PAGES: number = 1 << 18;

/** Distinct faults that are logged; further ones are counted only. */
export const MAX_LOGGED_FAULTS = 256;

/** Index of the byte space that is all of linear memory, addressed by linear address. */
const SPACE_LINEAR = 0;

/** Why a device's access was refused. @internal */
export const FAULT_REASONS = [
  'no live mapping',
  'mapping of another device',
  'direction forbids it',
  'outside the mapped bytes',
  'a 32-bit word across two pages',
] as const;

/** @internal */
export interface IommuParts {
  readonly memory: LinearMemory;
  readonly ram: Ram;
  readonly mode: DmaMode;
  readonly log: MachineLog;
  readonly trace: Tracepoints;
  readonly maxIovaPages: number;
  /** Of the mode `swiotlb` only. */
  readonly swiotlbBytes: number;
}

/**
 * The machine's IOMMU: every device access goes through its page table. What is not mapped for that device, in that direction,
 * faults: counted, logged once per page and kind, and no byte is touched.
 *
 * A page-table entry leads into a *byte space*: linear memory (RAM or bounce slots), RAM as devices see it when they do not snoop
 * the CPU's cache, or a peer window over foreign bytes. The mode of the machine decides where a mapping leads and what a sync
 * does; the device's accesses are the same in every mode.
 */
export class Iommu {
  readonly mode: DmaMode;
  /** @internal */
  readonly table: PageTable;
  /** @internal */
  readonly spaces: Region[];
  /** @internal */
  readonly iovas: IovaAllocator;
  /** On a machine that is not coherent only. @internal */
  readonly cache: CpuCache | null;
  /** The bounce slots of the mode `swiotlb`, else null. */
  readonly swiotlb: Swiotlb | null;
  /** Index of the byte space that streaming mappings of RAM lead to. @internal */
  readonly streamingSpace: number;
  /** @internal */
  readonly ram: Ram;
  /** @internal */
  readonly log: MachineLog;
  /** @internal */
  readonly traceMap: Tracepoint;
  /** @internal */
  readonly traceUnmap: Tracepoint;
  /** @internal */
  readonly traceBounced: Tracepoint;
  /** @internal */
  readonly traceSyncForCpu: Tracepoint;
  /** @internal */
  readonly traceSyncForDevice: Tracepoint;
  readonly #traceFault: Tracepoint;
  readonly #memory: LinearMemory;
  readonly #devices: DmaDevice[] = [];
  readonly #windows: Map<PeerWindow, { space: number; mappings: number }> = new Map();
  readonly #loggedFaults: Set<string> = new Set();
  #nextDomain = 1;
  #faults = 0;

  /** @internal */
  constructor(parts: IommuParts) {
    const { memory, ram, trace } = parts;
    this.mode = parts.mode;
    this.ram = ram;
    this.log = parts.log;
    this.#memory = memory;
    this.table = new PageTable(parts.maxIovaPages);
    this.iovas = new IovaAllocator(parts.maxIovaPages);
    this.spaces = [regionOver(memory.bytes, memory.view, 0, memory.capacityBytes, memory.move)];
    this.cache = parts.mode === 'non-coherent' ? new CpuCache(memory, ram) : null;
    this.swiotlb = parts.mode === 'swiotlb' ? new Swiotlb(memory, parts.swiotlbBytes) : null;
    this.streamingSpace = this.cache === null ? SPACE_LINEAR : this.spaces.push(this.cache.deviceView) - 1;
    const range = ['device', 'dma_addr', 'size', 'dir'];
    this.traceMap = trace.define('dma_map_phys', ['device', 'phys_addr', 'dma_addr', 'size', 'dir', 'attrs']);
    this.traceUnmap = trace.define('dma_unmap_phys', [...range, 'attrs']);
    this.traceBounced = trace.define('swiotlb_bounced', ['device', 'dma_mask', 'dev_addr', 'size', 'force']);
    this.traceSyncForCpu = trace.define('dma_sync_single_for_cpu', range);
    this.traceSyncForDevice = trace.define('dma_sync_single_for_device', range);
    this.#traceFault = trace.define('io_page_fault', ['device', 'iova', 'flags']);
  }

  /** Faults of all devices so far. */
  get faults(): number {
    return this.#faults;
  }

  /** CPU cache lines that destroyed what a device had written; can only happen in the mode `non-coherent`. */
  get overwrittenLines(): number {
    return this.cache?.overwrittenLines ?? 0;
  }

  /** A new device with an address space of its own. */
  addDevice(name: string): DmaDevice {
    const device = new DmaDevice(this, this.#nextDomain++, name);
    this.#devices.push(device);
    return device;
  }

  /** Forgets a device that has left the bus. What it left mapped stays mapped, and is a warning. */
  removeDevice(device: DmaDevice): void {
    const at = this.#devices.indexOf(device);
    if (at < 0) return;
    const left = device.liveMappings + device.coherentBuffers;
    if (left > 0) this.log.warn(`DMA-API: ${device.name}: device released with ${left} live mappings`, 'dma');
    else this.#devices.splice(at, 1);
  }

  /**
   * Puts device memory on the bus.
   *
   * @throws KernelBug when the region overlaps RAM.
   */
  addPeerWindow(name: string, region: Region): PeerWindow {
    const linear = region.bytes === this.#memory.bytes;
    const ram = this.ram.region;
    if (linear && region.base < ram.base + ram.length && ram.base < region.base + region.length) {
      throw new KernelBug('peer window', `${name} overlaps RAM`);
    }
    const window: PeerWindow = { region, name, cpuVisible: false };
    this.#windows.set(window, { space: linear ? SPACE_LINEAR : this.spaces.push(region) - 1, mappings: 0 });
    return window;
  }

  /**
   * Takes device memory off the bus.
   *
   * @throws KernelBug while something is mapped into it.
   */
  removePeerWindow(window: PeerWindow): void {
    const record = this.#windows.get(window);
    if (record === undefined) throw new KernelBug('peer window', `${window.name} is not on the bus`);
    if (record.mappings > 0) throw new KernelBug('peer window', `${window.name} has ${record.mappings} live mappings`);
    this.#windows.delete(window);
  }

  /** What is still mapped, one sentence each. */
  audit(): string[] {
    const found: string[] = [];
    for (const device of this.#devices) {
      if (device.liveMappings > 0) found.push(`${device.name} has ${device.liveMappings} live DMA mappings.`);
      if (device.coherentBuffers > 0) found.push(`${device.name} holds ${device.coherentBuffers} coherent buffers.`);
    }
    return found;
  }

  /** Offset of a linear RAM address in {@link Iommu.streamingSpace}; no use where RAM is bounced. @internal */
  streamingTarget(address: number): number {
    return this.cache === null ? address : address - this.ram.region.base;
  }

  /** @internal */
  peerRecord(window: PeerWindow): { space: number; mappings: number } | undefined {
    return this.#windows.get(window);
  }

  /** Offset of a window's byte in its space. @internal */
  peerTarget(window: PeerWindow, offset: number): number {
    return window.region.bytes === this.#memory.bytes ? window.region.base + offset : offset;
  }

  /** @internal */
  recordFault(device: DmaDevice, access: number, iova: number, length: number, reason: number): void {
    this.#faults++;
    const verb = access === 2 ? 'write' : 'read';
    if (this.#traceFault.enabled) this.#traceFault.emit(device.domain, iova, access);
    const page = Math.floor(iova / PAGE_SIZE);
    const key = `${device.domain}/${page}/${verb}/${reason}`;
    if (this.#loggedFaults.size >= MAX_LOGGED_FAULTS || this.#loggedFaults.has(key)) return;
    this.#loggedFaults.add(key);
    const text = `${device.name}: ${verb} of ${length} bytes at 0x${iova.toString(16)}: ${FAULT_REASONS[reason]}`;
    this.log.emit('err', 'iommu', `IOMMU fault: ${text}`);
  }

  /**
   * The linear address behind an IO virtual address, for messages and inspection; null when it leads elsewhere. Of a bounced
   * mapping: the RAM that the slots stand for.
   */
  linearAddressOf(iova: number): number | null {
    const { table } = this;
    const head = table.headOf(iova);
    if (head === 0) return null;
    if (this.swiotlb !== null && table.kind[head] === MAPPING_PAGE) {
      return this.swiotlb.originOf(table.firstByteOf(head)) + (iova - table.startOf(head));
    }
    const page = iova >>> PAGE_SHIFT;
    const offset = (table.target[page] as number) + (iova & (PAGE_SIZE - 1));
    const space = table.space[page] as number;
    if (space === SPACE_LINEAR) return offset;
    return space === this.streamingSpace ? offset + this.ram.region.base : null;
  }
}
