import { describe, expect, it } from 'vitest';
import { Bench, pattern, segment } from './bench.ts';

/** A frame every microsecond for a millisecond; when packets reached the stack, in microseconds of virtual time, and how often. */
function arrivals(usecs: number, moderate: boolean): { distinct: number[]; packets: number; bench: Bench } {
  const bench = new Bench({ nic: { interruptModeration: moderate } }).up();
  expect(bench.ethtool.setCoalesce(bench.dev, { rxCoalesceUsecs: usecs, txCoalesceUsecs: 0 })).toBe(0);
  bench.run();
  const { clock } = bench.machine;
  const start = clock.nowNs;
  const times: number[] = [];
  bench.network.addTap(() => times.push((clock.nowNs - start) / 1000));
  const { frame } = segment(bench, pattern(100));
  for (let i = 0; i < 1000; i++) {
    bench.push(frame);
    bench.run(1000);
  }
  bench.run(1e6);
  return { distinct: [...new Set(times)], packets: times.length, bench };
}

describe('interrupt moderation', () => {
  it('follows ethtool -C on a card that keeps to it: no two interrupts within rx-usecs', () => {
    for (const usecs of [10, 50, 200]) {
      const { distinct, packets, bench } = arrivals(usecs, true);
      expect(packets).toBe(1000);
      for (let i = 1; i < distinct.length; i++) expect(distinct[i] - distinct[i - 1]).toBeGreaterThanOrEqual(usecs);
      // Not more seldom either: one per interval, as something always waits.
      expect(distinct.length).toBeGreaterThanOrEqual(1000 / usecs - 1);
      expect(bench.finish()).toEqual([]);
    }
  });

  it('is off with rx-usecs 0, and on a card that does not do it', () => {
    for (const [usecs, moderate] of [
      [0, true],
      [200, false],
    ] as const) {
      const { distinct, bench } = arrivals(usecs, moderate);
      expect(distinct.length).toBe(1000);
      expect(bench.finish()).toEqual([]);
    }
  });

  it('delays nothing when an interrupt is long ago', () => {
    const { bench } = arrivals(200, true);
    const { clock } = bench.machine;
    const before = clock.nowNs;
    expect(bench.deliver(segment(bench, pattern(10)).frame)).toHaveLength(1);
    expect(clock.nowNs).toBe(before);
    expect(bench.finish()).toEqual([]);
  });
});
