import { regionOf } from '@netmem/region';
import { EFAULT } from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import {
  type CoherentBuffer,
  DMA_BIDIRECTIONAL,
  DMA_FROM_DEVICE,
  DMA_MAPPING_ERROR,
  DMA_NONE,
  DMA_TO_DEVICE,
  type DmaDevice,
  KernelBug,
  Machine,
  PAGE_SIZE,
} from '../index.ts';

function setUp(): { machine: Machine; device: DmaDevice; page: number } {
  const machine = new Machine({ ramBytes: 1 << 20, maxIovaPages: 64 });
  const device = machine.iommu.addDevice('nic0');
  return { machine, device, page: machine.ram.address(machine.ram.allocFrames(0, -1)) };
}

/** Runs what must be refused: one warning that matches, and nothing changes. */
function refused(machine: Machine, device: DmaDevice, reason: RegExp, call: () => unknown): void {
  const before = [device.liveMappings, device.coherentBuffers, device.epoch, machine.ram.freePages];
  const warnings = machine.log.unexpected().length;
  call();
  const found = machine.log.unexpected().slice(warnings);
  expect(found.map((entry) => entry.level)).toEqual(['warn']);
  expect(found[0]?.text).toMatch(/^DMA-API: nic0: /);
  expect(found[0]?.text).toMatch(reason);
  machine.log.expect(found[0]?.text as string);
  expect([device.liveMappings, device.coherentBuffers, device.epoch, machine.ram.freePages]).toEqual(before);
}

const bytes = regionOf(new Uint8Array(64).fill(9));

describe('mapPage and unmapPage', () => {
  it('maps low, keeps the offset within the page, and counts', () => {
    const { machine, device, page } = setUp();
    const iova = device.mapPage(page + 100, 1000, DMA_FROM_DEVICE);
    expect(iova).toBeGreaterThan(PAGE_SIZE);
    expect(iova).toBeLessThan(64 * PAGE_SIZE);
    expect(iova % PAGE_SIZE).toBe(100);
    expect(device.liveMappings).toBe(1);
    expect(machine.iommu.linearAddressOf(iova)).toBe(page + 100);
    const epoch = device.epoch;
    device.unmapPage(iova, 1000, DMA_FROM_DEVICE);
    expect(device.liveMappings).toBe(0);
    expect(device.epoch).toBe(epoch + 1);
    expect(machine.iommu.linearAddressOf(iova)).toBeNull();
    machine.log.assertClean();
  });

  it('warns about unmaps that do not fit a live mapping exactly, and changes nothing', () => {
    const { machine, device, page } = setUp();
    const other = machine.iommu.addDevice('nic1');
    const iova = device.mapPage(page, 2000, DMA_FROM_DEVICE);
    const foreign = other.mapPage(page, 2000, DMA_FROM_DEVICE);
    refused(machine, device, /no live mapping/, () => device.unmapPage(0x1000, 2000, DMA_FROM_DEVICE));
    refused(machine, device, /no live mapping/, () => device.unmapPage(2 ** 40, 2000, DMA_FROM_DEVICE));
    refused(machine, device, /no live mapping/, () => device.unmapPage(Number.NaN, 2000, DMA_FROM_DEVICE));
    refused(machine, device, /another device/, () => device.unmapPage(foreign, 2000, DMA_FROM_DEVICE));
    refused(machine, device, /mapped from/, () => device.unmapPage(iova + 4, 2000, DMA_FROM_DEVICE));
    refused(machine, device, /mapped with 2000/, () => device.unmapPage(iova, 1999, DMA_FROM_DEVICE));
    refused(machine, device, /FROM_DEVICE, not TO_DEVICE/, () => device.unmapPage(iova, 2000, DMA_TO_DEVICE));
    refused(machine, device, /streaming mapping/, () => device.unmapPeer(iova, 2000));
    device.unmapPage(iova, 2000, DMA_FROM_DEVICE);
    refused(machine, device, /no live mapping/, () => device.unmapPage(iova, 2000, DMA_FROM_DEVICE));
    expect(other.liveMappings).toBe(1);
  });

  it('refuses to map what is not RAM, has no length, no direction, or no mask', () => {
    const { machine, device, page } = setUp();
    const end = machine.ram.region.base + machine.ram.region.length;
    const map = (address: number, length: number, direction: number) =>
      expect(device.mapPage(address, length, direction)).toBe(DMA_MAPPING_ERROR);
    refused(machine, device, /not RAM/, () => map(0, 64, DMA_TO_DEVICE));
    refused(machine, device, /not RAM/, () => map(end - 10, 11, DMA_TO_DEVICE));
    refused(machine, device, /not RAM/, () => map(page, 0, DMA_TO_DEVICE));
    refused(machine, device, /no direction/, () => map(page, 64, DMA_NONE));
    device.dmaMask = null;
    refused(machine, device, /no DMA mask/, () => map(page, 64, DMA_TO_DEVICE));
  });

  it('fails silently when addresses run out, are out of reach, or the plan says so', () => {
    const { machine, device, page } = setUp();
    device.failNextMappings = 1;
    expect(device.mapPage(page, 64, DMA_TO_DEVICE)).toBe(DMA_MAPPING_ERROR);
    expect(device.failNextMappings).toBe(0);
    device.dmaMask = 0xffff;
    expect(device.mapPage(page, 64, DMA_TO_DEVICE)).toBe(DMA_MAPPING_ERROR);
    device.dmaMask = 0xffff_ffff;
    const iovas: number[] = [];
    for (let iova = device.mapPage(page, 64, DMA_TO_DEVICE); iova !== DMA_MAPPING_ERROR; ) {
      iovas.push(iova);
      iova = device.mapPage(page, 64, DMA_TO_DEVICE);
    }
    expect(new Set(iovas).size).toBe(48);
    device.unmapPage(iovas[7] as number, 64, DMA_TO_DEVICE);
    expect(device.mapPage(page, 64, DMA_TO_DEVICE)).toBe(iovas[7]);
    machine.log.assertClean();
  });
});

