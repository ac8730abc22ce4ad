import {
  EINVAL,
  ENOENT,
  ENOSPC,
  EOPNOTSUPP,
  ETH_RXFH_CONTEXT_ALLOC,
  Extack,
  FLOW_TYPE,
  RX_CLS_FLOW_DISC,
  TCP_DATA_SPLIT,
} from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import { Bench, pattern, segment } from './bench.ts';

const STATES = [
  ['down', (bench: Bench) => bench],
  ['up', (bench: Bench) => bench.up()],
] as const;

describe.each(STATES)('with the interface %s', (state, bring) => {
  const works = (bench: Bench, seed: number): void => {
    if (state === 'down') {
      expect(bench.dev.running).toBe(false);
      bench.up();
    }
    expect(bench.dev.operUp).toBe(true);
    expect(bench.deliver(segment(bench, pattern(900, seed)).frame)).toHaveLength(1);
  };

  it('rings: sizes and split change, and read back as they are', () => {
    const bench = bring(new Bench());
    const { ethtool, dev } = bench;
    expect(ethtool.getRings(dev)).toMatchObject({
      rx: 1024,
      tx: 1024,
      rxMax: 4096,
      txMax: 4096,
      tcpDataSplit: TCP_DATA_SPLIT.DISABLED,
    });
    expect(ethtool.getRings(dev)).not.toHaveProperty('hdsThresh');
    expect(ethtool.setRings(dev, { rx: 512, tx: 256, tcpDataSplit: TCP_DATA_SPLIT.ENABLED })).toBe(0);
    expect(ethtool.getRings(dev)).toMatchObject({ rx: 512, tx: 256, tcpDataSplit: TCP_DATA_SPLIT.ENABLED });
    works(bench, 1);
    expect(bench.nic.inspect().rxQueues.map((queue) => queue.headerBufferBytes)).toEqual([256, 256]);
    // "auto" leaves it on.
    expect(ethtool.setRings(dev, { tcpDataSplit: TCP_DATA_SPLIT.UNKNOWN })).toBe(0);
    expect(ethtool.getRings(dev)).toMatchObject({ tcpDataSplit: TCP_DATA_SPLIT.ENABLED });
    expect(bench.finish()).toEqual([]);
  });

  it('rings: what the card cannot do is refused and changes nothing', () => {
    const bench = bring(new Bench());
    const { ethtool, dev } = bench;
    expect(ethtool.setRings(dev, { rx: 1000 })).toBe(-EINVAL);
    expect(ethtool.setRings(dev, { rx: 256 })).toBe(-EINVAL);
    expect(ethtool.setRings(dev, { tx: 128 })).toBe(-EINVAL);
    expect(ethtool.setRings(dev, { rx: 8192 })).toBe(-EINVAL);
    const extack = new Extack();
    expect(ethtool.setRings(dev, { hdsThresh: 0 }, extack)).toBe(-EOPNOTSUPP);
    expect(extack.message).toBe('setting hds-thresh is not supported');
    expect(ethtool.getRings(dev)).toMatchObject({ rx: 1024, tx: 1024, tcpDataSplit: TCP_DATA_SPLIT.DISABLED });
    works(bench, 2);
    expect(bench.finish()).toEqual([]);
  });

  it('channels: rx and tx apart, the default table follows', () => {
    const bench = bring(new Bench());
    const { ethtool, dev } = bench;
    expect(ethtool.getChannels(dev)).toMatchObject({
      maxRx: 4,
      maxTx: 4,
      maxCombined: 0,
      rxCount: 2,
      txCount: 2,
      combinedCount: 0,
    });
    expect(ethtool.setChannels(dev, { rxCount: 4, txCount: 1 })).toBe(0);
    expect(ethtool.getChannels(dev)).toMatchObject({ rxCount: 4, txCount: 1 });
    expect([dev.realNumRxQueues, dev.realNumTxQueues]).toEqual([4, 1]);
    const rss = ethtool.getRss(dev);
    if (typeof rss === 'number') throw new Error(`${rss}`);
    expect(new Set(rss.indir)).toEqual(new Set([0, 1, 2, 3]));
    works(bench, 3);
    expect([...bench.nic.inspect().rss.table]).toEqual([...rss.indir]);
    expect(ethtool.setChannels(dev, { rxCount: 5 })).toBe(-EINVAL);
    expect(ethtool.setChannels(dev, { rxCount: 1 })).toBe(0);
    expect(bench.finish()).toEqual([]);
  });

  it('RSS: table and key reach the card; a table of the user is kept', () => {
    const bench = bring(new Bench());
    const { ethtool, dev } = bench;
    const key = pattern(40, 9);
    expect(ethtool.setRss(dev, { indir: [1], key })).toBe(0);
    const { rss } = bench.nic.inspect();
    expect(new Set(rss.table)).toEqual(new Set([1]));
    expect(rss.key).toEqual(key);
    expect(ethtool.setChannels(dev, { rxCount: 3 })).toBe(0);
    expect(new Set(bench.nic.inspect().rss.table)).toEqual(new Set([1]));
    expect(ethtool.setChannels(dev, { rxCount: 1 })).toBe(-EINVAL);
    works(bench, 4);
    expect(bench.received.at(-1)?.rxQueue).toBe(1);
    expect(bench.finish()).toEqual([]);
  });

  it('rules: steer, are listed, go, and need ntuple', () => {
    const bench = bring(new Bench({ nic: { maxFlowRules: 3 } }));
    const { ethtool, dev } = bench;
    const rule = { flowType: FLOW_TYPE.TCP_V4, dstPort: 7, dstPortMask: 0xffff, ring: 1 };
    expect(ethtool.insertRule(dev, rule)).toBe(-EOPNOTSUPP);
    expect(ethtool.setFeatures(dev, { 'rx-ntuple-filter': true })).toBe(0);
    expect(ethtool.insertRule(dev, rule)).toBe(2);
    expect(ethtool.insertRule(dev, { ...rule, location: 0, dstPort: 8, ring: 0 })).toBe(0);
    expect(ethtool.insertRule(dev, { ...rule, dstPort: 9, flowType: FLOW_TYPE.UDP_V6 })).toBe(1);
    expect(ethtool.insertRule(dev, { ...rule, dstPort: 10 })).toBe(-ENOSPC);
    expect(ethtool.insertRule(dev, { ...rule, ring: 2 })).toBe(-EINVAL);
    expect(ethtool.insertRule(dev, { ...rule, location: 0, ring: RX_CLS_FLOW_DISC })).toBe(-EOPNOTSUPP);
    const listed = ethtool.getRules(dev);
    if (typeof listed === 'number') throw new Error(`${listed}`);
    expect(listed.map(({ location, dstPort, ring }) => [location, dstPort, ring])).toEqual([
      [0, 8, 0],
      [1, 9, 1],
      [2, 7, 1],
    ]);
    works(bench, 5);
    expect(bench.deliver(segment(bench, pattern(30), { port: 7 }).frame)[0].rxQueue).toBe(1);
    expect(bench.deliver(segment(bench, pattern(30), { port: 8 }).frame)[0].rxQueue).toBe(0);
    expect(ethtool.deleteRule(dev, 2)).toBe(0);
    expect(ethtool.deleteRule(dev, 2)).toBe(-ENOENT);
    expect(bench.nic.inspect().flowRules).toBe(2);
    expect(ethtool.setFeatures(dev, { 'rx-ntuple-filter': false })).toBe(0);
    expect(bench.nic.inspect().flowRules).toBe(0);
    expect(ethtool.getRules(dev)).toEqual([]);
    expect(bench.finish()).toEqual([]);
  });

  it('RSS contexts: the card has none, and says so by either door', () => {
    const bench = bring(new Bench());
    const { ethtool, dev } = bench;
    const indir = new Array<number>(128).fill(1);
    expect(ethtool.createRss(dev, {})).toBe(-EOPNOTSUPP);
    expect(ethtool.setRss(dev, { context: 1, indir })).toBe(-EOPNOTSUPP);
    expect(ethtool.getRss(dev, 1)).toBe(-EOPNOTSUPP);
    expect(ethtool.deleteRss(dev, 1)).toBe(-EOPNOTSUPP);
    expect(ethtool.setRxfh(dev, { rssContext: ETH_RXFH_CONTEXT_ALLOC, indir })).toBe(-EOPNOTSUPP);
    expect(ethtool.listRssContexts(dev)).toEqual([0]);
    expect(ethtool.setFeatures(dev, { 'rx-ntuple-filter': true })).toBe(0);
    expect(ethtool.insertRule(dev, { flowType: FLOW_TYPE.TCP_V4, ring: 0, rssContext: 1 })).toBe(-EINVAL);
    // The main table goes through both.
    expect(ethtool.setRxfh(dev, { indir })).toBe(0);
    expect(ethtool.getRss(dev)).toMatchObject({ indir: Uint32Array.from(indir) });
    works(bench, 8);
    expect(bench.finish()).toEqual([]);
  });

  it('coalescing: reaches the doorbells, and has a longest interval', () => {
    const bench = bring(new Bench());
    const { ethtool, dev } = bench;
    expect(ethtool.getCoalesce(dev)).toMatchObject({ rxCoalesceUsecs: 20, txCoalesceUsecs: 50 });
    expect(ethtool.setCoalesce(dev, { rxCoalesceUsecs: 100 })).toBe(0);
    const extack = new Extack();
    for (const [request, text] of [
      [{ rxCoalesceUsecs: 8191 }, null],
      [{ txCoalesceUsecs: 8191 }, null],
      [{ rxMaxCoalescedFrames: 1 }, 'cannot modify an unsupported parameter'],
      [{ useAdaptiveRxCoalesce: false }, 'cannot modify an unsupported parameter'],
    ] as const) {
      extack.clear();
      expect(ethtool.setCoalesce(dev, request, extack)).toBe(-EINVAL);
      expect(extack.message).toBe(text);
    }
    works(bench, 6);
    bench.run();
    const { blocks } = bench.nic.inspect();
    expect(blocks[blocks.length / 2].intervalNs).toBe(100_000);
    expect(blocks[0].intervalNs).toBe(50_000);
    // What was set while the interface is down, or up before, holds when it comes up.
    dev.close();
    expect(ethtool.setCoalesce(dev, { txCoalesceUsecs: 8190 })).toBe(0);
    expect(ethtool.getCoalesce(dev)).toEqual({ rxCoalesceUsecs: 100, txCoalesceUsecs: 8190 });
    bench.up().run();
    const again = bench.nic.inspect().blocks;
    expect([again[0].intervalNs, again[again.length / 2].intervalNs]).toEqual([8_190_000, 100_000]);
    expect(bench.finish()).toEqual([]);
  });

  it('statistics: names and values go together, and never go backwards', () => {
    const bench = bring(new Bench());
    const { ethtool, dev } = bench;
    works(bench, 7);
    const read = (): Map<string, number> => new Map(ethtool.getStats(dev).map(({ name, value }) => [name, value]));
    const first = read();
    expect(first.get('rx_packets')).toBe(1);
    expect((first.get('rx_packets[0]') ?? 0) + (first.get('rx_packets[1]') ?? 0)).toBe(1);
    expect(first.has('rx_hsplit_pkt[1]')).toBe(true);
    expect(first.get('interface_up_cnt')).toBe(1);
    dev.close();
    const down = read();
    for (const [name, value] of first)
      expect(down.get(name), name).toBeGreaterThanOrEqual(name.startsWith('rx_queue_drop') ? 0 : value);
    expect(bench.finish()).toEqual([]);
  });

  it('says who it is and how fast', () => {
    const bench = bring(new Bench({ nic: { linkSpeedMbps: 25_000 } }));
    expect(bench.ethtool.getDriverInfo(bench.dev)).toMatchObject({
      driver: 'gve',
      version: '1.0.0',
      busInfo: bench.fn.name,
    });
    expect(bench.dev.ethtoolOps).toHaveProperty('getLinkKsettings');
    expect((bench.dev.ethtoolOps as { getLinkKsettings(): unknown }).getLinkKsettings()).toEqual({
      speedMbps: 25_000,
      duplex: 'full',
    });
    expect(bench.finish()).toEqual([]);
  });
});

