import type { DmaMode } from '@netmem/machine';
import { netdevRxQueueRestart } from '@netmem/netdev';
import { PP_FLAG_ALLOW_UNREADABLE_NETMEM, PP_FLAG_DMA_MAP, PP_FLAG_DMA_SYNC_DEV } from '@netmem/page-pool';
import { EAGAIN, EINVAL, ERANGE, Extack, FLOW_TYPE } from '@netmem/uapi';
import { composeFrame } from '@netmem/wire';
import { describe, expect, it } from 'vitest';
import { createQueueMgmtOps } from '../src/queue-mgmt.ts';
import { Bench, type BenchOptions, formatted, pattern, segment } from './bench.ts';
import { PeerProvider } from './peer-provider.ts';

const PORT = 5201;

/** A card whose queue 1 has device memory, with everything for PORT steered to it. */
function bound(niovs: number, options: BenchOptions = {}): { bench: Bench; provider: PeerProvider } {
  const bench = new Bench(options).up().split();
  expect(bench.ethtool.setFeatures(bench.dev, { 'rx-ntuple-filter': true })).toBe(0);
  const mask = 0xffff;
  expect(
    bench.ethtool.insertRule(bench.dev, { flowType: FLOW_TYPE.TCP_V4, dstPort: PORT, dstPortMask: mask, ring: 1 }),
  ).toBeGreaterThanOrEqual(0);
  const provider = new PeerProvider(bench, niovs);
  expect(provider.open(1)).toBe(0);
  bench.run();
  return { bench, provider };
}

function finish(bench: Bench, provider: PeerProvider): string[] {
  bench.releaseHeld();
  if (provider.pools > 0) provider.close(1);
  bench.run(3e9);
  expect(provider.out).toBe(0);
  expect(provider.pools).toBe(0);
  provider.destroy();
  return bench.finish();
}

describe('the payload pool', () => {
  it('RX-4: maps, syncs, and allows unreadable memory exactly while headers are split', () => {
    const bench = new Bench().up();
    const flags = (): number[] => bench.gve.rx.map((ring) => ring.pool.params.flags);
    expect(flags()).toEqual([3, 3].map(() => PP_FLAG_DMA_MAP | PP_FLAG_DMA_SYNC_DEV));
    bench.split();
    expect(flags()).toEqual([0, 1].map(() => PP_FLAG_DMA_MAP | PP_FLAG_DMA_SYNC_DEV | PP_FLAG_ALLOW_UNREADABLE_NETMEM));
    expect(bench.gve.rx.map((ring) => ring.pool.params.queueIdx)).toEqual([0, 1]);
    bench.split(false);
    expect(flags()).toEqual([0, 1].map(() => PP_FLAG_DMA_MAP | PP_FLAG_DMA_SYNC_DEV));
    expect(bench.finish()).toEqual([]);
  });
});

describe('createQueueMgmtOps', () => {
  it('knows no queue while the interface is down, and parts with all but queue 0 while it is up', () => {
    const bench = new Bench();
    const ops = createQueueMgmtOps(bench.gve);
    const config = { rxPageSize: 0 };
    expect([ops.memAlloc(1, config), ops.stop(1), ops.start(1, config, {})]).toEqual([-EAGAIN, -EAGAIN, -EAGAIN]);
    bench.up();
    expect(ops.stop(0)).toBe(-ERANGE);
    const before = bench.gve.rx[1];
    bench.dev.lock.lock();
    const fresh = ops.memAlloc(1, config);
    // The live queue does not notice that another is built beside it, nor that it is thrown away (I-5).
    expect(bench.gve.rx[1]).toBe(before);
    expect(before.freeCount).toBe(1);
    ops.memFree(fresh as object);
    expect(ops.stop(1)).toBe(before);
    // What stop hands out is empty, and start fills it again.
    expect(before.freeCount).toBe(before.entries);
    expect(before.pool.inflight()).toBe(before.pool.cached + before.pool.ringed);
    expect(ops.start(1, config, before)).toBe(0);
    bench.dev.lock.unlock();
    expect(before.freeCount).toBe(1);
    expect(bench.finish()).toEqual([]);
  });
});

