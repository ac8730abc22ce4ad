import { describe, expect, it } from 'vitest';
import { until } from '../test/socket-fixture.ts';
import { EventLoopPump, processTimeNs } from './index.ts';

const settled = () => new Promise<void>((resolve) => setTimeout(resolve, 5));

describe('EventLoopPump', () => {
  it('runs rounds while anyone is busy, everyone in each, and then nothing', async () => {
    const pump = new EventLoopPump();
    const steps = [0, 0];
    let work = 5;
    pump.join({ step: () => steps[0]++ < 0 });
    pump.join({
      step: () => {
        steps[1]++;
        return work-- > 0;
      },
    });
    await until(() => work < 0);
    await settled();
    expect(steps).toEqual([6, 6]);
    const { rounds } = pump;
    await settled();
    expect(pump.rounds).toBe(rounds);
    work = 0;
    pump.wake();
    pump.wake();
    await until(() => pump.rounds > rounds);
    await settled();
    expect(pump.rounds).toBe(rounds + 1);
    pump.stop();
  });

  it('gives the event loop its turn under endless work', async () => {
    const pump = new EventLoopPump();
    pump.join({ step: () => true });
    for (let turn = 0; turn < 3; turn++) await settled();
    pump.stop();
    const { rounds } = pump;
    await settled();
    expect(rounds).toBeGreaterThan(0);
    expect(pump.rounds).toBe(rounds);
  });

  it('wakes for the earliest deadline, and for one that comes earlier than planned', async () => {
    const pump = new EventLoopPump();
    const far = { step: () => false, nextDeadlineNs: processTimeNs() + 3600e9 };
    const near = {
      fired: 0,
      nextDeadlineNs: Number.POSITIVE_INFINITY,
      step(): boolean {
        if (processTimeNs() < this.nextDeadlineNs) return false;
        this.fired++;
        this.nextDeadlineNs = Number.POSITIVE_INFINITY;
        return true;
      },
    };
    pump.join(far);
    pump.join(near);
    await settled();
    near.nextDeadlineNs = processTimeNs() + 3e6;
    pump.wake();
    await until(() => near.fired === 1);
    expect(processTimeNs()).toBeLessThan(far.nextDeadlineNs);
    pump.stop();
  });

  it('lets a participant leave, and joins nobody twice', async () => {
    const pump = new EventLoopPump();
    let steps = 0;
    const one = { step: () => steps++ < 0 };
    pump.join(one);
    pump.join(one);
    await settled();
    expect(steps).toBe(1);
    pump.leave(one);
    pump.leave(one);
    pump.wake();
    await settled();
    expect(steps).toBe(1);
    pump.stop();
    pump.wake();
    await settled();
  });

  it('hands over what a participant throws, and stops', async () => {
    const errors: unknown[] = [];
    const pump = new EventLoopPump({ onError: (error) => errors.push(error) });
    pump.join({
      step: () => {
        throw new Error('broken');
      },
    });
    await until(() => errors.length > 0);
    pump.wake();
    await settled();
    expect(errors).toEqual([new Error('broken')]);
  });
});