describe('cards that can do less', () => {
  it('no header buffers: tcp-data-split is not reported and cannot be set', () => {
    const bench = new Bench({ nic: { headerBufferBytes: 0 } }).up();
    expect(bench.ethtool.getRings(bench.dev)).not.toHaveProperty('tcpDataSplit');
    expect(bench.ethtool.setRings(bench.dev, { tcpDataSplit: TCP_DATA_SPLIT.ENABLED })).toBe(-EOPNOTSUPP);
    expect(bench.deliver(segment(bench, pattern(900)).frame)).toHaveLength(1);
    expect(bench.finish()).toEqual([]);
  });

  it('no flow steering: ntuple stays off', () => {
    const bench = new Bench({ nic: { maxFlowRules: 0 } }).up();
    bench.ethtool.setFeatures(bench.dev, { 'rx-ntuple-filter': true });
    expect(bench.ethtool.insertRule(bench.dev, { flowType: FLOW_TYPE.TCP_V4, ring: 0 })).toBe(-EOPNOTSUPP);
    expect(bench.finish()).toEqual([]);
  });
});

describe('a change that fails', () => {
  it('leaves the interface as it was when memory is short', () => {
    const bench = new Bench().up().split();
    const alloc = bench.gve.dma.allocCoherent.bind(bench.gve.dma);
    for (let allowed = 0; allowed < 14; allowed++) {
      let left = allowed;
      bench.gve.dma.allocCoherent = (length) => (left-- > 0 ? alloc(length) : null);
      expect(bench.ethtool.setRings(bench.dev, { rx: 2048 }), `${allowed}`).toBe(-12);
      bench.gve.dma.allocCoherent = alloc;
      expect(bench.ethtool.getRings(bench.dev)).toMatchObject({ rx: 1024 });
      expect(bench.deliver(segment(bench, pattern(900, allowed)).frame)).toHaveLength(1);
    }
    expect(bench.finish()).toEqual([]);
  });
});
