import { describe, expect, it } from 'vitest';
import { LoopbackHost } from '../../test/loopback-host.ts';

describe('the clocks of a stack', () => {
  it('count milliseconds and microseconds of machine time, as int32s whose differences survive the wrap', () => {
    const { machine, stack } = new LoopbackHost();
    const [ms, us] = [stack.nowMs, stack.nowUs];
    machine.clock.jumpTo(machine.clock.nowNs + 2_500_000);
    expect([(stack.nowMs - ms) | 0, (stack.nowUs - us) | 0]).toEqual([2, 2500]);

    machine.clock.jumpTo(2 ** 31 * 1e3 - 1e3);
    const before = stack.nowUs;
    machine.clock.jumpTo(2 ** 31 * 1e3 + 1e3);
    expect(stack.nowUs).toBeLessThan(0);
    expect((stack.nowUs - before) | 0).toBe(2);
  });
});
