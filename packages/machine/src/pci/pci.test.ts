import { regionOf } from '@netmem/region';
import { EBUSY, EFAULT, EINVAL, ENODEV, ENOSPC, ERANGE } from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import {
  DMA_TO_DEVICE,
  KernelBug,
  Machine,
  type PciEndpoint,
  type PciFunction,
  type PciHost,
  type PciIdentity,
  swap16,
  swap32,
} from '../index.ts';

const IDENTITY: PciIdentity = {
  vendor: 0x1ae0,
  device: 0x42,
  subsystemVendor: 0x1ae0,
  subsystemDevice: 0x58,
  revision: 0,
  classCode: 0x020000,
  bars: [{ size: 4096 }, { size: 0 }, { size: 64, prefetchable: true }],
  msixVectors: 40,
};

class Device implements PciEndpoint {
  readonly pci: PciIdentity = IDENTITY;
  readonly host: PciHost;
  readonly calls: string[] = [];
  work: number = 0;

  constructor(host: PciHost) {
    this.host = host;
  }

  barRead(bar: number, offset: number, size: number): number {
    this.calls.push(`read ${bar} ${offset} ${size}`);
    return 0x42;
  }

  barWrite(bar: number, offset: number, size: number, value: number): void {
    this.calls.push(`write ${bar} ${offset} ${size} ${value}`);
  }

  run(budget: number): number {
    const done = Math.min(budget, this.work);
    this.work -= done;
    return done;
  }

  reset(): void {
    this.calls.push('reset');
  }
}

function setUp(): { machine: Machine; fn: PciFunction; device: Device } {
  const machine = new Machine({ ramBytes: 1 << 16 });
  const fn = machine.pci.plug((host) => new Device(host));
  return { machine, fn, device: fn.endpoint as Device };
}

describe('PciBus', () => {
  it('gives functions addresses from slot 4 on, and takes them back', () => {
    const { machine, fn } = setUp();
    const second = machine.pci.plug((host) => new Device(host));
    expect([fn.name, second.name]).toEqual(['0000:00:04.0', '0000:00:05.0']);
    expect(fn.dma.name).toBe(fn.name);
    machine.pci.unplug(fn);
    expect(machine.pci.functions).toEqual([second]);
    expect(machine.pci.plug((host) => new Device(host)).name).toBe('0000:00:04.0');
    expect(() => machine.pci.unplug(fn)).toThrow(KernelBug);
    while (machine.pci.functions.length < 28) machine.pci.plug((host) => new Device(host));
    expect(() => machine.pci.plug((host) => new Device(host))).toThrow(/no free slot/);
  });

  it('runs a device round by round', () => {
    const { machine, device } = setUp();
    device.work = 300;
    expect(machine.step()).toBe(true);
    expect(device.work).toBe(44);
    expect(machine.step()).toBe(true);
    expect(machine.step()).toBe(false);
  });

  it('warns about a device that leaves with live mappings, and keeps them in the audit', () => {
    const { machine, fn, device } = setUp();
    const page = machine.ram.address(machine.ram.allocFrames(0, -1));
    fn.dma.mapPage(page, 64, DMA_TO_DEVICE);
    machine.pci.unplug(fn);
    expect(machine.log.unexpected()[0]?.text).toMatch(/^DMA-API: 0000:00:04.0: device released with 1 live mappings/);
    expect(machine.audit()).toContain('0000:00:04.0 has 1 live DMA mappings.');
    expect(device.host.dma.read(0, regionOf(new Uint8Array(4)), 0, 4)).toBe(-EFAULT);
  });

  it('logs what a device notes', () => {
    const { machine, device } = setUp();
    device.host.note({ kind: 'bad-descriptor', detail: 'length 0' });
    expect(machine.log.entries[0]).toMatchObject({ level: 'notice', subsystem: '0000:00:04.0' });
    expect(machine.log.entries[0]?.text).toBe('bad-descriptor: length 0');
    let at = 0;
    device.host.clock.schedule(5, () => {
      at = device.host.clock.nowNs;
    });
    machine.run({ until: () => at > 0 });
    expect(at).toBe(5);
  });
});

describe('PciFunction', () => {
  it('reads and writes registers that exist and answers all ones for the rest', () => {
    const { machine, fn, device } = setUp();
    expect(fn.identity).toBe(IDENTITY);
    expect(fn.readBar(0, 4092, 4)).toBe(0x42);
    fn.writeBar(2, 62, 2, 7);
    expect(device.calls).toEqual(['read 0 4092 4', 'write 2 62 2 7']);
    expect(fn.readBar(0, 4094, 4)).toBe(0xffff_ffff);
    expect(fn.readBar(0, 2, 4)).toBe(0xffff_ffff);
    expect(fn.readBar(1, 0, 1)).toBe(0xff);
    expect(fn.readBar(9, 0, 2)).toBe(0xffff);
    expect(fn.readBar(0, -4, 4)).toBe(0xffff_ffff);
    fn.writeBar(0, 0, 3, 1);
    expect(device.calls).toHaveLength(2);
    expect(fn.badAccesses).toBe(6);
    machine.log.expect('no such register');
    machine.log.assertClean();
  });

  it('is silent when it is gone', () => {
    const { machine, fn, device } = setUp();
    machine.pci.unplug(fn);
    expect(fn.present).toBe(false);
    expect(device.calls).toEqual(['reset']);
    expect(fn.readBar(0, 0, 4)).toBe(0xffff_ffff);
    fn.writeBar(0, 0, 4, 1);
    expect(fn.enableMsix(1)).toBe(-ENODEV);
    expect(device.calls).toEqual(['reset']);
    machine.log.assertClean();
  });
});

