import { type Region, regionOver } from '@netmem/region';
import { PAGE_OFFSET_MASK, PAGE_SHIFT, PAGE_SIZE } from '../memory/page.ts';
import { type DeviceDma, DeviceDmaWindow } from './device-dma.ts';
import {
  DMA_ATTR_NO_WARN,
  DMA_ATTR_SKIP_CPU_SYNC,
  DMA_BIDIRECTIONAL,
  DMA_DIRECTION_NAMES,
  DMA_FROM_DEVICE,
  DMA_MAPPING_ERROR,
  DMA_NONE,
  DMA_TO_DEVICE,
} from './dma-constants.ts';
import type { Iommu } from './iommu.ts';
import { domainOf, MAPPING_COHERENT, MAPPING_NAMES, MAPPING_PAGE, MAPPING_PEER, pagesSpanned } from './page-table.ts';
import type { PeerWindow } from './peer-window.ts';
import { SWIOTLB_SEGMENT_SLOTS, SWIOTLB_SLOT_BYTES, type Swiotlb } from './swiotlb.ts';

/** Memory that CPU and device see alike at all times: rings, descriptors. */
export interface CoherentBuffer {
  readonly iova: number;
  /** Linear address. */
  readonly address: number;
  readonly length: number;
  /** The buffer's bytes for the CPU. */
  readonly region: Region;
}

/** DMA mask that the PCI core sets before a driver asks for more: 32 bits. */
const DEFAULT_DMA_MASK = 0xffff_ffff;

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

function isDirection(direction: number): boolean {
  return direction >= DMA_BIDIRECTIONAL && direction < DMA_NONE;
}

/**
 * A device as far as DMA is concerned; what a driver passes to the DMA API. One per PCI function.
 *
 * Calls are checked as strictly as DMA-API debugging in Linux checks them: what does not fit a live mapping of this device
 * exactly is a warning `DMA-API: …` in the machine's log, and changes nothing.
 */
export class DmaDevice {
  readonly name: string;
  /** Highest bus address that the device can drive; null when it cannot do DMA at all. */
  dmaMask: number | null = DEFAULT_DMA_MASK;
  /** Accesses of the device that the IOMMU refused. */
  faults: number = 0;
  /** Fault plan: so many map calls fail from now on. */
  failNextMappings: number = 0;
  /** Number of the device's address space. @internal */
  readonly domain: number;
  /** The device's own side. */
  readonly window: DeviceDma;
  readonly #iommu: Iommu;
  readonly #peerOf: Map<number, PeerWindow> = new Map();
  #liveMappings = 0;
  #coherentBuffers = 0;
  #epoch = 0;
  #needSync: boolean;

  /** @internal */
  constructor(iommu: Iommu, domain: number, name: string) {
    this.#iommu = iommu;
    this.#needSync = iommu.mode === 'non-coherent';
    this.domain = domain;
    this.name = name;
    this.window = new DeviceDmaWindow(this, iommu);
  }

  /** Streaming and peer mappings that have not been unmapped. */
  get liveMappings(): number {
    return this.#liveMappings;
  }

  /** Coherent buffers that have not been freed. */
  get coherentBuffers(): number {
    return this.#coherentBuffers;
  }

  /** Changes with every map and unmap. */
  get epoch(): number {
    return this.#epoch;
  }

