import { FRAME_NEEDS_CSUM, GSO_TCPV4, GSO_TCPV6 } from '@netmem/link';
import type { DmaMode } from '@netmem/machine';
import { CHECKSUM_UNNECESSARY, MAX_SKB_FRAGS, NETIF_F, queueStats, SKB_GSO_TCPV4, SKB_GSO_TCPV6 } from '@netmem/netdev';
import { RX_COMPLETION_DESC, RX_COMPLETION_DESC_BYTES, RX_COMPLETION_RSC } from '@netmem/vnic/abi';
import { tcp } from '@netmem/wire';
import { describe, expect, it } from 'vitest';
import { Bench, type BenchOptions, pattern, type Received, segment } from './bench.ts';
import { PeerProvider } from './peer-provider.ts';

const MSS = 1400;
const MODES: readonly DmaMode[] = ['coherent', 'non-coherent', 'swiotlb'];

function bench(options: BenchOptions = {}): Bench {
  return new Bench({ slotBytes: 66_000, slotCount: 64, ramBytes: 64 << 20, ...options }).up();
}

/** Segments of one flow in a row, as a wire brings them, and what the merged packet is. */
function train(
  on: Bench,
  count: number,
  v6 = false,
): { frames: Uint8Array[]; payload: Uint8Array; headerBytes: number } {
  const parts = Array.from({ length: count }, (_, i) => pattern(MSS, i));
  const made = parts.map((part, i) =>
    segment(on, part, { v6, sequence: 1 + i * MSS, flags: tcp.ACK, timestamps: true }),
  );
  const payload = Uint8Array.from(parts.flatMap((part) => [...part]));
  return { frames: made.map(({ frame }) => frame), payload, headerBytes: made[0].headerBytes };
}

/** A super-frame as a virtual link brings it. */
function pushSuper(on: Bench, payload: Uint8Array, v6 = false): number {
  const { frame, headerBytes } = segment(on, payload, { v6, timestamps: true });
  const gsoType = v6 ? GSO_TCPV6 : GSO_TCPV4;
  expect(on.port.push(frame, { flags: FRAME_NEEDS_CSUM, gsoType, gsoSize: MSS })).toBe(true);
  return headerBytes;
}

const wanted = (on: Bench, hwGro: boolean): void => {
  expect(on.ethtool.setFeatures(on.dev, { 'rx-gro-hw': hwGro })).toBe(0);
  on.run();
};

const enabled = (on: Bench): boolean[] => on.nic.inspect().rxQueues.map((queue) => queue.enableRsc);

describe.each(MODES)('hardware GRO on %s hardware', (dmaMode) => {
  it.each([
    ['IPv4', false],
    ['IPv6', true],
  ])('one packet of many segments, %s: what it was merged from stands beside it', (_, v6) => {
    const on = bench({ dmaMode });
    for (const split of [false, true]) {
      on.split(split);
      const { frames, payload, headerBytes } = train(on, 10, v6);
      const [got, ...others] = on.deliver(...frames);
      expect(others).toEqual([]);
      expect(got.linear.length).toBe(headerBytes);
      expect(got.paged).toEqual(payload);
      expect([got.gsoSize, got.gsoSegs, got.gsoType]).toEqual([MSS, 10, v6 ? SKB_GSO_TCPV6 : SKB_GSO_TCPV4]);
      expect(got.ipSummed).toBe(CHECKSUM_UNNECESSARY);
      expect(got.len).toBe(headerBytes + payload.length);
    }
    expect(on.finish()).toEqual([]);
  });

  it('a packet as long as IP allows', () => {
    const on = bench({ dmaMode });
    for (const split of [false, true]) {
      on.split(split);
      const payload = pattern(65_535 - 52, 3);
      const headerBytes = pushSuper(on, payload);
      on.run();
      const got = on.received.at(-1) as Received;
      expect(got.linear.length).toBe(headerBytes);
      expect(got.paged).toEqual(payload);
      expect([got.gsoSize, got.gsoSegs]).toEqual([MSS, Math.ceil(payload.length / MSS)]);
    }
    expect(on.finish()).toEqual([]);
  });
});