describe('MSI-X', () => {
  it('refuses counts and vectors that do not exist', () => {
    const { machine, fn } = setUp();
    expect(fn.requestIrq(0, 'early', () => {})).toBe(-EINVAL);
    expect(fn.enableMsix(0)).toBe(-ERANGE);
    expect(fn.enableMsix(41)).toBe(-ENOSPC);
    expect(fn.enableMsix(40)).toBe(0);
    expect(fn.enableMsix(1)).toBe(-EINVAL);
    expect(fn.requestIrq(40, 'late', () => {})).toBe(-EINVAL);
    expect(fn.requestIrq(39, 'mine', () => {})).toBe(0);
    expect(fn.requestIrq(39, 'yours', () => {})).toBe(-EBUSY);
    machine.log.assertClean();
    fn.freeIrq(38);
    fn.disableMsix();
    expect(machine.log.unexpected().map((entry) => entry.text)).toEqual([
      '0000:00:04.0: trying to free free vector 38',
      '0000:00:04.0: MSI-X disabled with interrupts requested: 39 mine',
    ]);
    expect(fn.enableMsix(1)).toBe(0);
  });

  it('marks at raise and runs handlers in hardirq context from the next round, lowest vector first', () => {
    const { machine, fn, device } = setUp();
    const ran: string[] = [];
    fn.enableMsix(40);
    for (const vector of [39, 31, 32, 0]) {
      fn.requestIrq(vector, `v${vector}`, () => ran.push(`${vector} ${machine.context.kind}`));
    }
    for (const vector of [32, 39, 0, 31, 31]) device.host.raise(vector);
    expect(ran).toEqual([]);
    expect(fn.pendingVectors).toEqual([0, 31, 32, 39]);
    expect(machine.step()).toBe(true);
    expect(ran).toEqual(['0 2', '31 2', '32 2', '39 2']);
    expect(fn.pendingVectors).toEqual([]);
    expect(machine.step()).toBe(false);
    expect(machine.context.depth).toBe(0);
  });

  it('keeps what is raised while masked or not requested, and delivers it once', () => {
    const { machine, fn, device } = setUp();
    let ran = 0;
    fn.enableMsix(2);
    device.host.raise(1);
    expect(machine.step()).toBe(false);
    fn.requestIrq(1, 'late', () => ran++);
    expect(machine.step()).toBe(true);
    expect(ran).toBe(1);
    fn.maskVector(1);
    device.host.raise(1);
    device.host.raise(1);
    expect(machine.step()).toBe(false);
    expect(fn.pendingVectors).toEqual([1]);
    fn.unmaskVector(1);
    machine.step();
    expect(ran).toBe(2);
    fn.freeIrq(1);
    device.host.raise(1);
    fn.unmaskVector(1);
    expect(machine.step()).toBe(false);
    expect(ran).toBe(2);
  });

  it('lets a handler mask a vector that is due in the same round', () => {
    const { machine, fn, device } = setUp();
    const ran: number[] = [];
    fn.enableMsix(2);
    fn.requestIrq(0, 'a', () => {
      ran.push(0);
      fn.maskVector(1);
    });
    fn.requestIrq(1, 'b', () => ran.push(1));
    device.host.raise(1);
    device.host.raise(0);
    machine.step();
    expect(ran).toEqual([0]);
    expect(fn.pendingVectors).toEqual([1]);
    fn.unmaskVector(1);
    machine.step();
    expect(ran).toEqual([0, 1]);
  });

  it('drops and counts what cannot be delivered', () => {
    const { fn, device } = setUp();
    device.host.raise(0);
    fn.enableMsix(2);
    for (const vector of [2, -1, 1e9, Number.NaN]) device.host.raise(vector);
    expect(fn.droppedInterrupts).toBe(5);
    expect(fn.pendingVectors).toEqual([]);
  });
});

describe('byte swapping', () => {
  it('turns registers round, unsigned', () => {
    expect(swap32(0x01020304)).toBe(0x04030201);
    expect(swap32(0x000000ff)).toBe(0xff000000);
    expect(swap32(swap32(0xdeadbeef))).toBe(0xdeadbeef);
    expect(swap16(0x1234)).toBe(0x3412);
    expect(swap16(0xabcd00ff)).toBe(0xff00);
  });
});
