import { LinearMemory } from '@netmem/region';
import { describe, expect, it } from 'vitest';
import {
  Clock,
  DMA_TO_DEVICE,
  KernelBug,
  Machine,
  type MachineOptions,
  NET_RX_SOFTIRQ,
  type PciEndpoint,
  type PciHost,
  type PciIdentity,
  Work,
} from './index.ts';

const IDENTITY: PciIdentity = {
  vendor: 1,
  device: 2,
  subsystemVendor: 0,
  subsystemDevice: 0,
  revision: 0,
  classCode: 0x020000,
  bars: [{ size: 16 }],
  msixVectors: 1,
};

/** A device that answers each doorbell with an interrupt, `latencyNs` later. */
class Echo implements PciEndpoint {
  readonly pci: PciIdentity = IDENTITY;
  readonly host: PciHost;
  readonly latencyNs: number;
  rung: number = 0;
  answered: number = 0;

  constructor(host: PciHost, latencyNs: number) {
    this.host = host;
    this.latencyNs = latencyNs;
  }

  barRead(): number {
    return this.answered;
  }

  barWrite(): void {
    this.rung++;
  }

  run(): number {
    if (this.rung === 0) return 0;
    this.rung--;
    this.host.clock.schedule(this.host.clock.nowNs + this.latencyNs, () => {
      this.answered++;
      this.host.raise(0);
    });
    return 1;
  }

  reset(): void {}
}

function small(options: MachineOptions = {}): Machine {
  return new Machine({ ramBytes: 1 << 16, ...options });
}

