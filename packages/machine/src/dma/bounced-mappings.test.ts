import { regionOf } from '@netmem/region';
import { EFAULT } from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import {
  type CoherentBuffer,
  DMA_ATTR_NO_WARN,
  DMA_ATTR_SKIP_CPU_SYNC,
  DMA_ATTR_WEAK_ORDERING,
  DMA_BIDIRECTIONAL,
  DMA_FROM_DEVICE,
  DMA_MAPPING_ERROR,
  DMA_NONE,
  DMA_TO_DEVICE,
  type DmaDevice,
  Machine,
  PAGE_SIZE,
  RATELIMIT_BURST,
  RATELIMIT_INTERVAL_NS,
  SWIOTLB_SEGMENT_SLOTS,
  SWIOTLB_SLOT_BYTES,
  type Swiotlb,
} from '../index.ts';

const SEGMENT_BYTES = SWIOTLB_SEGMENT_SLOTS * SWIOTLB_SLOT_BYTES;
/** What a page pool passes. */
const ATTRS = DMA_ATTR_SKIP_CPU_SYNC | DMA_ATTR_WEAK_ORDERING;
const DIRECTIONS = [DMA_BIDIRECTIONAL, DMA_TO_DEVICE, DMA_FROM_DEVICE];

interface Bench {
  machine: Machine;
  swiotlb: Swiotlb;
  device: DmaDevice;
  page: number;
  cpu: (at: number, length: number) => number[];
  seen: (iova: number, length: number) => number[];
}

function setUp(segments: number = 1): Bench {
  const machine = new Machine({
    ramBytes: 1 << 20,
    dmaMode: 'swiotlb',
    swiotlbBytes: segments * SEGMENT_BYTES,
    maxIovaPages: 1024,
  });
  const device = machine.iommu.addDevice('nic0');
  const page = machine.ram.address(machine.ram.allocFrames(0, -1));
  const cpu = (at: number, length: number) => [...machine.ram.bytes.subarray(page + at, page + at + length)];
  const seen = (iova: number, length: number) => {
    const into = regionOf(new Uint8Array(length));
    expect(device.window.read(iova, into, 0, length)).toBe(length);
    return [...into.bytes];
  };
  return { machine, swiotlb: machine.iommu.swiotlb as Swiotlb, device, page, cpu, seen };
}

function filled(length: number, value: number): ReturnType<typeof regionOf> {
  return regionOf(new Uint8Array(length).fill(value));
}

