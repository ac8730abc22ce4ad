import { DMA_TO_DEVICE, type DmaMode, PAGE_SIZE } from '@netmem/machine';
import { CHECKSUM_PARTIAL, NET_XMIT_SUCCESS, SKB_GSO_TCPV4, SKB_GSO_TCPV6, type SkBuff } from '@netmem/netdev';
import { decodeFrame, pseudoHeaderSum4, pseudoHeaderSum6, tcp } from '@netmem/wire';
import { describe, expect, it } from 'vitest';
import { Bench, pattern, segment } from './bench.ts';

const ETHERNET = 14;

interface Outgoing {
  readonly payload: Uint8Array;
  readonly v6?: boolean;
  readonly gsoSize?: number;
  /** Bytes per page fragment; 0: everything linear. */
  readonly fragBytes?: number;
  readonly timestamps?: boolean;
}

/** An skb as TCP builds one: headers linear, payload in pages, the pseudo-header sum where the checksum goes. */
function outgoing(bench: Bench, what: Outgoing): SkBuff {
  const { frame, headerBytes } = segment(bench, what.payload, {
    v6: what.v6 === true,
    timestamps: what.timestamps === true,
  });
  const skb = bench.network.skbs.alloc(bench.dev);
  if (skb === null) throw new Error('no skb');
  const { bytes, view } = bench.machine.memory;
  const { netmem } = bench.network;
  const linear = what.fragBytes === undefined || what.fragBytes === 0 ? frame.length : headerBytes;
  skb.reserve(0);
  bytes.set(frame.subarray(0, linear), skb.put(linear));
  for (let at = linear; at < frame.length; at += what.fragBytes as number) {
    const size = Math.min(what.fragBytes as number, frame.length - at);
    const page = netmem.allocPages(0, -1);
    bytes.set(frame.subarray(at, at + size), netmem.pageAddress(page) + 16);
    skb.addRxFragNetmem(netmem.pageToNetmem(page), 16, size, PAGE_SIZE);
  }
  skb.macHeader = skb.data;
  skb.networkHeader = skb.data + ETHERNET;
  skb.transportHeader = skb.networkHeader + (what.v6 === true ? 40 : 20);
  skb.ipSummed = CHECKSUM_PARTIAL;
  skb.csumStart = skb.transportHeader;
  skb.csumOffset = tcp.CHECKSUM_AT;
  const l4Bytes = frame.length - (skb.transportHeader - skb.data);
  const at = skb.networkHeader;
  const sum =
    what.v6 === true
      ? pseudoHeaderSum6(view, at + 8, at + 24, 6, l4Bytes)
      : pseudoHeaderSum4(view, at + 12, at + 16, 6, l4Bytes);
  view.setUint16(skb.transportHeader + tcp.CHECKSUM_AT, (sum & 0xffff) + (sum >>> 16));
  if (what.gsoSize !== undefined) {
    skb.gsoSize = what.gsoSize;
    skb.gsoType = what.v6 === true ? SKB_GSO_TCPV6 : SKB_GSO_TCPV4;
    skb.gsoSegs = Math.ceil(what.payload.length / what.gsoSize);
  }
  return skb;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

describe.each<DmaMode>(['coherent', 'non-coherent'])('sending on %s hardware', (dmaMode) => {
  it.each([
    ['linear', 0, false],
    ['in pages', 600, false],
    ['in pages, IPv6', 600, true],
  ])('a packet %s arrives with the checksum filled in', (_, fragBytes, v6) => {
    const bench = new Bench({ dmaMode }).up();
    const payload = pattern(fragBytes === 0 ? 300 : 1400);
    const skb = outgoing(bench, { payload, fragBytes, v6 });
    const { frame } = segment(bench, payload, { v6 });
    expect(bench.network.transmit(skb)).toBe(NET_XMIT_SUCCESS);
    bench.run();
    expect(bench.port.takeAll()).toEqual([frame]);
    expect(bench.network.skbs.inUse).toBe(0);
    expect(bench.gve.dma.liveMappings).toBeGreaterThan(0);
    expect(bench.finish()).toEqual([]);
  });

  it.each([
    [1448, 4096, false],
    [1428, 4096, true],
    [700, 333, false],
  ])('a TSO packet with mss %i from fragments of %i becomes right segments', (gsoSize, fragBytes, v6) => {
    const bench = new Bench({ dmaMode }).up();
    const payload = pattern(Math.min(17 * fragBytes, 16000) - 7, 4);
    expect(bench.network.transmit(outgoing(bench, { payload, fragBytes, gsoSize, v6, timestamps: true }))).toBe(
      NET_XMIT_SUCCESS,
    );
    bench.run();
    const frames = bench.port.takeAll();
    expect(frames).toHaveLength(Math.ceil(payload.length / gsoSize));
    const segments = frames.map((frame) => decodeFrame(frame)?.tcp);
    expect(concat(segments.map((got) => got?.payload ?? new Uint8Array(0)))).toEqual(payload);
    for (const [i, got] of segments.entries()) expect(got?.sequence).toBe((segments[0]?.sequence ?? 0) + i * gsoSize);
    const [stats] = [bench.gve.txStats.find((candidate) => candidate.packets > 0)];
    expect(stats?.gsoPackets).toBe(1);
    expect(stats?.gsoWirePackets).toBe(frames.length);
    expect(stats?.gsoWireBytes).toBe(frames.reduce((sum, frame) => sum + frame.length, 0));
    expect(bench.finish()).toEqual([]);
  });
});

describe('the transmit ring', () => {
  it('goes round many times, stops when full, and wakes', () => {
    const bench = new Bench({ nic: { ringEntries: 256, minRingEntries: 256 }, gve: { mtu: 1500 } }).up();
    const sent: number[] = [];
    let got = 0;
    for (let round = 0; round < 30; round++) {
      for (let i = 0; i < 150; i++) {
        const skb = outgoing(bench, { payload: pattern(60, i) });
        skb.hash = i;
        skb.queueMapping = 0;
        expect(bench.network.transmit(skb)).toBe(NET_XMIT_SUCCESS);
        sent.push(i);
      }
      bench.run();
      got += bench.port.takeAll().length;
    }
    expect(got).toBe(sent.length);
    const [stats] = bench.gve.txStats;
    expect(stats.stop).toBeGreaterThan(0);
    expect(stats.wake).toBe(stats.stop);
    expect(bench.gve.tx[0].freeTagCount).toBe(bench.gve.tx[0].tags);
    expect(bench.network.skbs.inUse).toBe(0);
    expect(bench.finish()).toEqual([]);
  });

  it('frees packets that were under way when the interface goes down', () => {
    const bench = new Bench().up();
    bench.port.refuse(1e9);
    for (let i = 0; i < 20; i++) bench.network.transmit(outgoing(bench, { payload: pattern(900), fragBytes: 300 }));
    bench.run();
    expect(bench.network.skbs.inUse).toBe(20);
    expect(bench.dev.close()).toBe(0);
    expect(bench.network.skbs.inUse).toBe(0);
    expect(bench.finish()).toEqual([]);
  });

  it('drops a packet that cannot be mapped, in the middle of it, and unmaps what was', () => {
    const bench = new Bench().up();
    const before = bench.gve.dma.liveMappings;
    for (const planned of [1, 2]) {
      const skb = outgoing(bench, { payload: pattern(900), fragBytes: 300 });
      bench.gve.dma.failNextMappings = planned;
      bench.network.transmit(skb);
      bench.gve.dma.failNextMappings = 0;
    }
    expect(bench.gve.txStats.reduce((sum, s) => sum + s.dmaMappingErrors, 0)).toBe(2);
    expect(bench.gve.dma.liveMappings).toBe(before);
    expect(bench.network.skbs.inUse).toBe(0);
    expect(bench.dev.stats().txDropped).toBe(2);
    expect(bench.finish()).toEqual([]);
  });

  it('never hands the card more than it can take', () => {
    const bench = new Bench().up();
    // 12 fragments for one packet are two too many; a segment of a TSO packet spread over 17 likewise.
    bench.network.transmit(outgoing(bench, { payload: pattern(1200), fragBytes: 100 }));
    bench.network.transmit(outgoing(bench, { payload: pattern(17 * 80), fragBytes: 80, gsoSize: 1300 }));
    bench.network.transmit(outgoing(bench, { payload: pattern(2000), fragBytes: 400, gsoSize: 40 }));
    bench.run();
    expect(bench.port.takeAll()).toHaveLength(0);
    expect(bench.gve.txStats.reduce((sum, s) => sum + s.dropped, 0)).toBe(3);
    expect(bench.nic.stats.device.faults).toBe(0);
    // Small enough to be pulled together.
    const payload = pattern(120);
    bench.network.transmit(outgoing(bench, { payload, fragBytes: 10 }));
    bench.run();
    expect(bench.port.takeAll()).toEqual([segment(bench, payload).frame]);
    expect(bench.finish()).toEqual([]);
  });

  it('TX-1: what is unmapped is what was mapped, through the netmem helpers', () => {
    const bench = new Bench().up();
    const unmapped: number[] = [];
    const { netmem } = bench.network;
    const helper = netmem.dmaUnmapPageAttrs.bind(netmem);
    netmem.dmaUnmapPageAttrs = (dev, address, length, direction, attrs) => {
      expect(direction).toBe(DMA_TO_DEVICE);
      unmapped.push(length);
      helper(dev, address, length, direction, attrs);
    };
    bench.network.transmit(outgoing(bench, { payload: pattern(900), fragBytes: 300 }));
    bench.run();
    expect(unmapped).toEqual([54, 300, 300, 300]);
    expect(bench.finish()).toEqual([]);
  });
});
