import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Clock, ExecutionContext, KernelBug, type Timer } from '../index.ts';

describe('Timer', () => {
  it('fires like a sorted list, however timers are moved, stopped and moved again', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('mod' as const), timer: fc.nat(7), at: fc.integer({ min: -5, max: 60 }) }),
      fc.record({ kind: fc.constant('del' as const), timer: fc.nat(7), at: fc.constant(0) }),
      fc.record({ kind: fc.constant('advance' as const), timer: fc.constant(0), at: fc.nat(25) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const clock = new Clock();
        const fired: string[] = [];
        const timers = Array.from({ length: 8 }, (_, i) =>
          clock.createTimer(
            (timer) => fired.push(`${i}@${clock.nowNs}/${timer.expiresNs}`),
            i % 2 === 0 ? 'softirq' : 'device',
          ),
        );
        const expected: string[] = [];
        let model: { timer: number; at: number; seq: number }[] = [];
        let now = 0;
        for (const [seq, { kind, timer, at }] of steps.entries()) {
          if (kind === 'mod') {
            timers[timer]?.mod(now + at);
            model = model.filter((entry) => entry.timer !== timer);
            model.push({ timer, at: Math.max(now, now + at), seq });
          } else if (kind === 'del') {
            expect(timers[timer]?.del()).toBe(model.some((entry) => entry.timer === timer));
            model = model.filter((entry) => entry.timer !== timer);
          } else {
            now += at;
            const due = model.filter((entry) => entry.at <= now).sort((a, b) => a.at - b.at || a.seq - b.seq);
            expected.push(...due.map((entry) => `${entry.timer}@${entry.at}/${entry.at}`));
            model = model.filter((entry) => entry.at > now);
            clock.advance(at);
          }
          expect(clock.nextExpiryNs).toBe(Math.min(Number.POSITIVE_INFINITY, ...model.map((entry) => entry.at)));
          for (const [i, it] of timers.entries()) expect(it.pending).toBe(model.some((entry) => entry.timer === i));
        }
        expect(fired).toEqual(expected);
      }),
    );
  });

  it('refuses times that are none', () => {
    const timer = new Clock().createTimer(() => {});
    expect(() => timer.mod(Number.NaN)).toThrow(KernelBug);
    expect(() => timer.mod(Number.POSITIVE_INFINITY)).toThrow(KernelBug);
    expect(timer.pending).toBe(false);
  });
});

describe('Clock', () => {
  it('runs within one call only what was due when it began', () => {
    const clock = new Clock({ startNs: 100 });
    let runs = 0;
    const timer = clock.createTimer((self: Timer) => {
      runs++;
      self.mod(clock.nowNs);
    });
    timer.mod(0);
    expect(clock.runDue()).toBe(1);
    expect(clock.hasDue()).toBe(true);
    expect(clock.runDue()).toBe(1);
    expect(runs).toBe(2);
  });

  it('runs one kind without the other', () => {
    const clock = new Clock();
    const ran: string[] = [];
    clock.createTimer(() => ran.push('softirq')).mod(0);
    clock.schedule(0, () => ran.push('device'));
    expect(clock.hasDue('device')).toBe(true);
    expect(clock.runDue('device')).toBe(1);
    expect(ran).toEqual(['device']);
    expect(clock.runDue('device')).toBe(0);
    expect(clock.runDue('softirq')).toBe(1);
    expect(clock.nextExpiryNs).toBe(Number.POSITIVE_INFINITY);
  });

  it('puts softirq timers into softirq context and device timers into none', () => {
    const clock = new Clock();
    const context = new ExecutionContext();
    clock.context = context;
    const seen: boolean[] = [];
    clock.createTimer(() => seen.push(context.inSoftirq)).mod(1);
    clock.schedule(2, () => seen.push(context.inSoftirq));
    clock.advance(2);
    expect(seen).toEqual([true, false]);
    expect(context.depth).toBe(0);
  });

  it('leaves the context when a timer throws', () => {
    const clock = new Clock();
    clock.context = new ExecutionContext();
    clock
      .createTimer(() => {
        throw new Error('boom');
      })
      .mod(1);
    expect(() => clock.advance(1)).toThrow('boom');
    expect(clock.context.depth).toBe(0);
  });

  it('shares time but not timers', () => {
    const a = new Clock();
    const b = new Clock({ sharing: a });
    const ran: string[] = [];
    a.createTimer(() => ran.push(`a@${b.nowNs}`)).mod(7);
    b.createTimer(() => ran.push(`b@${a.nowNs}`)).mod(5);
    expect(a.sharesTimeWith(b)).toBe(true);
    expect(a.sharesTimeWith(new Clock())).toBe(false);
    expect(a.nextExpiryNs).toBe(5);
    expect(a.nextOwnExpiryNs()).toBe(7);
    a.advance(10);
    expect(ran).toEqual(['b@5', 'a@7']);
    expect(b.nowNs).toBe(10);
    a.jumpTo(20);
    a.createTimer(() => ran.push('a')).mod(20);
    expect(b.runDue()).toBe(0);
  });

  it('reads a real source only when told to, and never goes back', () => {
    let source = 50;
    const clock = new Clock({ source: () => source });
    expect(clock.virtual).toBe(false);
    expect(clock.nowNs).toBe(50);
    source = 70;
    expect(clock.nowNs).toBe(50);
    clock.refresh();
    expect(clock.nowNs).toBe(70);
    source = 60;
    clock.refresh();
    expect(clock.nowNs).toBe(70);
    expect(() => clock.advance(1)).toThrow(KernelBug);
    expect(() => clock.jumpTo(100)).toThrow(KernelBug);
  });

  it('refuses to go back and to spin at one instant', () => {
    const clock = new Clock();
    expect(() => clock.advance(-1)).toThrow(KernelBug);
    expect(() => clock.advance(Number.NaN)).toThrow(KernelBug);
    clock.jumpTo(10);
    clock.jumpTo(5);
    expect(clock.nowNs).toBe(10);
    clock.createTimer((timer) => timer.mod(0)).mod(10);
    expect(() => clock.advance(1)).toThrow(/re-arm themselves at 10 ns/);
  });
});
