import { devGetHwtstamp, devSetHwtstamp } from '@netmem/netdev';
import { EOPNOTSUPP, ERANGE, Extack, HWTSTAMP_FILTER, HWTSTAMP_TX } from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import { Bench, type BenchOptions, pattern, segment } from './bench.ts';

const SECOND_NS = 1e9;
const OFF = { flags: 0, txType: HWTSTAMP_TX.OFF, rxFilter: HWTSTAMP_FILTER.NONE };
const ALL = { ...OFF, rxFilter: HWTSTAMP_FILTER.ALL };

function stampingBench(options: BenchOptions = {}): { bench: Bench; stamps: number[] } {
  const bench = new Bench({ ...options, nic: { nicTimestamp: true, ...options.nic } }).up();
  const stamps: number[] = [];
  bench.network.addTap((skb) => stamps.push(skb.hwtstampNs));
  return { bench, stamps };
}

describe('the card', () => {
  it('stamps packets for who asks, and for nobody else', () => {
    const { bench, stamps } = stampingBench();
    const { clock } = bench.machine;
    const { frame } = segment(bench, pattern(100));
    bench.deliver(frame);
    const config = { ...OFF, rxFilter: HWTSTAMP_FILTER.PTP_V2_L4_SYNC };
    expect(devSetHwtstamp(bench.dev, config)).toBe(0);
    expect(config).toEqual(ALL);
    bench.deliver(frame);
    const at = clock.nowNs;
    bench.run(1000);
    bench.deliver(frame);
    expect(devGetHwtstamp(bench.dev, config)).toBe(0);
    expect(config).toEqual(ALL);
    expect(devSetHwtstamp(bench.dev, { ...OFF })).toBe(0);
    bench.deliver(frame);
    expect(stamps).toEqual([0, at, at + 1000, 0]);
    expect(bench.finish()).toEqual([]);
  });

  it('says its time in full, hours after it started and across every wrap of 32 bits', () => {
    const { bench, stamps } = stampingBench();
    devSetHwtstamp(bench.dev, { ...ALL });
    const { frame } = segment(bench, pattern(100));
    const times: number[] = [];
    for (let i = 0; i < 40; i++) {
      // 2^32 ns are 4.29 s: steps of 1.1 s land on all sides of the wraps, and of the readings every 250 ms.
      bench.run(1.1 * SECOND_NS + i * 7919);
      bench.deliver(frame);
      times.push(bench.machine.clock.nowNs);
    }
    expect(stamps).toEqual(times);
    expect(bench.finish()).toEqual([]);
  });

  it('is asked for its clock four times a second', () => {
    const { bench } = stampingBench();
    bench.run(SECOND_NS / 16);
    const read: number[] = [];
    for (let i = 0; i < 8; i++) {
      read.push(bench.gve.clock.lastSyncNs);
      bench.run(SECOND_NS / 8);
    }
    expect(new Set(read).size).toBe(4);
    expect(bench.finish()).toEqual([]);
  });

  it('keeps the choice over a reset', () => {
    const { bench, stamps } = stampingBench();
    devSetHwtstamp(bench.dev, { ...ALL });
    expect(bench.ethtool.reset(bench.dev)).toBe(0);
    bench.machine.run({ until: () => bench.dev.operUp, timeoutNs: SECOND_NS });
    bench.run(3 * SECOND_NS);
    bench.deliver(segment(bench, pattern(100)).frame);
    expect(stamps).toEqual([bench.machine.clock.nowNs]);
    expect(bench.finish()).toEqual([]);
  });

  it('stamps on a host that is slow', () => {
    const { bench, stamps } = stampingBench({ delaySeed: 5 });
    devSetHwtstamp(bench.dev, { ...ALL });
    const before = bench.machine.clock.nowNs;
    bench.push(segment(bench, pattern(100)).frame);
    bench.run(SECOND_NS);
    expect(stamps).toHaveLength(1);
    expect(stamps[0]).toBeGreaterThanOrEqual(before);
    expect(stamps[0]).toBeLessThanOrEqual(before + SECOND_NS);
    expect(bench.finish()).toEqual([]);
  });
});

describe('ethtool -T', () => {
  it('shows what the card adds, and its clock', () => {
    const { bench } = stampingBench();
    expect(bench.ethtool.getTsInfo(bench.dev)).toEqual({ soTimestamping: 0x5e, phcIndex: 0, txTypes: 0, rxFilters: 3 });
    expect(bench.finish()).toEqual([]);
    const plain = new Bench();
    expect(plain.ethtool.getTsInfo(plain.dev)).toEqual({
      soTimestamping: 0x1a,
      phcIndex: -1,
      txTypes: 0,
      rxFilters: 0,
    });
    expect(plain.finish()).toEqual([]);
  });
});

describe('stamps', () => {
  it('of sent packets there are none', () => {
    const { bench } = stampingBench();
    const extack = new Extack();
    expect(devSetHwtstamp(bench.dev, { ...ALL, txType: HWTSTAMP_TX.ON }, extack)).toBe(-ERANGE);
    expect(extack.message).toBe('TX timestamping is not supported');
    expect(bench.finish()).toEqual([]);
  });

  it('need a card with a clock', () => {
    const bench = new Bench().up();
    const extack = new Extack();
    const config = { ...ALL };
    expect(devSetHwtstamp(bench.dev, config, extack)).toBe(-EOPNOTSUPP);
    expect([extack.message, config.rxFilter]).toEqual(['RX timestamping is not supported', HWTSTAMP_FILTER.NONE]);
    expect(devSetHwtstamp(bench.dev, { ...OFF })).toBe(0);
    expect(bench.gve.clock.enabled).toBe(false);
    expect(bench.finish()).toEqual([]);
  });
});
