import type { DmaMode } from '@netmem/machine';
import { CHECKSUM_NONE, CHECKSUM_UNNECESSARY, MAX_SKB_FRAGS } from '@netmem/netdev';
import { composeFrame, Dissection, dissect, flowHash, Toeplitz } from '@netmem/wire';
import { describe, expect, it } from 'vitest';
import { Bench, formatted, pattern, segment } from './bench.ts';

const MODES: readonly DmaMode[] = ['coherent', 'non-coherent'];

describe.each(MODES)('receiving on %s hardware', (dmaMode) => {
  it('copies a small packet and gives the buffer back at once', () => {
    const bench = new Bench({ dmaMode }).up();
    const { frame } = segment(bench, pattern(40));
    const [got] = bench.deliver(frame);
    expect(got.linear).toEqual(frame);
    expect(got.frags).toHaveLength(0);
    expect(bench.gve.rxStats[got.rxQueue].copybreakPackets).toBe(1);
    expect(bench.finish()).toEqual([]);
  });

  it('leaves payload in its page and pulls exactly the headers out of an unsplit packet', () => {
    const bench = new Bench({ dmaMode }).up();
    for (const v6 of [false, true]) {
      const payload = pattern(1200, 3);
      const { frame, headerBytes } = segment(bench, payload, { v6, timestamps: true });
      const [got] = bench.deliver(frame);
      expect(got.linear).toEqual(frame.slice(0, headerBytes));
      expect(got.paged).toEqual(payload);
      expect(got.frags).toHaveLength(1);
      expect(got.ppRecycle).toBe(true);
    }
    expect(bench.finish()).toEqual([]);
  });

  it('with header split: every header byte linear, no payload byte, at any size', () => {
    const bench = new Bench({ dmaMode }).up().split();
    for (const size of [1, 8, 16, 100, 256, 257, 512, 1024, 1400]) {
      for (const v6 of [false, true]) {
        const payload = pattern(size, size);
        const { frame, headerBytes } = segment(bench, payload, { v6, timestamps: size % 2 === 0 });
        const [got] = bench.deliver(frame);
        expect(got.linear, `size ${size}`).toEqual(frame.slice(0, headerBytes));
        expect(got.paged, `size ${size}`).toEqual(payload);
      }
    }
    const [stats] = [bench.gve.rxStats].map((all) => all[0].hsplitPackets + all[1].hsplitPackets);
    expect(stats).toBe(18);
    expect(bench.finish()).toEqual([]);
  });

  it('a split packet without payload has no fragment, and its buffer is back', () => {
    const bench = new Bench({ dmaMode }).up().split();
    const { frame } = segment(bench, new Uint8Array(0));
    const [got] = bench.deliver(frame);
    expect(got.linear).toEqual(frame);
    expect(got.frags).toHaveLength(0);
    expect(bench.finish()).toEqual([]);
  });

  it('puts the buffers of a jumbo packet together, split and not', () => {
    const bench = new Bench({ dmaMode, slotBytes: 16384, portMtu: 8896 }).up();
    for (const split of [false, true]) {
      bench.split(split);
      const payload = pattern(8800, 5);
      const { frame, headerBytes } = segment(bench, payload);
      const [got] = bench.deliver(frame);
      expect(got.linear).toEqual(frame.slice(0, headerBytes));
      expect(got.paged).toEqual(payload);
      expect(got.frags).toHaveLength(3);
      expect(got.len).toBe(frame.length);
    }
    expect(bench.finish()).toEqual([]);
  });

  it('hangs the fragments of a giant packet on a frag list', () => {
    const nic = { packetBufferBytes: 1024, maxMtu: 30000 };
    const bench = new Bench({ dmaMode, slotBytes: 32768, portMtu: 30000, nic }).up().split();
    const payload = pattern(29000, 9);
    const { frame, headerBytes } = segment(bench, payload);
    const [got] = bench.deliver(frame);
    expect(got.linear).toEqual(frame.slice(0, headerBytes));
    expect(got.frags).toHaveLength(MAX_SKB_FRAGS);
    expect(got.listed).toBe(1);
    expect(got.len).toBe(frame.length);
    expect(got.paged).toEqual(payload);
    expect(bench.finish()).toEqual([]);
  });

  it('goes round the ring many times without losing a buffer', () => {
    const bench = new Bench({ dmaMode, nic: { ringEntries: 64, minRingEntries: 64 } }).up().split();
    for (let i = 0; i < 400; i++) {
      const payload = pattern(700, i);
      const { frame, headerBytes } = segment(bench, payload, { from: 40000 + (i % 7) });
      const [got] = bench.deliver(frame);
      expect(got.linear).toEqual(frame.slice(0, headerBytes));
      expect(got.paged).toEqual(payload);
    }
    for (const ring of bench.gve.rx) expect(ring.freeCount).toBe(1);
    expect(bench.finish()).toEqual([]);
  });
});

