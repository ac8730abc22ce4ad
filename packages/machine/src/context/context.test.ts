import { describe, expect, it } from 'vitest';
import {
  CONTEXT_HARDIRQ,
  CONTEXT_NAMES,
  CONTEXT_PROCESS,
  CONTEXT_SOFTIRQ,
  ExecutionContext,
  InstanceLock,
  KernelBug,
} from '../index.ts';

describe('ExecutionContext', () => {
  it('nests, and remembers what was running below', () => {
    const context = new ExecutionContext();
    const seen: string[] = [];
    const look = () => seen.push(`${CONTEXT_NAMES[context.kind]} ${context.napiId} ${context.inSoftirq}`);
    look();
    context.enterSoftirq(0);
    context.enterSoftirq(8193);
    look();
    context.enterHardirq();
    look();
    context.leaveHardirq();
    look();
    context.leaveSoftirq();
    look();
    context.leaveSoftirq();
    look();
    expect(seen).toEqual([
      'process 0 false',
      'softirq 8193 true',
      'hardirq 0 false',
      'softirq 8193 true',
      'softirq 0 true',
      'process 0 false',
    ]);
    expect(context.cpu).toBe(0);
    expect(context.depth).toBe(0);
  });

  it('refuses unbalanced, impossible and bottomless nesting', () => {
    const context = new ExecutionContext();
    expect(() => context.leaveSoftirq()).toThrow(KernelBug);
    context.enterHardirq();
    expect(context.kind).toBe(CONTEXT_HARDIRQ);
    expect(() => context.enterSoftirq(1)).toThrow(/softirq within hardirq/);
    expect(() => context.leaveSoftirq()).toThrow(/leaving softirq while in hardirq/);
    context.leaveHardirq();
    expect(() => {
      for (;;) context.enterSoftirq(1);
    }).toThrow(/a leave is missing/);
    expect(context.kind).toBe(CONTEXT_SOFTIRQ);
  });

  it('knows where one may sleep', () => {
    const context = new ExecutionContext();
    context.assertMaySleep('waiting');
    expect(context.kind).toBe(CONTEXT_PROCESS);
    context.enterSoftirq(0);
    expect(() => context.assertMaySleep('waiting')).toThrow('sleeping in atomic context: waiting in softirq context');
  });
});

describe('InstanceLock', () => {
  it('is held or not, and says who needs it', () => {
    const lock = new InstanceLock(new ExecutionContext(), 'eth0');
    expect(() => lock.assertHeld('ndo_queue_stop')).toThrow('ndo_queue_stop needs the lock of eth0');
    lock.lock();
    expect(lock.held).toBe(true);
    lock.assertHeld('ndo_queue_stop');
    expect(() => lock.lock()).toThrow(/lock recursion/);
    lock.unlock();
    expect(lock.held).toBe(false);
    expect(() => lock.unlock()).toThrow(/unbalanced/);
  });

  it('is a mutex: not for softirqs', () => {
    const context = new ExecutionContext();
    const lock = new InstanceLock(context, 'eth0');
    context.enterSoftirq(1);
    expect(() => lock.lock()).toThrow(/taking the lock of eth0/);
    expect(lock.held).toBe(false);
  });
});