describe('bounced mappings', () => {
  it('hide what the device wrote until exactly that range is synced', () => {
    const { machine, device, page, cpu } = setUp();
    const iova = device.mapPage(page, PAGE_SIZE, DMA_FROM_DEVICE, ATTRS);
    device.window.write(iova + 60, filled(200, 5), 0, 200);
    expect(cpu(0, 300).every((byte) => byte === 0)).toBe(true);
    device.syncForCpu(iova + 101, 3, DMA_FROM_DEVICE);
    expect(cpu(99, 7)).toEqual([0, 0, 5, 5, 5, 0, 0]);
    device.syncForCpu(iova, 0, DMA_FROM_DEVICE);
    expect(cpu(99, 7)).toEqual([0, 0, 5, 5, 5, 0, 0]);
    device.syncForCpu(iova, PAGE_SIZE, DMA_FROM_DEVICE);
    expect(cpu(58, 4)).toEqual([0, 0, 5, 5]);
    expect(cpu(258, 4)).toEqual([5, 5, 0, 0]);
    machine.log.assertClean();
  });

  it('lose a packet whose sync is missing: a pool unmaps without copying', () => {
    const { device, page, cpu } = setUp();
    const iova = device.mapPage(page, PAGE_SIZE, DMA_FROM_DEVICE, ATTRS);
    device.window.write(iova, filled(4, 5), 0, 4);
    device.unmapPage(iova, PAGE_SIZE, DMA_FROM_DEVICE, ATTRS);
    expect(cpu(0, 4)).toEqual([0, 0, 0, 0]);
  });

  it('are not copied to the device again when they are FROM_DEVICE', () => {
    for (const direction of DIRECTIONS) {
      const { machine, device, page } = setUp();
      const iova = device.mapPage(page, 64, direction, ATTRS);
      machine.ram.bytes.fill(7, page, page + 64);
      device.syncForDevice(iova + 8, 4, direction);
      // Past the bus: the device itself may not read a FROM_DEVICE mapping.
      const slot = machine.iommu.table.firstByteOf(machine.iommu.table.headOf(iova));
      const copied = direction === DMA_FROM_DEVICE ? 0 : 7;
      expect([...machine.memory.bytes.subarray(slot + 7, slot + 13)]).toEqual([0, copied, copied, copied, copied, 0]);
    }
  });

  it('keep what a device that may read sees apart from what the CPU writes later', () => {
    for (const direction of [DMA_TO_DEVICE, DMA_BIDIRECTIONAL]) {
      const { machine, device, page, seen } = setUp();
      machine.ram.bytes.fill(1, page, page + 64);
      const iova = device.mapPage(page + 10, 40, direction);
      expect(seen(iova, 40)).toEqual(new Array(40).fill(1));
      machine.ram.bytes.fill(2, page, page + 64);
      expect(seen(iova, 4)).toEqual([1, 1, 1, 1]);
      device.syncForDevice(iova + 1, 2, direction);
      expect(seen(iova, 4)).toEqual([1, 2, 2, 1]);
    }
  });

  it('leave what the device did not write as it was, also when everything is copied back', () => {
    // Linux copies in at every map, FROM_DEVICE and SKIP_CPU_SYNC included: bouncing must be transparent.
    for (const attrs of [0, ATTRS]) {
      const { machine, device, page, cpu } = setUp();
      machine.ram.bytes.fill(3, page, page + PAGE_SIZE);
      const iova = device.mapPage(page, PAGE_SIZE, DMA_FROM_DEVICE, attrs);
      device.window.write(iova + 1, filled(2, 9), 0, 2);
      device.unmapPage(iova, PAGE_SIZE, DMA_FROM_DEVICE);
      expect(cpu(0, 5)).toEqual([3, 9, 9, 3, 3]);
      expect(cpu(PAGE_SIZE - 2, 2)).toEqual([3, 3]);
    }
  });

  it('are copied back at unmap unless told not to, and never when TO_DEVICE', () => {
    for (const [direction, attrs, expected] of [
      [DMA_FROM_DEVICE, 0, 5],
      [DMA_BIDIRECTIONAL, 0, 5],
      [DMA_FROM_DEVICE, DMA_ATTR_SKIP_CPU_SYNC, 8],
      [DMA_BIDIRECTIONAL, DMA_ATTR_SKIP_CPU_SYNC, 8],
    ] as const) {
      const { machine, device, page, cpu } = setUp();
      const iova = device.mapPage(page, 64, direction, attrs);
      device.window.write(iova, filled(1, 5), 0, 1);
      machine.ram.bytes[page] = 8;
      device.unmapPage(iova, 64, direction, attrs);
      expect(cpu(0, 1)).toEqual([expected]);
    }
    const { machine, device, page, cpu } = setUp();
    const iova = device.mapPage(page, 64, DMA_TO_DEVICE);
    machine.ram.bytes[page] = 8;
    device.syncForCpu(iova, 64, DMA_TO_DEVICE);
    device.unmapPage(iova, 64, DMA_TO_DEVICE);
    expect(cpu(0, 1)).toEqual([8]);
    machine.log.assertClean();
  });

  it('give each device of a page a slot of its own', () => {
    const { machine, device, page, cpu } = setUp();
    const other = machine.iommu.addDevice('nic1');
    const iova = device.mapPage(page, 64, DMA_FROM_DEVICE, ATTRS);
    const its = other.mapPage(page, 64, DMA_FROM_DEVICE, ATTRS);
    device.window.write(iova, filled(2, 5), 0, 2);
    other.window.write(its, filled(1, 6), 0, 1);
    device.syncForCpu(iova, 2, DMA_FROM_DEVICE);
    expect(cpu(0, 2)).toEqual([5, 5]);
    other.unmapPage(its, 64, DMA_FROM_DEVICE);
    expect(cpu(0, 2)).toEqual([6, 0]);
  });

  it('never bounce coherent buffers and peer windows', () => {
    const { machine, swiotlb, device } = setUp();
    const buffer = device.allocCoherent(64) as CoherentBuffer;
    device.window.publish32(buffer.iova, 77);
    expect(machine.ram.view.getUint32(buffer.address, true)).toBe(77);
    const window = machine.iommu.addPeerWindow('gpu0', machine.memory.carve(PAGE_SIZE, PAGE_SIZE));
    const foreign = machine.iommu.addPeerWindow('webgpu', filled(PAGE_SIZE, 0));
    for (const peer of [window, foreign]) {
      const iova = device.mapPeer(peer, 0, PAGE_SIZE, DMA_FROM_DEVICE);
      device.window.write(iova, filled(1, 5), 0, 1);
      expect(peer.region.bytes[peer.region.base]).toBe(5);
    }
    expect(machine.iommu.linearAddressOf(buffer.iova)).toBe(buffer.address);
    expect(swiotlb.usedSlots).toBe(0);
    expect(device.needSync()).toBe(false);
  });

  it('keep IO virtual addresses what they are elsewhere: same offset in the page, fault beyond the mapped bytes', () => {
    const { machine, device, page } = setUp();
    const iova = device.mapPage(page + 100, 5000, DMA_BIDIRECTIONAL);
    expect(iova % PAGE_SIZE).toBe(100);
    expect(machine.iommu.linearAddressOf(iova)).toBe(page + 100);
    expect(machine.iommu.linearAddressOf(iova + 4999)).toBe(page + 5099);
    expect(device.window.write(iova + 4999, filled(2, 1), 0, 2)).toBe(-EFAULT);
    expect(device.window.write(iova - 1, filled(2, 1), 0, 2)).toBe(-EFAULT);
    machine.log.expect('IOMMU fault');
    machine.log.assertClean();
  });

  it('say that syncs are needed from the first one on, for good, and for that device only', () => {
    const { machine, device, page } = setUp();
    const other = machine.iommu.addDevice('nic1');
    expect(device.needSync()).toBe(false);
    device.dmaMask = 0xff;
    expect(device.mapPage(page, 64, DMA_NONE)).toBe(DMA_MAPPING_ERROR);
    machine.log.expect('no direction');
    expect(device.needSync()).toBe(false);
    // Out of the mask's reach: the slot was taken before that was known.
    expect(device.mapPage(page, 64, DMA_TO_DEVICE)).toBe(DMA_MAPPING_ERROR);
    expect(device.needSync()).toBe(true);
    expect(machine.iommu.swiotlb?.usedSlots).toBe(0);
    expect(other.needSync()).toBe(false);
    const iova = other.mapPage(page, 64, DMA_TO_DEVICE);
    other.unmapPage(iova, 64, DMA_TO_DEVICE);
    expect(other.needSync()).toBe(true);
  });

  it('are traced, and are refused as any other: wrong device, direction or range', () => {
    const { machine, device, page } = setUp();
    const events: number[][] = [];
    machine.trace.subscribe('swiotlb_bounced', (event) => events.push([...event.values]));
    const iova = device.mapPage(page + 4, 64, DMA_FROM_DEVICE);
    expect(events).toEqual([[1, 0xffff_ffff, page + 4, 64, 1]]);
    device.syncForCpu(iova - 1, 2, DMA_FROM_DEVICE);
    device.syncForDevice(iova, 65, DMA_FROM_DEVICE);
    device.syncForDevice(iova, 4, DMA_TO_DEVICE);
    device.unmapPage(iova, 63, DMA_FROM_DEVICE);
    expect(machine.log.unexpected()).toHaveLength(4);
    machine.log.expect(/^DMA-API: nic0: /);
    expect(machine.iommu.swiotlb?.usedSlots).toBe(1);
    device.unmapPage(iova, 64, DMA_FROM_DEVICE);
    expect(machine.iommu.swiotlb?.usedSlots).toBe(0);
    expect(machine.iommu.audit()).toEqual([]);
  });
});