describe('Machine', () => {
  it('does a round in order: device, interrupt, softirq, work', () => {
    const machine = small();
    const order: string[] = [];
    const work = new Work(() => order.push('work'));
    machine.softirq.register(NET_RX_SOFTIRQ, () => {
      order.push('softirq');
      machine.work.schedule(work);
      return false;
    });
    const fn = machine.pci.plug((host) => new Echo(host, 0));
    fn.enableMsix(1);
    fn.requestIrq(0, 'echo', () => {
      order.push('hardirq');
      machine.softirq.raise(NET_RX_SOFTIRQ);
    });
    machine.clock.createTimer(() => order.push('timer')).mod(0);
    fn.writeBar(0, 0, 4, 1);
    expect(order).toEqual([]);
    expect(machine.step()).toBe(true);
    expect(order).toEqual(['hardirq', 'timer', 'softirq', 'work']);
    expect(machine.step()).toBe(false);
  });

  it('runs to quiescence without moving time', () => {
    const machine = small();
    const fn = machine.pci.plug((host) => new Echo(host, 1000));
    machine.clock.createTimer(() => {}).mod(5);
    fn.writeBar(0, 0, 4, 1);
    expect(machine.run()).toBe(true);
    expect(machine.clock.nowNs).toBe(0);
    expect(fn.readBar(0, 0, 4)).toBe(0);
    expect(machine.clock.nextExpiryNs).toBe(5);
  });

  it('jumps to the next timer only when everybody is idle', () => {
    const machine = small();
    const fn = machine.pci.plug((host) => new Echo(host, 1000));
    let left = 5;
    const seen: number[] = [];
    machine.join({
      step: () => {
        if (left === 0) return false;
        left--;
        seen.push(machine.clock.nowNs);
        return true;
      },
    });
    fn.writeBar(0, 0, 4, 1);
    expect(machine.run({ until: () => fn.readBar(0, 0, 4) === 1 })).toBe(true);
    expect(seen).toEqual([0, 0, 0, 0, 0]);
    expect(machine.clock.nowNs).toBe(1000);
  });

  it('works off what the condition itself set off before it lets time pass', () => {
    const machine = small();
    for (let at = 1; at < 9; at++) machine.clock.schedule(at * 1e6, () => {});
    const looked: number[] = [];
    const worked: number[] = [];
    const work = new Work(() => worked.push(machine.clock.nowNs));
    machine.run({
      until: () => {
        if (machine.work.schedule(work)) looked.push(machine.clock.nowNs);
        return looked.length > 5;
      },
      timeoutNs: 8e6,
    });
    machine.run();
    expect(worked).toEqual(looked);
  });

  it('gives up when time is up, and at the latest then', () => {
    const machine = small();
    let fired = 0;
    machine.clock
      .createTimer((timer) => {
        fired++;
        timer.mod(machine.clock.nowNs + 400);
      })
      .mod(400);
    expect(machine.run({ until: () => false, timeoutNs: 1000 })).toBe(false);
    expect(fired).toBe(2);
    expect(machine.clock.nowNs).toBe(1000);
    expect(small().run({ until: () => false })).toBe(false);
  });

  it('looks at the condition before it does anything', () => {
    const machine = small();
    machine.join({
      step: () => {
        throw new Error('must not run');
      },
    });
    expect(machine.run({ until: () => true })).toBe(true);
  });

  it('never waits on a real clock', () => {
    let now = 0;
    const machine = small({ clock: new Clock({ source: () => now }) });
    let fired = 0;
    machine.clock.createTimer(() => fired++).mod(100);
    expect(machine.run({ until: () => fired > 0 })).toBe(false);
    expect(machine.clock.nextExpiryNs).toBe(100);
    now = 100;
    expect(machine.run({ until: () => fired > 0 })).toBe(true);
  });

  it('reads a real clock once per round', () => {
    let reads = 0;
    const machine = small({ clock: new Clock({ source: () => ++reads }) });
    reads = 0;
    machine.step();
    machine.step();
    expect(reads).toBe(2);
  });

  it('keeps to its time-out on a real clock that is always busy', () => {
    let now = 0;
    const machine = small({ clock: new Clock({ source: () => now++ }) });
    machine.join({ step: () => true });
    expect(machine.run({ timeoutNs: 50 })).toBe(false);
    expect(machine.run({ until: () => false, timeoutNs: 50 })).toBe(false);
  });

  it('refuses to be run from within', () => {
    const machine = small();
    const errors: string[] = [];
    const attempt = (call: () => void) => {
      try {
        call();
      } catch (error) {
        errors.push((error as KernelBug).rule);
      }
    };
    machine.work.schedule(
      new Work(() => {
        attempt(() => machine.run());
        attempt(() => machine.step());
      }),
    );
    machine.run();
    machine.run({ until: () => attempt(() => machine.run()) === undefined });
    expect(errors).toEqual(['nested pump', 'nested pump', 'nested pump']);
    expect(machine.run()).toBe(true);
  });

  it('shares time with a machine that is given its clock, and pumps it when it joins', () => {
    const a = small({ name: 'a' });
    const b = small({ name: 'b', clock: a.clock });
    const seen: string[] = [];
    expect(b.clock).not.toBe(a.clock);
    a.clock.createTimer(() => seen.push(`a ${a.context.inSoftirq} ${b.context.inSoftirq}`)).mod(5);
    b.clock.createTimer(() => seen.push(`b ${a.context.inSoftirq} ${b.context.inSoftirq}`)).mod(5);
    expect(() => a.run({ until: () => seen.length === 2 })).toThrow(/join the machine/);
    a.join(b);
    a.join(b);
    a.join(a);
    b.join(a);
    expect(a.run({ until: () => seen.length === 2 })).toBe(true);
    expect(seen).toEqual(['a true false', 'b false true']);
    expect(b.clock.nowNs).toBe(5);
    a.leave(b);
    b.work.schedule(new Work(() => seen.push('b')));
    a.run();
    expect(seen).toHaveLength(2);
    b.run();
    expect(seen).toHaveLength(3);
    expect(() => a.join(small())).toThrow(/different clocks/);
  });

  it('takes RAM from a memory that it is given', () => {
    const memory = new LinearMemory(4 << 20);
    const a = new Machine({ memory, ramBytes: 1 << 20 });
    const b = new Machine({ memory, ramBytes: 1 << 20 });
    expect(a.memory).toBe(memory);
    expect(b.ram.region.base).toBeGreaterThanOrEqual(a.ram.region.base + (1 << 20));
    expect(() => new Machine({ memory, ramBytes: 8 << 20 })).toThrow(RangeError);
  });

  it('knows its DMA mode', () => {
    for (const dmaMode of ['coherent', 'non-coherent', 'swiotlb'] as const) {
      expect([small({ dmaMode }).dmaMode, small({ dmaMode }).iommu.mode]).toEqual([dmaMode, dmaMode]);
    }
    expect(small().dmaMode).toBe('coherent');
  });
});

