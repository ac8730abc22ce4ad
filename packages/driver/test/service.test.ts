import { deviceStats, queueStats } from '@netmem/netdev';
import { readU64be } from '@netmem/vnic/abi';
import { describe, expect, it } from 'vitest';
import { serveManagement } from '../src/service.ts';
import { Bench, pattern, segment } from './bench.ts';

describe('serveManagement', () => {
  it("writes the driver's statistics when the card asks for them", () => {
    const bench = new Bench().up();
    bench.deliver(segment(bench, pattern(500)).frame);
    expect(bench.gve.stats.statsReportTriggers).toBe(0);
    bench.nic.requestStats(true);
    bench.run(1e6);
    bench.nic.requestStats(false);
    bench.run(1e6);
    expect(bench.gve.stats.statsReportTriggers).toBe(1);
    const report = bench.gve.resources?.statsReport;
    if (report === undefined) throw new Error('no report');
    const { view, base } = report.region;
    expect(readU64be(view, base)).toBe(1);
    const entries = Array.from({ length: 16 }, (_, i) => base + 8 + 16 * i).map((at) => [
      view.getUint32(at),
      view.getUint32(at + 4),
      readU64be(view, at + 8),
    ]);
    const [tx0, tx1] = [0, 1].map((queue) => [1, 2, 3, 4, 5, 8].map((name) => [name, queue, 0]));
    const posted = [0, 1].map((queue) => [7, queue, bench.gve.rxStats[queue].posted]);
    const expected = [0, 1].map((queue) => [6, queue, bench.gve.rxStats[queue].completed]);
    expect(entries).toEqual([...tx0, ...tx1, expected[0], posted[0], expected[1], posted[1]]);
    expect(bench.finish()).toEqual([]);
  });

  it('does nothing for a card that is gone', () => {
    const bench = new Bench().up();
    bench.gve.remove();
    serveManagement(bench.gve);
    expect(bench.dev.operUp).toBe(false);
    expect(bench.finish()).toEqual([]);
  });
});

describe('statistics', () => {
  it('per queue and of the device, with what the card itself dropped', () => {
    const bench = new Bench({ nic: { ringEntries: 64, minRingEntries: 64, maxQueues: 2 } }).up().split();
    expect(bench.ethtool.setRss(bench.dev, { indir: [1] })).toBe(0);
    // More frames at once than the ring has buffers: the card drops, and reports it with its next statistics.
    for (let i = 0; i < 200; i++) bench.push(segment(bench, pattern(300, i)).frame);
    bench.machine.pci.functions[0].endpoint.run(1e6);
    bench.run(30e9);
    const dropped = bench.nic.stats.rx[1].noBuffers;
    expect(dropped).toBeGreaterThan(0);
    const queues = queueStats(bench.dev);
    if (typeof queues === 'number') throw new Error(`${queues}`);
    const rx1 = queues.find(({ type, id }) => type === 'rx' && id === 1)?.stats;
    expect(rx1?.['rx-packets']).toBe(200 - dropped);
    expect(rx1?.['rx-hw-drop-overruns']).toBe(dropped);
    expect(deviceStats(bench.dev)).toMatchObject({ 'rx-packets': 200 - dropped });
    // Switching queues off takes nothing away.
    expect(bench.ethtool.setRss(bench.dev, { indir: [] })).toBe(0);
    expect(bench.ethtool.setChannels(bench.dev, { rxCount: 1 })).toBe(0);
    expect(deviceStats(bench.dev)).toMatchObject({ 'rx-packets': 200 - dropped });
    expect(bench.dev.stats().rxPackets).toBe(200 - dropped);
    expect(bench.finish()).toEqual([]);
  });
});