describe('a full swiotlb', () => {
  it('fails the map call and says so as Linux does', () => {
    const { machine, swiotlb, device, page } = setUp();
    const iovas = Array.from({ length: SWIOTLB_SEGMENT_SLOTS / 2 }, () =>
      device.mapPage(page, PAGE_SIZE, DMA_FROM_DEVICE, ATTRS),
    );
    expect(iovas).not.toContain(DMA_MAPPING_ERROR);
    expect([swiotlb.usedSlots, swiotlb.mostUsedSlots]).toEqual([128, 128]);
    expect(device.mapPage(page, 100, DMA_FROM_DEVICE, DMA_ATTR_NO_WARN)).toBe(DMA_MAPPING_ERROR);
    expect(machine.log.unexpected()).toEqual([]);
    const before = [device.liveMappings, device.epoch];
    expect(device.mapPage(page, 100, DMA_FROM_DEVICE)).toBe(DMA_MAPPING_ERROR);
    expect([device.liveMappings, device.epoch]).toEqual(before);
    expect(machine.log.unexpected().map((entry) => [entry.level, entry.text])).toEqual([
      ['warn', 'nic0: swiotlb buffer is full (sz: 100 bytes), total 128 (slots), used 128 (slots)'],
    ]);
    machine.log.expect('swiotlb buffer is full');
    device.unmapPage(iovas[3] as number, PAGE_SIZE, DMA_FROM_DEVICE, ATTRS);
    expect(device.mapPage(page, 100, DMA_FROM_DEVICE)).not.toBe(DMA_MAPPING_ERROR);
    expect(swiotlb.usedSlots).toBe(127);
    machine.log.assertClean();
  });

  it('takes no mapping that is longer than a segment, however empty it is', () => {
    const { machine, device } = setUp(4);
    const address = machine.ram.address(machine.ram.allocFrames(7, -1));
    expect(device.maxMappingBytes()).toBe(SEGMENT_BYTES);
    expect(device.mapPage(address, SEGMENT_BYTES + 1, DMA_TO_DEVICE)).toBe(DMA_MAPPING_ERROR);
    machine.log.expect(`(sz: ${SEGMENT_BYTES + 1} bytes), total 512 (slots), used 0 (slots)`);
    expect(machine.log.unmet()).toEqual([]);
    expect(device.mapPage(address, SEGMENT_BYTES, DMA_TO_DEVICE)).not.toBe(DMA_MAPPING_ERROR);
    expect(new Machine({ ramBytes: 1 << 16 }).iommu.addDevice('x').maxMappingBytes()).toBe(Infinity);
  });

  it('limits how often it says so, and counts the rest', () => {
    const { machine, device, page } = setUp();
    for (let i = 0; i < SWIOTLB_SEGMENT_SLOTS; i++) device.mapPage(page, 1, DMA_TO_DEVICE);
    const fail = () => expect(device.mapPage(page, 1, DMA_TO_DEVICE)).toBe(DMA_MAPPING_ERROR);
    for (let i = 0; i < RATELIMIT_BURST + 3; i++) fail();
    expect(machine.log.unexpected()).toHaveLength(RATELIMIT_BURST);
    machine.clock.advance(RATELIMIT_INTERVAL_NS);
    fail();
    expect(machine.log.unexpected()).toHaveLength(RATELIMIT_BURST);
    machine.clock.advance(1);
    fail();
    const texts = machine.log.unexpected().map((entry) => entry.text);
    expect(texts.slice(RATELIMIT_BURST)).toEqual([
      'swiotlb_tbl_map_single: 4 callbacks suppressed',
      expect.stringContaining('swiotlb buffer is full'),
    ]);
    machine.log.expect('swiotlb');
    machine.log.assertClean();
  });

  it('does not keep a slot of a mapping that got no address', () => {
    const { machine, swiotlb, device, page } = setUp();
    device.failNextMappings = 1;
    expect(device.mapPage(page, 64, DMA_TO_DEVICE)).toBe(DMA_MAPPING_ERROR);
    while (device.mapPeer(machine.iommu.addPeerWindow('gpu', filled(64, 0)), 0, 64, 0) !== DMA_MAPPING_ERROR);
    expect(device.mapPage(page, 64, DMA_TO_DEVICE)).toBe(DMA_MAPPING_ERROR);
    expect(swiotlb.usedSlots).toBe(0);
    machine.log.assertClean();
  });
});
