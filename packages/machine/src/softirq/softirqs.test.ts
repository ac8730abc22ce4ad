import { describe, expect, it } from 'vitest';
import {
  ExecutionContext,
  HI_SOFTIRQ,
  KernelBug,
  NET_RX_SOFTIRQ,
  NET_TX_SOFTIRQ,
  RCU_SOFTIRQ,
  Softirqs,
  TIMER_SOFTIRQ,
} from '../index.ts';

describe('Softirqs', () => {
  it('run by number in softirq context, once per pass', () => {
    const context = new ExecutionContext();
    const softirqs = new Softirqs(context);
    const ran: string[] = [];
    for (const nr of [NET_RX_SOFTIRQ, HI_SOFTIRQ, NET_TX_SOFTIRQ, TIMER_SOFTIRQ]) {
      softirqs.register(nr, () => {
        ran.push(`${nr} ${context.inSoftirq}`);
        if (nr === NET_TX_SOFTIRQ) softirqs.raise(HI_SOFTIRQ);
        return nr === NET_RX_SOFTIRQ && ran.length < 6;
      });
    }
    expect(softirqs.run()).toBe(false);
    softirqs.raise(NET_RX_SOFTIRQ);
    softirqs.raise(NET_TX_SOFTIRQ);
    softirqs.raise(NET_RX_SOFTIRQ);
    softirqs.raise(RCU_SOFTIRQ);
    expect(softirqs.run()).toBe(true);
    expect(ran).toEqual(['2 true', '3 true']);
    expect(softirqs.raised).toBe((1 << HI_SOFTIRQ) | (1 << NET_RX_SOFTIRQ));
    softirqs.run();
    expect(ran).toEqual(['2 true', '3 true', '0 true', '3 true']);
    expect(context.depth).toBe(0);
  });

  it('keep the others’ turn when a handler throws', () => {
    const context = new ExecutionContext();
    const softirqs = new Softirqs(context);
    softirqs.register(HI_SOFTIRQ, () => {
      throw new Error('boom');
    });
    softirqs.raise(HI_SOFTIRQ);
    softirqs.raise(NET_RX_SOFTIRQ);
    expect(() => softirqs.run()).toThrow('boom');
    expect(softirqs.raised).toBe(1 << NET_RX_SOFTIRQ);
    expect(context.depth).toBe(0);
  });

  it('have one handler each', () => {
    const softirqs = new Softirqs(new ExecutionContext());
    softirqs.register(HI_SOFTIRQ, () => false);
    expect(() => softirqs.register(HI_SOFTIRQ, () => false)).toThrow(KernelBug);
    expect(() => softirqs.register(10, () => false)).toThrow(KernelBug);
  });
});