describe('binding a queue', () => {
  it('is refused on queue 0, with the split off, and while the interface is down', () => {
    const bench = new Bench().up();
    const provider = new PeerProvider(bench, 64);
    const extack = new Extack();
    expect(provider.open(1, extack)).toBe(-EINVAL);
    expect(extack.message).toBe('tcp-data-split is disabled');
    bench.split();
    expect(provider.open(0)).toBe(-ERANGE);
    expect(bench.deliver(segment(bench, pattern(500)).frame)).toHaveLength(1);
    expect(bench.dev.close()).toBe(0);
    expect(provider.open(1)).toBe(-EAGAIN);
    expect(provider.pools).toBe(0);
    provider.destroy();
    expect(bench.finish()).toEqual([]);
  });

  it('survives down and up, ring and queue changes', () => {
    const { bench, provider } = bound(64);
    const check = (seed: number): void => {
      const payload = pattern(900, seed);
      const [got] = bench.deliver(segment(bench, payload, { port: PORT }).frame);
      expect(got.unreadable).toBe(true);
      expect(provider.bytesOf(got.frags)).toEqual(payload);
    };
    check(1);
    expect(bench.dev.close()).toBe(0);
    bench.up();
    check(2);
    expect(bench.ethtool.setRings(bench.dev, { rx: 2048 })).toBe(0);
    check(3);
    expect(bench.ethtool.setChannels(bench.dev, { rxCount: 4 })).toBe(0);
    check(4);
    expect(finish(bench, provider)).toEqual([]);
  });

  it('puts the queue back on ordinary memory when it ends', () => {
    const { bench, provider } = bound(64);
    provider.close(1);
    expect(provider.pools).toBe(0);
    const payload = pattern(900);
    const [got] = bench.deliver(segment(bench, payload, { port: PORT }).frame);
    expect(got.unreadable).toBe(false);
    expect(got.paged).toEqual(payload);
    expect(finish(bench, provider)).toEqual([]);
  });

  it('with packets still out: their pool, and through it the provider, lives until they are back', () => {
    const { bench, provider } = bound(64);
    bench.hold = true;
    bench.deliver(segment(bench, pattern(900), { port: PORT }).frame);
    provider.close(1);
    bench.run(3e9);
    expect(provider.pools).toBe(1);
    expect(provider.out).toBe(1);
    bench.releaseHeld();
    bench.run(3e9);
    expect(provider.pools).toBe(0);
    expect(finish(bench, provider)).toEqual([]);
  });
});

describe.each<DmaMode>(['coherent', 'non-coherent'])('receiving into device memory on %s hardware', (dmaMode) => {
  it('headers are linear, payload is where no CPU can read it, at any size', () => {
    const { bench, provider } = bound(64, { dmaMode });
    for (const size of [1, 64, 257, 1000, 1400]) {
      const payload = pattern(size, size);
      const { frame, headerBytes } = segment(bench, payload, { port: PORT, timestamps: true });
      const [got] = bench.deliver(frame);
      expect(got.linear).toEqual(frame.slice(0, headerBytes));
      expect(got.unreadable).toBe(true);
      expect(got.rxQueue).toBe(1);
      expect(got.frags.map((frag) => bench.network.netmem.address(frag.ref))).toEqual([null]);
      expect(provider.bytesOf(got.frags)).toEqual(payload);
    }
    expect(finish(bench, provider)).toEqual([]);
  });

  it('a packet whose header landed there is dropped and counted, and its buffer is not lost', () => {
    const { bench, provider } = bound(8, { dmaMode });
    expect(bench.ethtool.setRss(bench.dev, { indir: [1] })).toBe(0);
    const arp = composeFrame({ ethernet: { destination: formatted(bench.dev.address) }, arp: {} });
    const icmp = composeFrame({
      ethernet: { destination: formatted(bench.dev.address) },
      ipv4: { source: '10.0.0.2', destination: '10.0.0.1' },
      icmp: {},
    });
    for (let i = 0; i < 20; i++) bench.deliver(i % 2 === 0 ? icmp : segment(bench, pattern(9)).frame);
    bench.deliver(arp);
    const { unreadableHeaderDropped } = bench.gve.rxStats[1];
    expect(unreadableHeaderDropped).toBeGreaterThanOrEqual(10);
    expect(bench.received.filter((got) => got.rxQueue === 1).every((got) => got.unreadable)).toBe(true);
    expect(bench.deliver(segment(bench, pattern(30), { port: PORT }).frame)).toHaveLength(1);
    expect(finish(bench, provider)).toEqual([]);
  });
});