describe('what the card says about a packet', () => {
  it('its checksum verdict becomes CHECKSUM_UNNECESSARY, or nothing', () => {
    const bench = new Bench().up().split();
    const { frame } = segment(bench, pattern(100));
    expect(bench.deliver(frame)[0].ipSummed).toBe(CHECKSUM_UNNECESSARY);
    const damaged = frame.slice();
    damaged[damaged.length - 1] ^= 0xff;
    expect(bench.deliver(damaged)[0].ipSummed).toBe(CHECKSUM_NONE);
    const badHeader = frame.slice();
    badHeader[24] ^= 0xff;
    expect(bench.deliver(badHeader)[0].ipSummed).toBe(CHECKSUM_NONE);
    const arp = composeFrame({ ethernet: { destination: formatted(bench.dev.address) }, arp: {} });
    expect(bench.deliver(arp)[0].ipSummed).toBe(CHECKSUM_NONE);
    const { csumUnnecessary, csumNone } = bench.gve.rxStats[0];
    expect([csumUnnecessary, csumNone].reduce((a, b) => a + b)).toBeGreaterThan(0);
  });

  it('no verdict while rx-checksumming is off', () => {
    const bench = new Bench().up();
    expect(bench.ethtool.setFeatures(bench.dev, { 'rx-checksum': false })).toBe(0);
    expect(bench.deliver(segment(bench, pattern(100)).frame)[0].ipSummed).toBe(CHECKSUM_NONE);
  });

  it('its hash is the Toeplitz hash of the flow with the key that ethtool shows, and picks the queue', () => {
    const bench = new Bench().up().split();
    const rss = bench.ethtool.getRss(bench.dev);
    if (typeof rss === 'number') throw new Error(`${rss}`);
    const toeplitz = new Toeplitz(rss.key);
    const dissection = new Dissection();
    const queues = new Set<number>();
    for (let from = 40000; from < 40032; from++) {
      const { frame } = segment(bench, pattern(50), { from });
      dissect(new DataView(frame.buffer), 0, frame.length, dissection);
      const hash = flowHash(toeplitz, frame, dissection);
      const [got] = bench.deliver(frame);
      expect(got.hash >>> 0).toBe(hash >>> 0);
      expect(got.l4Hash).toBe(true);
      expect(got.rxQueue).toBe(rss.indir[(hash >>> 0) % rss.indir.length]);
      queues.add(got.rxQueue);
    }
    expect([...queues].sort()).toEqual([0, 1]);
  });
});

describe('trouble', () => {
  it('drops and counts when no skb is left, and goes on afterwards', () => {
    const bench = new Bench({ maxSkbs: 8 }).up().split();
    bench.hold = true;
    const frames = Array.from({ length: 20 }, (_, i) => segment(bench, pattern(600, i)).frame);
    expect(bench.deliver(...frames)).toHaveLength(8);
    const failed = bench.gve.rxStats.reduce((sum, s) => sum + s.skbAllocFail, 0);
    expect(failed).toBe(12);
    bench.releaseHeld();
    expect(bench.deliver(segment(bench, pattern(600, 77)).frame)).toHaveLength(1);
    expect(bench.finish()).toEqual([]);
  });

  it('keeps its ring slots when RAM runs out, and fills them when it is back', () => {
    // 2 rings of 64 buffers: hold them all, and more than the page allocator has.
    const bench = new Bench({
      ramBytes: 4 << 20,
      nic: { ringEntries: 64, minRingEntries: 64, maxQueues: 1, defaultQueues: 1 },
    })
      .up()
      .split();
    bench.deliver(segment(bench, pattern(900)).frame);
    const hoard: number[] = [];
    for (let frame = bench.machine.ram.allocFrames(0, -1); frame >= 0; frame = bench.machine.ram.allocFrames(0, -1))
      hoard.push(frame);
    bench.hold = true;
    for (let i = 0; i < 200; i++) bench.deliver(segment(bench, pattern(900, i)).frame);
    const { bufAllocFail } = bench.gve.rxStats[0];
    expect(bufAllocFail).toBeGreaterThan(0);
    expect(bench.received.length).toBeLessThan(200);
    for (const frame of hoard) bench.machine.ram.freeFrames(frame, 0);
    bench.releaseHeld();
    bench.run(50e6);
    expect(bench.gve.rx[0].freeCount).toBe(1);
    expect(bench.deliver(segment(bench, pattern(900, 1)).frame)).toHaveLength(1);
    expect(bench.finish()).toEqual([]);
  });

  it('fails open with -ENOMEM when mappings fail, with nothing left over', () => {
    const bench = new Bench({ ramBytes: 4 << 20, nic: { ringEntries: 4096, maxRingEntries: 4096 } });
    const hoard: number[] = [];
    for (let frame = bench.machine.ram.allocFrames(4, -1); frame >= 0; frame = bench.machine.ram.allocFrames(4, -1))
      hoard.push(frame);
    expect(bench.dev.open()).toBe(-12);
    for (const frame of hoard) bench.machine.ram.freeFrames(frame, 4);
    expect(bench.dev.open()).toBe(0);
    expect(bench.finish()).toEqual([]);
  });

  it('works on a host that delays every register write and interrupt', () => {
    for (let seed = 1; seed <= 5; seed++) {
      const bench = new Bench({ delaySeed: seed }).up().split();
      // The first doorbell is on its way, too: until it arrives the card has no buffers.
      bench.run(1e6);
      for (let i = 0; i < 50; i++) {
        bench.push(segment(bench, pattern(500, i), { from: 40000 + i }).frame);
        if (i % 5 === 0) bench.run(100_000);
      }
      bench.run(1e6);
      expect(bench.received, `seed ${seed}`).toHaveLength(50);
      expect(bench.finish(), `seed ${seed}`).toEqual([]);
    }
  });
});
