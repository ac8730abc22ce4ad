import { describe, expect, it } from 'vitest';
import { CONTEXT_PROCESS, Machine, Work, Workqueue } from '../index.ts';

describe('Workqueue', () => {
  it('runs works in order, in process context, each once per time it was scheduled', () => {
    const machine = new Machine({ ramBytes: 1 << 16 });
    const ran: string[] = [];
    const a = new Work(() => ran.push(`a ${machine.context.kind}`));
    const b = new Work(() => ran.push(`b ${machine.context.kind}`));
    expect(machine.work).toBeInstanceOf(Workqueue);
    expect(machine.work.schedule(a)).toBe(true);
    expect(machine.work.schedule(a)).toBe(false);
    expect(machine.work.schedule(b)).toBe(true);
    expect(a.pending).toBe(true);
    expect(machine.run()).toBe(true);
    expect(ran).toEqual([`a ${CONTEXT_PROCESS}`, `b ${CONTEXT_PROCESS}`]);
    expect(a.pending).toBe(false);
    expect(machine.work.schedule(a)).toBe(true);
  });

  it('lets a work schedule itself again for the next round', () => {
    const machine = new Machine({ ramBytes: 1 << 16 });
    let ran = 0;
    const work: Work = new Work((self) => {
      if (++ran < 3) machine.work.schedule(self);
    });
    machine.work.schedule(work);
    machine.step();
    expect(ran).toBe(1);
    machine.run();
    expect(ran).toBe(3);
  });

  it('waits for the delay: page_pool’s release worker comes back every second', () => {
    const machine = new Machine({ ramBytes: 1 << 16 });
    const at: number[] = [];
    const work: Work = new Work((self) => {
      at.push(machine.clock.nowNs);
      if (at.length < 3) machine.work.scheduleDelayed(self, 1e9);
    });
    expect(machine.work.scheduleDelayed(work, 1e9)).toBe(true);
    expect(machine.work.scheduleDelayed(work, 5)).toBe(false);
    expect(machine.work.schedule(work)).toBe(false);
    expect(machine.run()).toBe(true);
    expect(at).toEqual([]);
    machine.run({ until: () => at.length === 3 });
    expect(at).toEqual([1e9, 2e9, 3e9]);
    expect(machine.work.scheduleDelayed(work, 0)).toBe(true);
    expect(machine.work.queued).toBe(1);
  });

  it('cancels what waits for its delay or its turn', () => {
    const machine = new Machine({ ramBytes: 1 << 16 });
    const ran: string[] = [];
    const works = ['a', 'b', 'c'].map((name) => new Work(() => ran.push(name)));
    const [a, b, c] = works as [Work, Work, Work];
    for (const work of works) machine.work.schedule(work);
    expect(machine.work.cancel(b)).toBe(true);
    expect(machine.work.cancel(b)).toBe(false);
    expect(machine.work.cancel(c)).toBe(true);
    machine.work.schedule(c);
    machine.run();
    expect(ran).toEqual(['a', 'c']);
    machine.work.scheduleDelayed(a, 10);
    expect(machine.work.cancel(a)).toBe(true);
    expect(a.pending).toBe(false);
    machine.run({ until: () => false, timeoutNs: 100 });
    expect(ran).toEqual(['a', 'c']);
    machine.work.scheduleDelayed(a, 10);
    machine.run({ until: () => !a.pending });
    expect(ran).toEqual(['a', 'c', 'a']);
  });
});