describe('a provider that runs empty (I-6)', () => {
  it.each([64, 33, 8, 1])(
    'with %i net_iovs out of one binding: packets are lost while they are out, and flow again when they are back',
    (niovs) => {
      const { bench, provider } = bound(niovs);
      bench.hold = true;
      const before = bench.gve.rxStats[1].packets;
      for (let i = 0; i < 100; i++) bench.deliver(segment(bench, pattern(700, i), { port: PORT }).frame);
      expect(bench.gve.rxStats[1].packets - before).toBe(niovs);
      expect(bench.gve.rxStats[1].bufAllocFail).toBeGreaterThan(0);
      expect(bench.nic.stats.rx[1].noBuffers).toBe(100 - niovs);
      // A ring that ran dry gets no interrupt: only the timer finds out that memory is back.
      bench.releaseHeld();
      bench.hold = false;
      bench.run(25e6);
      expect(bench.gve.rxStats[1].starvationKicks).toBeGreaterThan(0);
      for (let i = 0; i < 100; i++) {
        const payload = pattern(700, i);
        const [got] = bench.deliver(segment(bench, payload, { port: PORT }).frame);
        expect(provider.bytesOf(got.frags)).toEqual(payload);
        // Packets leave GRO after the refill: a single buffer is back too late for this poll, and waits for the timer.
        if (niovs === 1) bench.run(25e6);
      }
      expect(finish(bench, provider)).toEqual([]);
    },
  );

  it('returned one by one, out of order, while traffic goes on', () => {
    const { bench, provider } = bound(40);
    bench.hold = true;
    let sent = 0;
    for (let round = 0; round < 60; round++) {
      for (let i = 0; i < 7; i++) bench.deliver(segment(bench, pattern(300, sent++), { port: PORT }).frame);
      while (bench.held.length > 20) bench.held.splice((round * 7) % bench.held.length, 1)[0].free();
      bench.run(21e6);
    }
    expect(bench.gve.rxStats[1].packets).toBe(sent);
    expect(finish(bench, provider)).toEqual([]);
  });

  it('does not keep a timer going when it has enough', () => {
    const { bench, provider } = bound(4096);
    expect(bench.gve.rx[1].starvation.pending).toBe(false);
    expect(finish(bench, provider)).toEqual([]);
  });
});

describe('restarting a queue under traffic (I-10)', () => {
  it('loses nothing on the other queues', () => {
    const bench = new Bench({ nic: { maxQueues: 4, defaultQueues: 3 } }).up().split();
    const frames = Array.from({ length: 60 }, (_, i) => segment(bench, pattern(400, i), { from: 41000 + i }).frame);
    const expected = bench.deliver(...frames).map((got) => got.rxQueue);
    const others = expected.filter((queue) => queue !== 1).length;
    expect(others).toBeGreaterThan(10);
    for (let round = 0; round < 10; round++) {
      for (const frame of frames.slice(0, 30)) bench.push(frame);
      bench.dev.lock.lock();
      expect(netdevRxQueueRestart(bench.dev, 1)).toBe(0);
      bench.dev.lock.unlock();
      const got = bench.deliver(...frames.slice(30));
      expect(got.filter((packet) => packet.rxQueue !== 1)).toHaveLength(others);
    }
    expect(bench.finish()).toEqual([]);
  });

  it('goes back to the old ring when the card refuses the new one', () => {
    const { bench, provider } = bound(64);
    provider.close(1);
    bench.run();
    const { adminq } = bench.gve;
    const begin = adminq.begin.bind(adminq);
    let refusals = 0;
    // CREATE_RX_QUEUE for the new ring fails once, as a card that is short of something would.
    adminq.begin = (opcode) => (opcode === 6 && refusals++ === 0 ? -ERANGE : begin(opcode));
    expect(provider.open(1)).toBe(-ERANGE);
    adminq.begin = begin;
    expect(refusals).toBe(2);
    const payload = pattern(640);
    const [got] = bench.deliver(segment(bench, payload, { port: PORT }).frame);
    expect(got.paged).toEqual(payload);
    expect(finish(bench, provider)).toEqual([]);
  });
});
