import { regionOf } from '@netmem/region';
import { describe, expect, it } from 'vitest';
import { DMA_ATTR_SKIP_CPU_SYNC, DMA_BIDIRECTIONAL, DMA_TO_DEVICE, Machine, PAGE_SIZE } from '../index.ts';

const PAGES = 8;
/** The mapping begins in the middle of a page. */
const BEGIN = 100;
const LENGTH = PAGES * PAGE_SIZE - BEGIN;

function setUp(dmaMode: 'coherent' | 'non-coherent' | 'swiotlb') {
  const machine = new Machine({ ramBytes: 1 << 20, dmaMode });
  const device = machine.iommu.addDevice('nic0');
  const start = machine.ram.address(machine.ram.allocFrames(3, -1)) + BEGIN;
  const iova = device.mapPage(start, LENGTH, DMA_BIDIRECTIONAL, DMA_ATTR_SKIP_CPU_SYNC);
  const cpu = (at: number): number => machine.ram.bytes[start + at] as number;
  const put = (at: number, value: number): void => {
    device.window.write(iova + at, regionOf(Uint8Array.of(value)), 0, 1);
  };
  return { machine, device, iova, start, cpu, put };
}

describe('syncWrittenForCpu', () => {
  it.each(['coherent', 'non-coherent', 'swiotlb'] as const)(
    'shows all that the device wrote, however often and through whichever call (%s)',
    (dmaMode) => {
      const { machine, device, iova, cpu, put } = setUp(dmaMode);
      const word = 5 * PAGE_SIZE - BEGIN;
      const across = 6 * PAGE_SIZE - BEGIN - 2;
      const places = [0, PAGE_SIZE - BEGIN, 3 * PAGE_SIZE + 7, LENGTH - 1];
      for (const value of [5, 6, 7]) {
        for (const at of places) put(at, value);
        device.window.store32(iova + word, value);
        device.window.write(iova + across, regionOf(new Uint8Array(4).fill(value)), 0, 4);
        expect(places.map(cpu).includes(value)).toBe(dmaMode === 'coherent');
        device.syncWrittenForCpu(iova, LENGTH, DMA_BIDIRECTIONAL);
        expect([...places, word, across, across + 3].map(cpu)).toEqual(Array(7).fill(value));
      }
      expect(machine.iommu.overwrittenLines).toBe(0);
      machine.log.assertClean();
    },
  );

  it.each(['non-coherent', 'swiotlb'] as const)('leaves pages alone that the device did not write (%s)', (dmaMode) => {
    const { machine, device, iova, start, cpu, put } = setUp(dmaMode);
    const at = 2 * PAGE_SIZE - BEGIN;
    machine.ram.bytes[start + at] = 9;
    device.syncWrittenForCpu(iova, LENGTH, DMA_BIDIRECTIONAL);
    expect(cpu(at)).toBe(9);
    expect(device.window.load32(iova + at)).toBe(0);
    device.syncForDevice(iova, LENGTH, DMA_BIDIRECTIONAL);
    expect(device.window.load32(iova + at)).toBe(9);
    // What was shown once is not shown again, until the device writes again.
    put(at, 10);
    device.syncWrittenForCpu(iova, LENGTH, DMA_BIDIRECTIONAL);
    machine.ram.bytes[start + at] = 11;
    device.syncWrittenForCpu(iova, LENGTH, DMA_BIDIRECTIONAL);
    expect(cpu(at)).toBe(11);
  });

  it('of a part of a page shows that part', () => {
    const { device, iova, cpu, put } = setUp('swiotlb');
    put(0, 1);
    put(2000, 2);
    device.syncWrittenForCpu(iova, 1000, DMA_BIDIRECTIONAL);
    expect([cpu(0), cpu(2000)]).toEqual([1, 0]);
    device.syncWrittenForCpu(iova, LENGTH, DMA_BIDIRECTIONAL);
    expect(cpu(2000)).toBe(2);
  });

  it('refuses what syncForCpu refuses', () => {
    const { machine, device, iova } = setUp('non-coherent');
    device.syncWrittenForCpu(iova, LENGTH + 1, DMA_BIDIRECTIONAL);
    device.syncWrittenForCpu(iova - PAGE_SIZE * PAGES, 1, DMA_BIDIRECTIONAL);
    expect(machine.log.unexpected().map(({ text }) => text.slice(0, 28))).toEqual([
      'DMA-API: nic0: sync for cpu ',
      'DMA-API: nic0: sync for cpu ',
    ]);
    const writeOnly = device.mapPage(machine.ram.address(machine.ram.allocFrames(0, -1)), PAGE_SIZE, DMA_TO_DEVICE);
    device.syncWrittenForCpu(writeOnly, PAGE_SIZE, DMA_TO_DEVICE);
    expect(machine.log.unexpected()).toHaveLength(2);
  });
});