describe('syncForCpu and syncForDevice', () => {
  it('take any part of a mapping in its direction, and nothing else, even on a coherent machine', () => {
    const { machine, device, page } = setUp();
    const iova = device.mapPage(page + 8, 1000, DMA_FROM_DEVICE);
    const both = device.mapPage(page, 1000, DMA_BIDIRECTIONAL);
    device.syncForCpu(iova, 1000, DMA_FROM_DEVICE);
    device.syncForDevice(iova + 999, 1, DMA_FROM_DEVICE);
    device.syncForCpu(both, 10, DMA_FROM_DEVICE);
    machine.log.assertClean();
    for (const sync of ['syncForCpu', 'syncForDevice'] as const) {
      refused(machine, device, /no live mapping/, () => device[sync](0x1000, 8, DMA_FROM_DEVICE));
      refused(machine, device, /the mapping is/, () => device[sync](iova - 1, 8, DMA_FROM_DEVICE));
      refused(machine, device, /the mapping is/, () => device[sync](iova + 999, 2, DMA_FROM_DEVICE));
      refused(machine, device, /not TO_DEVICE/, () => device[sync](iova, 8, DMA_TO_DEVICE));
    }
    expect(device.needSync()).toBe(false);
    expect(new Machine({ ramBytes: 1 << 16, dmaMode: 'non-coherent' }).iommu.addDevice('x').needSync()).toBe(true);
  });
});