  /**
   * Gives a range of RAM to the device.
   *
   * @param address - Linear address of the first byte.
   * @param attrs - DMA_ATTR_ bits; with DMA_ATTR_SKIP_CPU_SYNC the device does not see what the CPU wrote before.
   * @returns The IO virtual address, or DMA_MAPPING_ERROR: no address left or in reach of the mask, a planned failure, or
   * (warned about) no RAM there, no direction, no mask, no bounce slots left.
   * @kernel dma_map_page_attrs — kernel/dma/mapping.c, 7.3
   */
  mapPage(address: number, lengthBytes: number, direction: number, attrs: number = 0): number {
    const iommu = this.#iommu;
    if (!(lengthBytes > 0) || !iommu.ram.contains(address, lengthBytes)) {
      return this.#refuseMap(`map of ${lengthBytes} bytes at linear ${hex(address)}`, 'that is not RAM');
    }
    if (iommu.swiotlb !== null) return this.#mapBounced(iommu.swiotlb, address, lengthBytes, direction, attrs);
    const target = iommu.streamingTarget(address - (address & PAGE_OFFSET_MASK));
    const iova = this.#map(
      MAPPING_PAGE,
      direction,
      address & PAGE_OFFSET_MASK,
      lengthBytes,
      iommu.streamingSpace,
      target,
    );
    if (iova === DMA_MAPPING_ERROR) return iova;
    if (iommu.cache !== null && (attrs & DMA_ATTR_SKIP_CPU_SYNC) === 0) iommu.cache.clean(address, lengthBytes);
    if (iommu.traceMap.enabled) iommu.traceMap.emit(this.domain, address, iova, lengthBytes, direction, attrs);
    return iova;
  }

  /**
   * Takes a range back from the device. Address, length and direction are those of the map call.
   *
   * @kernel dma_unmap_page_attrs — kernel/dma/mapping.c, 7.3
   */
  unmapPage(iova: number, lengthBytes: number, direction: number, attrs: number = 0): void {
    const iommu = this.#iommu;
    const page = this.#findExact('unmap', iova, lengthBytes, direction, MAPPING_PAGE);
    if (page === 0) return;
    const shows = direction !== DMA_TO_DEVICE && (attrs & DMA_ATTR_SKIP_CPU_SYNC) === 0;
    if (iommu.swiotlb !== null) {
      const bounce = iommu.table.firstByteOf(page);
      if (shows) iommu.swiotlb.copyOut(bounce, 0, lengthBytes);
      iommu.swiotlb.free(bounce, lengthBytes);
    } else if (iommu.cache !== null && shows) {
      iommu.cache.invalidate(iommu.linearAddressOf(iova) as number, lengthBytes);
    }
    this.#unmap(page);
    this.#liveMappings--;
    if (iommu.traceUnmap.enabled) iommu.traceUnmap.emit(this.domain, iova, lengthBytes, direction, attrs);
  }

  /**
   * Makes what the device wrote in a part of a mapping visible to the CPU.
   *
   * @kernel dma_sync_single_range_for_cpu — include/linux/dma-mapping.h, 7.3
   */
  syncForCpu(iova: number, lengthBytes: number, direction: number): void {
    const iommu = this.#iommu;
    const page = this.#findSyncable('sync for cpu', iova, lengthBytes, direction);
    if (page === 0) return;
    if (iommu.traceSyncForCpu.enabled) iommu.traceSyncForCpu.emit(this.domain, iova, lengthBytes, direction);
    if (direction === DMA_TO_DEVICE) return;
    this.#show(page, iova, lengthBytes);
  }

  /**
   * As {@link DmaDevice.syncForCpu}, but passes over whole pages that the device did not write to since they were last shown this way. A dma-buf of many
   * megabytes is synced as a whole, each time somebody looks at a part of it.
   */
  syncWrittenForCpu(iova: number, lengthBytes: number, direction: number): void {
    const iommu = this.#iommu;
    const head = this.#findSyncable('sync for cpu', iova, lengthBytes, direction);
    if (head === 0) return;
    if (iommu.traceSyncForCpu.enabled) iommu.traceSyncForCpu.emit(this.domain, iova, lengthBytes, direction);
    if (direction === DMA_TO_DEVICE) return;
    const { written } = iommu.table;
    const end = iova + lengthBytes;
    for (let at = iova; at < end; ) {
      const page = at >>> PAGE_SHIFT;
      const part = Math.min(PAGE_SIZE - (at & PAGE_OFFSET_MASK), end - at);
      if (written[page] !== 0) {
        this.#show(head, at, part);
        if (part === PAGE_SIZE) written[page] = 0;
      }
      at += part;
    }
  }

  /**
   * Makes what the CPU wrote in a part of a mapping visible to the device, and leaves no dirty line that could overwrite what
   * the device writes.
   *
   * @kernel dma_sync_single_range_for_device — include/linux/dma-mapping.h, 7.3
   */
  syncForDevice(iova: number, lengthBytes: number, direction: number): void {
    const iommu = this.#iommu;
    const page = this.#findSyncable('sync for device', iova, lengthBytes, direction);
    if (page === 0) return;
    if (iommu.traceSyncForDevice.enabled) iommu.traceSyncForDevice.emit(this.domain, iova, lengthBytes, direction);
    if (iommu.swiotlb !== null) {
      // Not for FROM_DEVICE: the copy would destroy what the device has written there meanwhile.
      if (direction === DMA_FROM_DEVICE) return;
      iommu.swiotlb.copyIn(iommu.table.firstByteOf(page), iova - iommu.table.startOf(page), lengthBytes);
      return;
    }
    // Every direction cleans: arm64 does the same since a device may write less than it was given.
    iommu.cache?.clean(iommu.linearAddressOf(iova) as number, lengthBytes);
  }

  /**
   * Whether syncs do anything. Ask each time: a device starts out as one that can skip them where its machine is coherent, and
   * its first bounced mapping ends that for good.
   *
   * @kernel dma_dev_need_sync — include/linux/dma-mapping.h, 7.3
   */
  needSync(): boolean {
    return this.#needSync;
  }

  /**
   * The most bytes that one map call can take; Infinity where only addresses limit it.
   *
   * @kernel dma_max_mapping_size — kernel/dma/mapping.c, 7.3
   */
  maxMappingBytes(): number {
    return this.#iommu.swiotlb === null ? Infinity : SWIOTLB_SEGMENT_SLOTS * SWIOTLB_SLOT_BYTES;
  }

  /**
   * Allocates zeroed memory that needs no syncs, both ways accessible.
   *
   * @param lengthBytes - At most 4 MiB, one block of the buddy allocator.
   * @returns null when RAM or addresses are short.
   * @kernel dma_alloc_coherent — include/linux/dma-mapping.h, 7.3
   */
  allocCoherent(lengthBytes: number): CoherentBuffer | null {
    if (!(lengthBytes > 0)) return null;
    const { ram } = this.#iommu;
    const order = orderOf(lengthBytes);
    const frame = ram.allocFrames(order, -1);
    if (frame < 0) return null;
    const address = ram.address(frame);
    const iova = this.#map(MAPPING_COHERENT, DMA_BIDIRECTIONAL, 0, lengthBytes, 0, address);
    if (iova === DMA_MAPPING_ERROR) {
      ram.freeFrames(frame, order);
      return null;
    }
    ram.bytes.fill(0, address, address + lengthBytes);
    const region = regionOver(ram.bytes, ram.view, address, lengthBytes, ram.region.move);
    return { iova, address, length: lengthBytes, region };
  }

  /** @kernel dma_free_coherent — include/linux/dma-mapping.h, 7.3 */
  freeCoherent(buffer: CoherentBuffer): void {
    const { ram } = this.#iommu;
    const page = this.#findExact('free coherent', buffer.iova, buffer.length, DMA_BIDIRECTIONAL, MAPPING_COHERENT);
    if (page === 0) return;
    this.#unmap(page);
    this.#coherentBuffers--;
    ram.freeFrames(ram.frameOf(buffer.address), orderOf(buffer.length));
  }

  /**
   * Gives the device access to another device's memory. Never synced: there is no CPU view to sync with.
   *
   * @returns The IO virtual address, or DMA_MAPPING_ERROR as for {@link DmaDevice.mapPage}.
   */
  mapPeer(window: PeerWindow, offset: number, lengthBytes: number, direction: number): number {
    const iommu = this.#iommu;
    const record = iommu.peerRecord(window);
    if (record === undefined || !(offset >= 0 && lengthBytes > 0 && offset + lengthBytes <= window.region.length)) {
      return this.#refuseMap(
        `peer map of ${lengthBytes} bytes at offset ${offset}`,
        `outside ${window.name} or not on the bus`,
      );
    }
    const inPage = offset & PAGE_OFFSET_MASK;
    const target = iommu.peerTarget(window, offset - inPage);
    const iova = this.#map(MAPPING_PEER, direction, inPage, lengthBytes, record.space, target);
    if (iova === DMA_MAPPING_ERROR) return iova;
    record.mappings++;
    this.#peerOf.set(iova >>> PAGE_SHIFT, window);
    return iova;
  }

  /** Undoes {@link DmaDevice.mapPeer}; address and length are those of the map call. */
  unmapPeer(iova: number, lengthBytes: number): void {
    const page = this.#findExact('peer unmap', iova, lengthBytes, null, MAPPING_PEER);
    if (page === 0) return;
    const record = this.#iommu.peerRecord(this.#peerOf.get(page) as PeerWindow);
    if (record !== undefined) record.mappings--;
    this.#peerOf.delete(page);
    this.#unmap(page);
    this.#liveMappings--;
  }

  /** Shows the CPU what the device sees in a range of the mapping that begins with `page`. */
  #show(page: number, iova: number, lengthBytes: number): void {
    const { swiotlb, cache, table } = this.#iommu;
    if (swiotlb !== null) swiotlb.copyOut(table.firstByteOf(page), iova - table.startOf(page), lengthBytes);
    else cache?.invalidate(this.#iommu.linearAddressOf(iova) as number, lengthBytes);
  }

  /**
   * Maps slots that stand for a range of RAM. The range is copied in whatever the direction and the attributes: a device that
   * writes a part of it must leave the rest as it was, also when all of it is copied back.
   *
   * @kernel swiotlb_tbl_map_single — kernel/dma/swiotlb.c, 7.3
   */
  #mapBounced(swiotlb: Swiotlb, address: number, lengthBytes: number, direction: number, attrs: number): number {
    const { log, streamingSpace, traceBounced, traceMap } = this.#iommu;
    if (!this.#mayMap(MAPPING_PAGE, direction)) return DMA_MAPPING_ERROR;
    if (traceBounced.enabled) traceBounced.emit(this.domain, this.dmaMask as number, address, lengthBytes, 1);
    const bounce = swiotlb.alloc(address, lengthBytes);
    if (bounce === 0) {
      if ((attrs & DMA_ATTR_NO_WARN) === 0 && log.ratelimit('swiotlb_tbl_map_single')) {
        const room = `total ${swiotlb.slots} (slots), used ${swiotlb.usedSlots} (slots)`;
        log.warn(`${this.name}: swiotlb buffer is full (sz: ${lengthBytes} bytes), ${room}`, 'dma');
      }
      return DMA_MAPPING_ERROR;
    }
    this.#needSync = true;
    const inPage = address & PAGE_OFFSET_MASK;
    // Never negative: the first page of linear memory is not handed out.
    const iova = this.#enter(MAPPING_PAGE, direction, inPage, lengthBytes, streamingSpace, bounce - inPage);
    if (iova === DMA_MAPPING_ERROR) {
      swiotlb.free(bounce, lengthBytes);
      return iova;
    }
    swiotlb.copyIn(bounce, 0, lengthBytes);
    if (traceMap.enabled) traceMap.emit(this.domain, address, iova, lengthBytes, direction, attrs);
    return iova;
  }

  #map(kind: number, direction: number, inPage: number, lengthBytes: number, space: number, target: number): number {
    if (!this.#mayMap(kind, direction)) return DMA_MAPPING_ERROR;
    return this.#enter(kind, direction, inPage, lengthBytes, space, target);
  }

  #mayMap(kind: number, direction: number): boolean {
    if (this.dmaMask === null || !isDirection(direction)) {
      this.#refuseMap('map', this.dmaMask === null ? 'the device has no DMA mask' : `${direction} is no direction`);
      return false;
    }
    if (kind === MAPPING_COHERENT || this.failNextMappings <= 0) return true;
    this.failNextMappings--;
    return false;
  }

  #enter(kind: number, direction: number, inPage: number, lengthBytes: number, space: number, target: number): number {
    const { iovas, table } = this.#iommu;
    const pages = pagesSpanned(inPage + lengthBytes);
    const page = iovas.alloc(pages);
    if (page === 0) return DMA_MAPPING_ERROR;
    const iova = page * PAGE_SIZE + inPage;
    if (iova + lengthBytes - 1 > (this.dmaMask as number)) {
      iovas.free(page, pages);
      return DMA_MAPPING_ERROR;
    }
    table.insert(this.domain, kind, direction, page, inPage, lengthBytes, space, target);
    this.#epoch++;
    if (kind === MAPPING_COHERENT) this.#coherentBuffers++;
    else this.#liveMappings++;
    return iova;
  }

  #unmap(page: number): void {
    this.#iommu.iovas.free(page, this.#iommu.table.remove(page));
    this.#epoch++;
  }

  /** First page of the mapping that these arguments describe exactly, or 0 after a warning. */
  #findExact(call: string, iova: number, lengthBytes: number, direction: number | null, kind: number): number {
    const { table } = this.#iommu;
    const page = this.#find(call, iova, lengthBytes, kind);
    if (page === 0) return 0;
    if (iova !== table.startOf(page))
      return this.#refuse(call, iova, lengthBytes, `mapped from ${hex(table.startOf(page))}`);
    const mapped = table.lengthBytes[page] as number;
    if (lengthBytes !== mapped) return this.#refuse(call, iova, lengthBytes, `mapped with ${mapped} bytes`);
    const mappedTo = table.direction[page] as number;
    if (direction !== null && direction !== mappedTo) {
      return this.#refuse(
        call,
        iova,
        lengthBytes,
        `mapped ${DMA_DIRECTION_NAMES[mappedTo]}, not ${DMA_DIRECTION_NAMES[direction]}`,
      );
    }
    return page;
  }

  #find(call: string, iova: number, lengthBytes: number, kind: number): number {
    const { table } = this.#iommu;
    const page = table.headOf(iova);
    if (page === 0) return this.#refuse(call, iova, lengthBytes, 'no live mapping there');
    if (domainOf(table.entry[page] as number) !== this.domain) {
      return this.#refuse(call, iova, lengthBytes, 'the mapping is another device’s');
    }
    const found = table.kind[page] as number;
    if (found !== kind) return this.#refuse(call, iova, lengthBytes, `it is a ${MAPPING_NAMES[found]} mapping`);
    return page;
  }

  /** First page of the streaming mapping that this range is a part of, or 0 after a warning. */
  #findSyncable(call: string, iova: number, lengthBytes: number, direction: number): number {
    const { table } = this.#iommu;
    const page = this.#find(call, iova, lengthBytes, MAPPING_PAGE);
    if (page === 0) return 0;
    const start = table.startOf(page);
    const length = table.lengthBytes[page] as number;
    if (!(iova >= start && lengthBytes >= 0 && iova + lengthBytes <= start + length)) {
      return this.#refuse(call, iova, lengthBytes, `the mapping is [${hex(start)}, ${hex(start + length)})`);
    }
    const mapped = table.direction[page] as number;
    if (direction !== mapped && mapped !== DMA_BIDIRECTIONAL) {
      return this.#refuse(
        call,
        iova,
        lengthBytes,
        `mapped ${DMA_DIRECTION_NAMES[mapped]}, not ${DMA_DIRECTION_NAMES[direction]}`,
      );
    }
    return page;
  }

  #refuse(call: string, iova: number, lengthBytes: number, reason: string): 0 {
    this.#iommu.log.warn(`DMA-API: ${this.name}: ${call} of ${lengthBytes} bytes at ${hex(iova)}: ${reason}`, 'dma');
    return 0;
  }

  #refuseMap(call: string, reason: string): typeof DMA_MAPPING_ERROR {
    this.#iommu.log.warn(`DMA-API: ${this.name}: ${call}: ${reason}`, 'dma');
    return DMA_MAPPING_ERROR;
  }
}

function orderOf(lengthBytes: number): number {
  const pages = pagesSpanned(lengthBytes);
  return pages <= 1 ? 0 : 32 - Math.clz32(pages - 1);
}
