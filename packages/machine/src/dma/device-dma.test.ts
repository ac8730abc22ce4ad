import { type Region, regionOf } from '@netmem/region';
import { EFAULT } from '@netmem/uapi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DMA_BIDIRECTIONAL,
  DMA_FROM_DEVICE,
  DMA_MAPPING_ERROR,
  DMA_TO_DEVICE,
  MAX_LOGGED_FAULTS,
  Machine,
  PAGE_SIZE,
} from '../index.ts';
import { FIRST_IOVA_PAGE, IovaAllocator } from './iova-allocator.ts';

const RAM_PAGES = 16;

describe('DeviceDma', () => {
  it('does what a map of bytes says, whatever is mapped, unmapped and accessed', () => {
    const offset = fc.integer({ min: 0, max: RAM_PAGES * PAGE_SIZE - 1 });
    const length = fc.oneof(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 1, max: 3 * PAGE_SIZE }));
    const device = fc.integer({ min: 0, max: 1 });
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('map' as const),
        device,
        offset,
        length,
        direction: fc.integer({ min: 0, max: 2 }),
      }),
      fc.record({ kind: fc.constant('unmap' as const), pick: fc.nat() }),
      fc.record({
        kind: fc.constantFrom('read' as const, 'write' as const),
        device,
        pick: fc.nat(),
        delta: fc.integer({ min: -40, max: 40 }),
        length,
      }),
    );
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 80 }), (steps) => {
        const machine = new Machine({ ramBytes: RAM_PAGES * PAGE_SIZE, maxIovaPages: 256 });
        const devices = [machine.iommu.addDevice('a'), machine.iommu.addDevice('b')];
        const base = machine.ram.region.base;
        // The model: for every IO virtual byte the RAM offset behind it, per device and access.
        const readable = [new Map<number, number>(), new Map<number, number>()];
        const writable = [new Map<number, number>(), new Map<number, number>()];
        const ram = new Uint8Array(RAM_PAGES * PAGE_SIZE);
        const live: { device: number; iova: number; length: number; direction: number }[] = [];
        let faults = 0;
        let stamp = 0;
        for (const it of steps) {
          if (it.kind === 'map') {
            const fits = it.offset + it.length <= ram.length;
            const iova = (devices[it.device] as (typeof devices)[0]).mapPage(base + it.offset, it.length, it.direction);
            if (!fits) expect(iova).toBe(DMA_MAPPING_ERROR);
            if (iova === DMA_MAPPING_ERROR) continue;
            live.push({ device: it.device, iova, length: it.length, direction: it.direction });
            let overlaps = false;
            for (let i = 0; i < it.length; i++) {
              for (const model of [...readable, ...writable]) overlaps ||= model.has(iova + i);
              if (it.direction !== DMA_FROM_DEVICE) readable[it.device]?.set(iova + i, it.offset + i);
              if (it.direction !== DMA_TO_DEVICE) writable[it.device]?.set(iova + i, it.offset + i);
            }
            expect(overlaps).toBe(false);
          } else if (it.kind === 'unmap') {
            const [mapping] = live.splice(it.pick % Math.max(1, live.length), 1);
            if (mapping === undefined) continue;
            devices[mapping.device]?.unmapPage(mapping.iova, mapping.length, mapping.direction);
            for (let i = 0; i < mapping.length; i++) {
              readable[mapping.device]?.delete(mapping.iova + i);
              writable[mapping.device]?.delete(mapping.iova + i);
            }
          } else {
            const iova = (live[it.pick % Math.max(1, live.length)]?.iova ?? it.pick) + it.delta;
            const model = (it.kind === 'read' ? readable : writable)[it.device] as Map<number, number>;
            const targets = Array.from({ length: it.length }, (_, i) => model.get(iova + i));
            const allowed = targets.every((target) => target !== undefined);
            if (!allowed) faults++;
            const dma = (devices[it.device] as (typeof devices)[0]).window;
            const buffer = regionOf(new Uint8Array(it.length + 2).fill(++stamp));
            const result =
              it.kind === 'read' ? dma.read(iova, buffer, 1, it.length) : dma.write(iova, buffer, 1, it.length);
            expect(result).toBe(allowed ? it.length : -EFAULT);
            if (it.kind === 'write' && allowed) for (const target of targets) ram[target as number] = stamp;
            if (it.kind === 'read') {
              const expected = allowed
                ? targets.map((target) => ram[target as number])
                : targets.map(() => stamp & 0xff);
              expect(buffer.bytes).toEqual(new Uint8Array([stamp & 0xff, ...(expected as number[]), stamp & 0xff]));
            }
          }
        }
        expect(machine.ram.bytes.subarray(base, base + ram.length).every((byte, i) => byte === ram[i])).toBe(true);
        expect(machine.iommu.faults).toBe(faults);
        expect((devices[0]?.faults ?? 0) + (devices[1]?.faults ?? 0)).toBe(faults);
        for (const { device: at, iova, length: bytes, direction } of live)
          devices[at]?.unmapPage(iova, bytes, direction);
        expect(machine.iommu.audit()).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  function oneMapping(direction: number): { machine: Machine; iova: number; page: number; read: Region } {
    const machine = new Machine({ ramBytes: 1 << 20 });
    const page = machine.ram.address(machine.ram.allocFrames(0, -1));
    const device = machine.iommu.addDevice('nic0');
    return { machine, iova: device.mapPage(page, 100, direction), page, read: regionOf(new Uint8Array(8)) };
  }

  it('loads, stores and publishes little-endian words', () => {
    const { machine, iova, page } = oneMapping(DMA_BIDIRECTIONAL);
    const dma = (machine.pci.functions[0]?.dma ?? machine.iommu.addDevice('x')).window;
    expect(dma.load32(iova)).toBe(-EFAULT);
    machine.log.expect('mapping of another device');
    const own = oneMapping(DMA_BIDIRECTIONAL);
    const device = own.machine.iommu.addDevice('y');
    const at = device.mapPage(own.page + 2, 8, DMA_BIDIRECTIONAL);
    expect(device.window.store32(at, 0xfedcba98)).toBe(0);
    expect(device.window.publish32(at + 4, -1)).toBe(0);
    expect([...own.machine.ram.bytes.subarray(own.page + 2, own.page + 10)]).toEqual([
      0x98, 0xba, 0xdc, 0xfe, 255, 255, 255, 255,
    ]);
    expect(device.window.load32(at)).toBe(0xfedcba98);
    expect(device.window.load32(at + 5)).toBe(-EFAULT);
    own.machine.log.expect('outside the mapped bytes');
    expect(machine.ram.bytes[page]).toBe(0);
  });

  it('survives any address and length', () => {
    const { machine, iova, read } = oneMapping(DMA_BIDIRECTIONAL);
    const device = machine.iommu.addDevice('wild');
    for (const address of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 32, 2 ** 53, 0xffff_ffff]) {
      expect(device.window.read(address, read, 0, 8)).toBe(-EFAULT);
      expect(device.window.write(address, read, 0, 8)).toBe(-EFAULT);
      expect(device.window.load32(address)).toBe(-EFAULT);
      expect(device.window.store32(address, 1)).toBe(-EFAULT);
    }
    expect(device.window.read(iova, read, 0, 0)).toBe(0);
    expect(device.window.write(iova, read, 0, -5)).toBe(0);
    expect(device.faults).toBe(28);
    machine.log.expect('IOMMU fault');
  });

  it('logs one line per distinct page, access and reason, and no more than its limit', () => {
    const { machine, iova, read } = oneMapping(DMA_TO_DEVICE);
    const device = machine.iommu.addDevice('nic1');
    for (let i = 0; i < 5; i++) device.window.write(iova + i, read, 0, 8);
    expect(machine.log.unexpected().map((entry) => entry.text)).toEqual([
      `IOMMU fault: nic1: write of 8 bytes at 0x${iova.toString(16)}: mapping of another device`,
    ]);
    expect(machine.log.unexpected()[0]?.level).toBe('err');
    for (let i = 0; i < 2 * MAX_LOGGED_FAULTS; i++) device.window.read((100 + i) * PAGE_SIZE, read, 0, 8);
    expect(machine.log.logged).toBe(MAX_LOGGED_FAULTS);
    expect(device.faults).toBe(5 + 2 * MAX_LOGGED_FAULTS);
  });

  it('has an epoch that tells when a cached address may be stale', () => {
    const { machine, page } = oneMapping(DMA_TO_DEVICE);
    const device = machine.iommu.addDevice('nic1');
    const before = device.window.epoch;
    const iova = device.mapPage(page, 8, DMA_TO_DEVICE);
    expect(device.window.epoch).not.toBe(before);
    const mapped = device.window.epoch;
    device.syncForDevice(iova, 8, DMA_TO_DEVICE);
    expect(device.window.epoch).toBe(mapped);
    device.unmapPage(iova, 8, DMA_TO_DEVICE);
    expect(device.window.epoch).not.toBe(mapped);
  });
});

describe('IovaAllocator', () => {
  it('never hands out a page twice and splits large ranges when fresh ones are gone', () => {
    const iovas = new IovaAllocator(FIRST_IOVA_PAGE + 32);
    const large = iovas.alloc(20);
    expect(large).toBe(FIRST_IOVA_PAGE);
    expect(iovas.alloc(1)).toBe(0);
    iovas.free(large, 20);
    const pages = Array.from({ length: 32 }, () => iovas.alloc(1));
    expect(new Set(pages).size).toBe(32);
    expect(Math.min(...pages)).toBe(FIRST_IOVA_PAGE);
    expect(Math.max(...pages)).toBe(FIRST_IOVA_PAGE + 31);
    expect(iovas.alloc(1)).toBe(0);
  });
});