describe('hardware GRO', () => {
  it('is on by default, is switched while the interface is up or down, and follows rx-checksumming', () => {
    const on = bench();
    expect(on.dev.features & NETIF_F.GRO_HW).toBe(NETIF_F.GRO_HW);
    expect(enabled(on)).toEqual([true, true]);
    const rings = [...on.gve.rx];
    wanted(on, false);
    expect(enabled(on)).toEqual([false, false]);
    expect(on.gve.rx.some((ring) => rings.includes(ring))).toBe(false);
    expect(on.dev.operUp).toBe(true);
    expect(on.deliver(...train(on, 3).frames).map((got) => got.gsoSize)).toEqual([0, 0, 0]);
    expect(on.gve.rxStats.every((stats) => stats.hwGroPackets === 0)).toBe(true);
    on.dev.close();
    wanted(on, true);
    on.up();
    expect(enabled(on)).toEqual([true, true]);
    expect(on.ethtool.setFeatures(on.dev, { 'rx-checksum': false })).toBe(0);
    on.run();
    expect(on.dev.features & NETIF_F.GRO_HW).toBe(0);
    expect(enabled(on)).toEqual([false, false]);
    expect(on.finish()).toEqual([]);
  });

  it('stays as it is when queues cannot be made anew', () => {
    const on = bench();
    const pages = on.machine.ram;
    const taken: number[] = [];
    for (let frame = pages.allocFrames(0, -1); frame >= 0; frame = pages.allocFrames(0, -1)) taken.push(frame);
    on.machine.log.expect(/set_features\(\) failed/);
    on.ethtool.setFeatures(on.dev, { 'rx-gro-hw': false });
    expect(on.dev.features & NETIF_F.GRO_HW).toBe(NETIF_F.GRO_HW);
    expect(enabled(on)).toEqual([true, true]);
    for (const frame of taken) pages.freeFrames(frame, 0);
    expect(on.deliver(...train(on, 5).frames)).toHaveLength(1);
    expect(on.finish()).toEqual([]);
  });

  it('survives a change of rings, a reset and the restart of a queue', () => {
    const on = bench();
    on.split();
    expect(enabled(on)).toEqual([true, true]);
    expect(on.ethtool.reset(on.dev)).toBe(0);
    on.run();
    expect(enabled(on)).toEqual([true, true]);
    wanted(on, false);
    const provider = new PeerProvider(on, 128);
    expect(provider.open(1)).toBe(0);
    expect(enabled(on)).toEqual([false, false]);
    wanted(on, true);
    expect(enabled(on)).toEqual([true, true]);
    provider.close(1);
    on.run(3e9);
    expect(enabled(on)).toEqual([true, true]);
    provider.destroy();
    expect(on.finish()).toEqual([]);
  });

  it('merges into device memory: fragments filled to the brim, header apart', () => {
    const on = bench();
    on.split();
    const rss = on.ethtool.setRss(on.dev, { indir: Array.from({ length: 128 }, () => 1) });
    expect(rss).toBe(0);
    const provider = new PeerProvider(on, 128);
    expect(provider.open(1)).toBe(0);
    on.run();
    on.hold = true;
    const { frames, payload, headerBytes } = train(on, 12);
    const [got] = on.deliver(...frames);
    expect([got.unreadable, got.linear.length, got.gsoSegs]).toEqual([true, headerBytes, 12]);
    expect(got.frags.map((frag) => frag.size)).toEqual([4096, 4096, 4096, 4096, payload.length - 4 * 4096]);
    on.releaseHeld();
    provider.close(1);
    on.run(3e9);
    provider.destroy();
    expect(on.finish()).toEqual([]);
  });

  it('hangs what exceeds an skb on its frag list, and the next packets of the flow stay behind it', () => {
    const on = bench({ nic: { packetBufferBytes: 2048 } });
    on.split();
    const payload = pattern(60_000, 5);
    pushSuper(on, payload);
    pushSuper(on, payload);
    on.run();
    expect(on.received.map((got) => [got.frags.length, got.listed, got.gsoSegs])).toEqual([
      [MAX_SKB_FRAGS, 1, 43],
      [MAX_SKB_FRAGS, 1, 43],
    ]);
    for (const got of on.received) expect(got.paged).toEqual(payload);
    expect(on.finish()).toEqual([]);
  });

  it('counts a packet that is small enough to be copied', () => {
    const on = bench();
    const frames = [0, 1].map(
      (i) => segment(on, pattern(50, i), { sequence: 1 + i * 50, flags: tcp.ACK, timestamps: true }).frame,
    );
    const [got] = on.deliver(...frames);
    expect([got.frags.length, got.gsoSize, got.gsoSegs]).toEqual([0, 50, 2]);
    expect(on.gve.rxStats.reduce((sum, stats) => sum + stats.copybreakPackets, 0)).toBe(1);
    expect(on.finish()).toEqual([]);
  });

  it('shows in the statistics of its queue: merged, and as it was on the wire', () => {
    const on = bench();
    const { frames, payload, headerBytes } = train(on, 10);
    const [got] = on.deliver(...frames);
    const all = queueStats(on.dev);
    if (typeof all === 'number') throw new Error(`${all}`);
    expect(all.find(({ type, id }) => type === 'rx' && id === got.rxQueue)?.stats).toMatchObject({
      'rx-hw-gro-packets': 1,
      'rx-hw-gro-bytes': headerBytes + payload.length,
      'rx-hw-gro-wire-packets': 10,
      'rx-hw-gro-wire-bytes': payload.length + 10 * headerBytes,
    });
    expect(on.finish()).toEqual([]);
  });

  it.each([
    ['drops and counts a merged packet that is not TCP', true, 0, 1],
    ['takes a merged packet without a segment size for an ordinary one', false, 1, 0],
  ])('%s', (_, strangeType, delivered, dropped) => {
    const on = bench();
    const ring = on.gve.rx[0];
    const { view } = on.machine.memory;
    // A packet that the card delivers, and a completion that somebody changed before the driver looked.
    const { frame } = segment(on, pattern(600));
    ring.napi.disable();
    on.ethtool.setRss(on.dev, { indir: Array.from({ length: 128 }, () => 0) });
    on.push(frame);
    on.run();
    const at = ring.completions.address + ring.completionHead * RX_COMPLETION_DESC_BYTES;
    const word = view.getUint16(at + RX_COMPLETION_DESC.headerLen, true);
    view.setUint16(at + RX_COMPLETION_DESC.headerLen, word | RX_COMPLETION_RSC, true);
    if (strangeType) {
      view.setUint16(at + RX_COMPLETION_DESC.rscSegLen, 100, true);
      view.setUint16(at + RX_COMPLETION_DESC.packetType, 0, true);
    }
    ring.napi.enable();
    ring.napi.schedule();
    on.run();
    expect(on.received.map((got) => got.gsoSize)).toEqual(Array(delivered).fill(0));
    expect(ring.stats.descErrDropped).toBe(dropped);
    expect(on.finish()).toEqual([]);
  });
});

describe('MTU', () => {
  it('changes up to what the card carries, while the interface is up; jumbo packets span buffers', () => {
    const on = bench({ portMtu: 9000, nic: { maxMtu: 9000 } });
    on.split();
    for (const mtu of [1500, 9000, 68, 9000]) {
      expect(on.dev.setMtu(mtu)).toBe(0);
      const payload = pattern(8900, mtu);
      const { frame, headerBytes } = segment(on, payload);
      const [got] = on.deliver(frame);
      expect([got.linear.length, got.frags.length]).toEqual([headerBytes, 3]);
      expect(got.paged).toEqual(payload);
    }
    expect(on.dev.setMtu(9001)).toBeLessThan(0);
    expect(on.dev.mtu).toBe(9000);
    expect(on.finish()).toEqual([]);
  });
});