describe('allocCoherent', () => {
  it('gives zeroed memory that both sides see alike', () => {
    const { machine, device, page } = setUp();
    machine.ram.bytes.fill(0xff, page, page + PAGE_SIZE);
    machine.ram.freeFrames(machine.ram.frameOf(page), 0);
    const buffer = device.allocCoherent(5000) as CoherentBuffer;
    expect(buffer.length).toBe(5000);
    expect(buffer.region.bytes.subarray(buffer.address, buffer.address + 5000).every((byte) => byte === 0)).toBe(true);
    expect(device.window.write(buffer.iova + 4090, bytes, 0, 16)).toBe(16);
    expect(buffer.region.view.getUint8(buffer.region.base + 4095)).toBe(9);
    expect(device.coherentBuffers).toBe(1);
    expect(machine.audit()).toContain('nic0 holds 1 coherent buffers.');
    device.freeCoherent(buffer);
    expect(machine.audit()).toEqual([]);
    refused(machine, device, /no live mapping/, () => device.freeCoherent(buffer));
  });

  it('is refused by the streaming calls, and the other way round', () => {
    const { machine, device, page } = setUp();
    const buffer = device.allocCoherent(64) as CoherentBuffer;
    refused(machine, device, /coherent mapping/, () => device.unmapPage(buffer.iova, 64, DMA_BIDIRECTIONAL));
    refused(machine, device, /coherent mapping/, () => device.syncForCpu(buffer.iova, 64, DMA_BIDIRECTIONAL));
    const iova = device.mapPage(page, 64, DMA_BIDIRECTIONAL);
    refused(machine, device, /streaming mapping/, () => device.freeCoherent({ ...buffer, iova }));
  });

  it('returns null when RAM or addresses are short', () => {
    const { machine, device } = setUp();
    const free = machine.ram.freePages;
    expect(device.allocCoherent(0)).toBeNull();
    expect(device.allocCoherent(5 << 20)).toBeNull();
    expect(device.allocCoherent(49 * PAGE_SIZE)).toBeNull();
    expect(machine.ram.freePages).toBe(free);
  });
});

describe('peer windows', () => {
  it('let a device write memory that the ordinary calls refuse to touch', () => {
    const { machine, device } = setUp();
    const region = machine.memory.carve(3 * PAGE_SIZE, PAGE_SIZE);
    const window = machine.iommu.addPeerWindow('gpu0', region);
    expect([window.name, window.cpuVisible, window.region === region]).toEqual(['gpu0', false, true]);
    refused(machine, device, /not RAM/, () => device.mapPage(region.base, 64, DMA_FROM_DEVICE));
    const iova = device.mapPeer(window, 100, 2 * PAGE_SIZE, DMA_FROM_DEVICE);
    expect(device.window.write(iova, bytes, 0, 20)).toBe(20);
    expect(region.bytes[region.base + 119]).toBe(9);
    expect(region.bytes[region.base + 120]).toBe(0);
    expect(device.window.read(iova, bytes, 0, 4)).toBe(-EFAULT);
    machine.log.expect('direction forbids it');
    refused(machine, device, /peer mapping/, () => device.syncForCpu(iova, 20, DMA_FROM_DEVICE));
    refused(machine, device, /peer mapping/, () => device.unmapPage(iova, 2 * PAGE_SIZE, DMA_FROM_DEVICE));
    refused(machine, device, /mapped with/, () => device.unmapPeer(iova, PAGE_SIZE));
    expect(() => machine.iommu.removePeerWindow(window)).toThrow(KernelBug);
    device.unmapPeer(iova, 2 * PAGE_SIZE);
    machine.iommu.removePeerWindow(window);
    expect(() => machine.iommu.removePeerWindow(window)).toThrow(KernelBug);
    refused(machine, device, /not on the bus/, () => device.mapPeer(window, 0, 64, DMA_FROM_DEVICE));
  });

  it('may lie in foreign memory', () => {
    const { machine, device } = setUp();
    const foreign = new Uint8Array(2 * PAGE_SIZE);
    const window = machine.iommu.addPeerWindow('webgpu', regionOf(foreign));
    refused(machine, device, /outside webgpu/, () => device.mapPeer(window, PAGE_SIZE, PAGE_SIZE + 1, DMA_FROM_DEVICE));
    const iova = device.mapPeer(window, PAGE_SIZE - 2, 4, DMA_BIDIRECTIONAL);
    expect(device.window.store32(iova, 0x01020304)).toBe(-EFAULT);
    expect(device.window.write(iova, bytes, 0, 4)).toBe(4);
    expect([...foreign.subarray(PAGE_SIZE - 3, PAGE_SIZE + 3)]).toEqual([0, 9, 9, 9, 9, 0]);
    machine.log.expect('two pages');
  });

  it('must not overlap RAM', () => {
    const { machine } = setUp();
    expect(() => machine.iommu.addPeerWindow('bad', machine.ram.region)).toThrow(/overlaps RAM/);
  });
});
