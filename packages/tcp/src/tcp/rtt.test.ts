import { describe, expect, it } from 'vitest';
import { MIN_RTT_WINDOW_MS, RttEstimator } from './rtt.ts';

describe('RttEstimator (RFC 6298)', () => {
  it('starts with the first sample: RTO is R + 4 × R/2, at least the minimum above R', () => {
    const rtt = new RttEstimator(200, 120_000);
    expect(rtt.rtoMs).toBe(1000);
    rtt.sample(100_000, 0, 1);
    rtt.setRto();
    expect([rtt.srttUs >> 3, rtt.mdevUs >> 2, rtt.rtoMs]).toEqual([100_000, 50_000, 300]);
    const quick = new RttEstimator(200, 120_000);
    quick.sample(1000, 0, 1);
    quick.setRto();
    expect(quick.rtoMs).toBe(201);
  });

  it('comes to rest on a steady path', () => {
    const rtt = new RttEstimator(200, 120_000);
    rtt.sample(500_000, 0, 1);
    for (let i = 1; i < 200; i++) rtt.sample(80_000, i, i + 1);
    rtt.setRto();
    expect(rtt.srttUs >> 3).toBeGreaterThan(79_000);
    expect(rtt.srttUs >> 3).toBeLessThan(81_000);
    expect(rtt.rtoMs).toBeLessThan(300);
  });

  it('grows with variance, and a sudden fall does not raise it', () => {
    const steady = new RttEstimator(200, 120_000);
    const wild = new RttEstimator(200, 120_000);
    for (let i = 0; i < 60; i++) {
      steady.sample(200_000, i, i + 1);
      wild.sample(i % 2 === 0 ? 100_000 : 700_000, i, i + 1);
    }
    steady.setRto();
    wild.setRto();
    expect(wild.rtoMs).toBeGreaterThan(2 * steady.rtoMs);
    const before = steady.rtoMs;
    steady.sample(1000, 60, 61);
    steady.setRto();
    expect(steady.rtoMs).toBeLessThanOrEqual(before + 60);
  });

  it('doubles on backing off, up to the maximum', () => {
    const rtt = new RttEstimator(200, 120_000);
    const seen = Array.from({ length: 9 }, () => {
      rtt.backOff();
      return rtt.rtoMs;
    });
    expect(seen).toEqual([2000, 4000, 8000, 16_000, 32_000, 64_000, 120_000, 120_000, 120_000]);
  });

  it('remembers the least RTT of five minutes', () => {
    const rtt = new RttEstimator(200, 120_000);
    rtt.updateMin(5000, 0);
    rtt.updateMin(3000, 10);
    rtt.updateMin(9000, 20);
    expect(rtt.minRttUs).toBe(3000);
    rtt.updateMin(9000, 11 + MIN_RTT_WINDOW_MS);
    expect(rtt.minRttUs).toBe(9000);
  });
});