describe('sleepUntil', () => {
  it('runs the device and its timers, and nothing else', () => {
    const machine = small();
    const fn = machine.pci.plug((host) => new Echo(host, 1e6));
    const others: string[] = [];
    fn.enableMsix(1);
    fn.requestIrq(0, 'echo', () => others.push('hardirq'));
    machine.softirq.register(NET_RX_SOFTIRQ, () => {
      others.push('softirq');
      return false;
    });
    machine.softirq.raise(NET_RX_SOFTIRQ);
    machine.work.schedule(new Work(() => others.push('work')));
    machine.clock.createTimer(() => others.push('timer')).mod(10);
    machine.join({ step: () => others.push('participant') > 0 });
    fn.writeBar(0, 0, 4, 1);
    expect(machine.sleepUntil(() => fn.readBar(0, 0, 4) === 1, 2e9)).toBe(true);
    expect(machine.clock.nowNs).toBe(1e6);
    expect(others).toEqual([]);
    machine.step();
    expect(others).toEqual(['hardirq', 'timer', 'softirq', 'work']);
  });

  it('gives up after its time-out, having looked every step', () => {
    const machine = small();
    let looks = 0;
    expect(machine.sleepUntil(() => ++looks < 0, 2e9, 20e6)).toBe(false);
    expect(machine.clock.nowNs).toBe(2e9);
    expect(looks).toBe(102);
  });

  it('spins on a real clock', () => {
    let now = 0;
    const machine = small({ clock: new Clock({ source: () => now++ }) });
    expect(machine.sleepUntil(() => false, 100)).toBe(false);
    const fn = machine.pci.plug((host) => new Echo(host, 50));
    fn.writeBar(0, 0, 4, 1);
    expect(machine.sleepUntil(() => fn.readBar(0, 0, 4) === 1, 1000)).toBe(true);
  });

  it('may be called from a work, and not from a softirq', () => {
    const machine = small();
    const fn = machine.pci.plug((host) => new Echo(host, 10));
    let answered = false;
    machine.work.schedule(
      new Work(() => {
        fn.writeBar(0, 0, 4, 1);
        answered = machine.sleepUntil(() => fn.readBar(0, 0, 4) === 1, 1000);
      }),
    );
    machine.run();
    expect(answered).toBe(true);
    machine.context.enterSoftirq(1);
    expect(() => machine.sleepUntil(() => true, 1)).toThrow(KernelBug);
  });
});

describe('audit', () => {
  it('is empty for a machine that gave everything back, and names what is left otherwise', () => {
    const machine = small();
    expect(machine.audit()).toEqual([]);
    machine.ram.reserveFrames(2);
    expect(machine.audit()).toEqual([]);
    const frame = machine.ram.allocFrames(0, -1);
    const device = machine.iommu.addDevice('nic');
    const iova = device.mapPage(machine.ram.address(frame), 64, DMA_TO_DEVICE);
    machine.log.warn('odd');
    machine.context.enterSoftirq(0);
    expect(machine.audit()).toEqual([
      'nic has 1 live DMA mappings.',
      '1 pages of RAM are in use.',
      'A context was entered and not left.',
      'Unexpected log entry: kernel: odd',
    ]);
    machine.context.leaveSoftirq();
    machine.log.expect('odd');
    device.unmapPage(iova, 64, DMA_TO_DEVICE);
    machine.ram.freeFrames(frame, 0);
    expect(machine.audit()).toEqual([]);
  });
});
