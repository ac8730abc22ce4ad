import { PAGE_SIZE } from '@netmem/machine';
import { RX_COMPLETION_DESC, RX_COMPLETION_DESC_BYTES, TX_COMPLETION_DESC_BYTES } from '@netmem/vnic/abi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RxRing } from '../src/rx-ring.ts';
import type { TxRing } from '../src/tx-ring.ts';
import { Bench, pattern, segment } from './bench.ts';
import { PeerProvider } from './peer-provider.ts';

/** What a card may write, most of it plausible enough to get past the first check. */
const completion = fc.record({
  id: fc.oneof(fc.nat(70), fc.nat(0xffff)),
  length: fc.oneof(fc.nat(PAGE_SIZE), fc.nat(0x3fff)),
  headerWord: fc.oneof(
    fc.nat(300).map((length) => length | 0x800),
    fc.nat(0xffff),
  ),
  flags: fc.nat(0xff),
  error: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(0xff) }),
  type: fc.nat(0xffff),
});

type Completion = typeof completion extends fc.Arbitrary<infer T> ? T : never;

function writeCompletion(bench: Bench, ring: RxRing, at: number, generation: number, what: Completion): void {
  const { view } = bench.machine.memory;
  const base = ring.completions.address + at * RX_COMPLETION_DESC_BYTES;
  view.setUint8(base + RX_COMPLETION_DESC.rxError, what.error);
  view.setUint16(base + RX_COMPLETION_DESC.packetType, what.type, true);
  view.setUint16(base + RX_COMPLETION_DESC.packetLen, what.length | (generation << 14), true);
  view.setUint16(base + RX_COMPLETION_DESC.headerLen, what.headerWord, true);
  view.setUint8(base + RX_COMPLETION_DESC.endOfPacket, what.flags);
  view.setUint16(base + RX_COMPLETION_DESC.bufId, what.id, true);
}

/** Writes completions where the driver looks next, behind the back of the real card, and lets it poll. */
function forge(bench: Bench, ring: RxRing, what: readonly Completion[]): void {
  let at = ring.completionHead;
  let { generation } = ring;
  for (const one of what) {
    writeCompletion(bench, ring, at, generation, one);
    at = (at + 1) & ring.mask;
    if (at === 0) generation ^= 1;
  }
  ring.napi.schedule();
  bench.run();
}

const NIC = { ringEntries: 64, minRingEntries: 64 };

describe('a card that lies', () => {
  it('about received packets: nothing is thrown, nothing leaks', () => {
    fc.assert(
      fc.property(fc.array(completion, { maxLength: 60 }), fc.boolean(), fc.boolean(), (what, split, devmem) => {
        const bench = new Bench({ nic: NIC, ramBytes: 8 << 20 }).up();
        if (split) bench.split();
        const provider = split && devmem ? new PeerProvider(bench, 50) : null;
        expect(provider?.open(1) ?? 0).toBe(0);
        bench.run();
        const ring = bench.gve.rx[1];
        forge(bench, ring, what);
        expect(ring.stats.completed).toBe(what.length);
        expect(ring.freeCount + ring.posted.filter((ref) => ref !== 0).length).toBe(ring.entries);
        provider?.close(1);
        bench.run(3e9);
        expect(provider?.out ?? 0).toBe(0);
        provider?.destroy();
        expect(bench.finish()).toEqual([]);
      }),
      { seed: 11, numRuns: 25 },
    );
  }, 60_000);

  it('never ending a packet: it is dropped when it is longer than any', () => {
    const bench = new Bench({ nic: NIC }).up();
    const ring = bench.gve.rx[1];
    for (let round = 0; round < 20; round++) {
      const ids = [...ring.posted.keys()].filter((id) => ring.posted[id] !== 0).slice(0, 30);
      forge(
        bench,
        ring,
        ids.map((id) => ({ id, length: 4000, headerWord: 0, flags: 0, error: 0, type: 0 })),
      );
    }
    expect(ring.stats.descErrDropped).toBeGreaterThan(0);
    expect(bench.network.skbs.inUse).toBeLessThanOrEqual(2);
    expect(bench.finish()).toEqual([]);
  });

  it('about sent packets: nothing is thrown, nothing is freed twice', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(0xffff), fc.oneof(fc.nat(30), fc.nat(0xffff))), { maxLength: 100 }),
        (what) => {
          const bench = new Bench({ nic: NIC, ramBytes: 8 << 20 }).up();
          bench.port.refuse(1e9);
          const { frame } = segment(bench, pattern(60));
          for (let i = 0; i < 10; i++) {
            const skb = bench.network.skbs.alloc(bench.dev);
            if (skb === null) throw new Error('no skb');
            bench.machine.memory.bytes.set(frame, skb.put(frame.length));
            skb.queueMapping = 0;
            bench.network.transmit(skb);
          }
          const ring: TxRing = bench.gve.tx[0];
          const { view } = bench.machine.memory;
          let at = ring.completionHead;
          let { generation } = ring;
          for (const [word, value] of what) {
            const base = ring.completions.address + at * TX_COMPLETION_DESC_BYTES;
            view.setUint16(base, (word & 0x7fff) | (generation << 15), true);
            view.setUint16(base + 2, value, true);
            at = (at + 1) & ring.mask;
            if (at === 0) generation ^= 1;
          }
          ring.napi.schedule();
          bench.run();
          expect(ring.freeTagCount + ring.packets.filter((skb) => skb !== null).length).toBe(ring.tags);
          bench.dev.close();
          expect(bench.network.skbs.inUse).toBe(0);
          expect(bench.finish()).toEqual([]);
        },
      ),
      { seed: 5, numRuns: 25 },
    );
  }, 60_000);
});
