import { regionOf } from '@netmem/region';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type CoherentBuffer,
  CPU_CACHE_LINE_BYTES,
  DMA_ATTR_SKIP_CPU_SYNC,
  DMA_ATTR_WEAK_ORDERING,
  DMA_BIDIRECTIONAL,
  DMA_FROM_DEVICE,
  DMA_TO_DEVICE,
  type DmaDevice,
  Machine,
  PAGE_SIZE,
} from '../index.ts';
import { CpuCache } from './cpu-cache.ts';

const ATTRS = DMA_ATTR_SKIP_CPU_SYNC | DMA_ATTR_WEAK_ORDERING;

function setUp(): { machine: Machine; device: DmaDevice; page: number; cpu: (at: number, length: number) => number[] } {
  const machine = new Machine({ ramBytes: 1 << 20, dmaMode: 'non-coherent' });
  const page = machine.ram.address(machine.ram.allocFrames(0, -1));
  const cpu = (at: number, length: number) => [...machine.ram.bytes.subarray(page + at, page + at + length)];
  return { machine, device: machine.iommu.addDevice('nic0'), page, cpu };
}

function bytesOf(...values: number[]): ReturnType<typeof regionOf> {
  return regionOf(new Uint8Array(values));
}

describe('non-coherent DMA', () => {
  it('shows the CPU stale bytes until the range is synced, rounded out to cache lines', () => {
    const { device, page, cpu } = setUp();
    const iova = device.mapPage(page, PAGE_SIZE, DMA_FROM_DEVICE, ATTRS);
    device.window.write(iova + 60, regionOf(new Uint8Array(200).fill(5)), 0, 200);
    expect(cpu(0, 300).every((byte) => byte === 0)).toBe(true);
    device.syncForCpu(iova + 100, 8, DMA_FROM_DEVICE);
    expect(cpu(60, 4)).toEqual([0, 0, 0, 0]);
    expect(cpu(CPU_CACHE_LINE_BYTES, 64).every((byte) => byte === 5)).toBe(true);
    expect(cpu(2 * CPU_CACHE_LINE_BYTES, 4)).toEqual([0, 0, 0, 0]);
    device.syncForCpu(iova, 300, DMA_FROM_DEVICE);
    expect(cpu(60, 200).every((byte) => byte === 5)).toBe(true);
    expect(cpu(260, 4)).toEqual([0, 0, 0, 0]);
  });

  it('syncs nothing for a length of 0', () => {
    const { device, page, cpu } = setUp();
    const iova = device.mapPage(page, PAGE_SIZE, DMA_FROM_DEVICE, ATTRS);
    device.window.write(iova, bytesOf(1, 2, 3, 4), 0, 4);
    device.syncForCpu(iova, 0, DMA_FROM_DEVICE);
    expect(cpu(0, 4)).toEqual([0, 0, 0, 0]);
  });

  it('lets dirty lines that were not handed over overwrite what the device wrote', () => {
    const { machine, device, page, cpu } = setUp();
    const iova = device.mapPage(page, PAGE_SIZE, DMA_FROM_DEVICE, ATTRS);
    machine.ram.bytes[page + 10] = 0xdd;
    device.window.write(iova, regionOf(new Uint8Array(128).fill(5)), 0, 128);
    device.syncForCpu(iova, 128, DMA_FROM_DEVICE);
    expect(cpu(0, 11)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xdd]);
    expect(cpu(64, 2)).toEqual([5, 5]);
    expect(machine.iommu.overwrittenLines).toBe(1);
  });

  it('keeps what the device wrote when the CPU handed its lines over before', () => {
    const { machine, device, page, cpu } = setUp();
    const iova = device.mapPage(page, PAGE_SIZE, DMA_FROM_DEVICE, ATTRS);
    machine.ram.bytes[page + 10] = 0xdd;
    device.syncForDevice(iova, PAGE_SIZE, DMA_FROM_DEVICE);
    device.window.write(iova, regionOf(new Uint8Array(8).fill(5)), 0, 8);
    device.syncForCpu(iova, 16, DMA_FROM_DEVICE);
    expect(cpu(0, 11)).toEqual([5, 5, 5, 5, 5, 5, 5, 5, 0, 0, 0xdd]);
    expect(machine.iommu.overwrittenLines).toBe(0);
  });

  it('shows the device what the CPU wrote only when it is handed over', () => {
    const { machine, device, page } = setUp();
    machine.ram.bytes.fill(7, page, page + 64);
    const unsynced = device.mapPage(page, 64, DMA_TO_DEVICE, ATTRS);
    const seen = regionOf(new Uint8Array(1));
    device.window.read(unsynced, seen, 0, 1);
    expect(seen.bytes[0]).toBe(0);
    device.mapPage(page, 64, DMA_TO_DEVICE);
    device.window.read(unsynced, seen, 0, 1);
    expect(seen.bytes[0]).toBe(7);
    machine.ram.bytes[page] = 8;
    device.syncForDevice(unsynced, 1, DMA_TO_DEVICE);
    device.window.read(unsynced, seen, 0, 1);
    expect(seen.bytes[0]).toBe(8);
  });

  it('syncs at unmap unless told not to, and never for a TO_DEVICE mapping', () => {
    for (const [direction, attrs, expected] of [
      [DMA_FROM_DEVICE, 0, 5],
      [DMA_BIDIRECTIONAL, 0, 5],
      [DMA_FROM_DEVICE, DMA_ATTR_SKIP_CPU_SYNC, 0],
    ] as const) {
      const { device, page, cpu } = setUp();
      const iova = device.mapPage(page, 64, direction, attrs);
      device.window.write(iova, bytesOf(5), 0, 1);
      device.unmapPage(iova, 64, direction, attrs);
      expect(cpu(0, 1)).toEqual([expected]);
    }
    const { machine, device, page, cpu } = setUp();
    const write = device.mapPage(page, 64, DMA_FROM_DEVICE, ATTRS);
    const iova = device.mapPage(page, 64, DMA_TO_DEVICE);
    device.window.write(write, bytesOf(5), 0, 1);
    device.syncForCpu(iova, 64, DMA_TO_DEVICE);
    device.unmapPage(iova, 64, DMA_TO_DEVICE);
    expect(cpu(0, 1)).toEqual([0]);
    machine.log.assertClean();
  });

  it('leaves coherent memory one memory', () => {
    const { machine, device } = setUp();
    const buffer = device.allocCoherent(64) as CoherentBuffer;
    device.window.publish32(buffer.iova, 77);
    expect(machine.ram.view.getUint32(buffer.address, true)).toBe(77);
    machine.ram.view.setUint32(buffer.address, 78, true);
    expect(device.window.load32(buffer.iova)).toBe(78);
  });
});

describe('CpuCache', () => {
  const BYTES = 8 * CPU_CACHE_LINE_BYTES;

  /** What hardware does, a line at a time, on plain arrays. */
  class Model {
    readonly cpu: Uint8Array = new Uint8Array(BYTES);
    readonly device: Uint8Array = new Uint8Array(BYTES);
    readonly #agreed: Uint8Array = new Uint8Array(BYTES);

    sync(at: number, length: number, drop: boolean): void {
      for (let line = 0; line < BYTES; line += CPU_CACHE_LINE_BYTES) {
        const end = line + CPU_CACHE_LINE_BYTES;
        if (length === 0 || end <= at || line >= at + length) continue;
        const isDirty = this.cpu.subarray(line, end).some((byte, i) => byte !== this.#agreed[line + i]);
        if (!isDirty && !drop) continue;
        if (isDirty) this.device.set(this.cpu.subarray(line, end), line);
        else this.cpu.set(this.device.subarray(line, end), line);
        this.#agreed.set(this.cpu.subarray(line, end), line);
      }
    }
  }

  it('agrees with a model of lines, whatever the order of writes and syncs', () => {
    const step = fc.record({
      kind: fc.constantFrom('cpu', 'device', 'clean', 'invalidate'),
      at: fc.integer({ min: 0, max: BYTES / 2 - 1 }),
      length: fc.integer({ min: 0, max: 130 }),
      value: fc.integer({ min: 0, max: 3 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const machine = new Machine({ ramBytes: PAGE_SIZE, maxIovaPages: 32 });
        const base = machine.ram.region.base;
        const cache = new CpuCache(machine.memory, machine.ram);
        const model = new Model();
        for (const { kind, at, length, value } of steps) {
          if (kind === 'cpu') {
            model.cpu.fill(value, at, at + length);
            machine.ram.bytes.fill(value, base + at, base + at + length);
          } else if (kind === 'device') {
            model.device.fill(value, at, at + length);
            cache.deviceView.bytes.fill(value, at, at + length);
          } else {
            model.sync(at, length, kind === 'invalidate');
            if (kind === 'clean') cache.clean(base + at, length);
            else cache.invalidate(base + at, length);
          }
        }
        expect(machine.ram.bytes.slice(base, base + BYTES)).toEqual(model.cpu);
        expect(cache.deviceView.bytes.slice(0, BYTES)).toEqual(model.device);
      }),
      { numRuns: 200 },
    );
  });
});
