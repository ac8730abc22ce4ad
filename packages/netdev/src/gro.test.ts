import { E2BIG, ETOOMANYREFS } from '@netmem/uapi';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  addPageFrag,
  allocPage,
  allocSkb,
  bytesOf,
  counting,
  makeWorld,
  putBytes,
  TestProvider,
  type World,
} from '../test/world.ts';
import {
  GRO_NORMAL_BATCH,
  type GroOffload,
  groHeader,
  groLength,
  MAX_GRO_SKBS,
  MAX_SKB_FRAGS,
  Napi,
  NETIF_F,
  NetDevice,
  type SkBuff,
  type SkBuffQueue,
  skbGroReceive,
} from './index.ts';

const PROTO = 0x88b5;
const HEADER = 4;
const FIN = 0x80;

/** A protocol of four bytes: flow, flags, sequence number, and one to spare. */
class TestProtocol implements GroOffload {
  completed: number[] = [];
  failComplete = false;

  groReceive(held: SkBuffQueue, skb: SkBuff): SkBuff | null {
    const at = groHeader(skb, HEADER);
    if (at === 0) {
      skb.groFlush = 1;
      return null;
    }
    const bytes = skb.pool.bytes;
    skb.groOffset += HEADER;
    for (let other = held.first; other !== null; other = other.next) {
      if (!other.groSameFlow) continue;
      if (bytes[other.networkHeader] !== bytes[at]) {
        other.groSameFlow = false;
        continue;
      }
      const inOrder = bytes[other.networkHeader + 2] + other.groCount === bytes[at + 2];
      if (!inOrder || skbGroReceive(other, skb) < 0) return other;
      return bytes[at + 1] & FIN ? other : null;
    }
    if (bytes[at + 1] & FIN) skb.groFlush = 1;
    return null;
  }

  groComplete(skb: SkBuff, offset: number): number {
    this.completed.push(skb.groCount);
    expect(skb.data + offset).toBe(skb.networkHeader);
    return this.failComplete ? -1 : 0;
  }
}

interface GroWorld extends World {
  napi: Napi;
  dev: NetDevice;
  protocol: TestProtocol;
  seen: SkBuff[];
}

function makeGro(): GroWorld {
  const world = makeWorld();
  const dev = new NetDevice({
    address: new Uint8Array(6),
    numRxQueues: 1,
    numTxQueues: 1,
    features: NETIF_F.RXCSUM,
    ops: { open: () => 0, stop: () => 0, startXmit: () => 0 },
  });
  world.network.registerDevice(dev);
  const protocol = new TestProtocol();
  const seen: SkBuff[] = [];
  world.network.addOffload(PROTO, protocol);
  world.network.addPacketType(PROTO, { receive: (skb) => seen.push(skb) });
  const napi = new Napi(dev, () => 0);
  napi.enable();
  return { ...world, dev, napi, protocol, seen };
}

function packet(
  world: GroWorld,
  flow: number,
  seq: number,
  flags: number = 0,
  payload: number = 10,
  linear: number = 0,
): SkBuff {
  const { network } = world;
  const skb = allocSkb(network);
  skb.dev = world.dev;
  putBytes(skb, [flow, flags, seq, 0]);
  if (linear > 0) putBytes(skb, counting(linear, seq));
  if (payload > 0) addPageFrag(network, skb, counting(payload, seq));
  skb.protocol = PROTO;
  skb.hash = flow;
  return skb;
}

function deliverAll(world: GroWorld): void {
  world.napi.disable();
  world.napi.enable();
}

describe('GroNode', () => {
  let world: GroWorld;
  beforeEach(() => {
    world = makeGro();
  });

  it('merges consecutive packets of a flow into fragments of one', () => {
    for (let seq = 0; seq < 3; seq++) world.napi.groReceive(packet(world, 1, seq));
    expect(world.seen).toEqual([]);
    deliverAll(world);
    expect(world.seen).toHaveLength(1);
    const [skb] = world.seen;
    expect([skb.nrFrags, skb.len, skb.gsoSize, skb.groCount, skb.napiId]).toEqual([
      3,
      HEADER + 30,
      10,
      3,
      world.napi.id,
    ]);
    expect(bytesOf(skb).slice(HEADER)).toEqual([...counting(10, 0), ...counting(10, 1), ...counting(10, 2)]);
    expect(world.network.skbs.inUse).toBe(1);
    expect(world.protocol.completed).toEqual([3]);
    skb.consume();
    expect(world.network.netmem.audit()).toEqual([]);
  });

  it('keeps flows apart and delivers each in order', () => {
    for (const [flow, seq] of [
      [1, 0],
      [2, 0],
      [1, 1],
      [2, 1],
      [9, 0],
    ])
      world.napi.groReceive(packet(world, flow, seq));
    deliverAll(world);
    expect(world.seen.map((skb) => [skb.hash, skb.groCount])).toEqual([
      [1, 2],
      [9, 1],
      [2, 2],
    ]);
    // A packet that found no company is not an aggregate.
    expect(world.seen[1].gsoSize).toBe(0);
  });

  it('ends an aggregate at a gap, and delivers before what comes after', () => {
    world.napi.groReceive(packet(world, 1, 0));
    world.napi.groReceive(packet(world, 1, 5));
    deliverAll(world);
    expect(world.seen.map((skb) => skb.pool.bytes[skb.data + 2])).toEqual([0, 5]);
  });

  it('passes by what must not wait, behind what was held', () => {
    world.napi.groReceive(packet(world, 1, 0));
    world.napi.groReceive(packet(world, 1, 1, FIN));
    world.napi.groReceive(packet(world, 1, 9, FIN));
    deliverAll(world);
    expect(world.seen.map((skb) => skb.groCount)).toEqual([2, 1]);
  });

  it('does not hold packets of a protocol without offload, or with GRO off', () => {
    const other = packet(world, 1, 0);
    other.protocol = 0x1234;
    world.napi.groReceive(other);
    world.dev.lock.lock();
    world.dev.wantedFeatures = 0;
    world.dev.updateFeatures();
    world.dev.lock.unlock();
    world.napi.groReceive(packet(world, 1, 0));
    expect(world.napi.groPending).toBe(2);
    deliverAll(world);
    expect(world.seen).toHaveLength(1);
    expect(world.network.skbs.dropped('UNHANDLED_PROTO')).toBe(1);
  });

  it('hands finished packets up in batches, by flushNormal', () => {
    for (let i = 0; i < GRO_NORMAL_BATCH - 1; i++) world.napi.groReceive(packet(world, 1, i * 2, FIN));
    expect(world.seen).toHaveLength(0);
    world.napi.groReceive(packet(world, 1, 100, FIN));
    expect(world.seen).toHaveLength(GRO_NORMAL_BATCH);
  });

  it('makes room in a full bucket by finishing the oldest', () => {
    for (let i = 0; i <= MAX_GRO_SKBS; i++) {
      const skb = packet(world, i, 0);
      skb.hash = 0;
      world.napi.groReceive(skb);
    }
    expect(world.napi.groPending).toBe(MAX_GRO_SKBS + 1);
    deliverAll(world);
    expect(world.seen[0].pool.bytes[world.seen[0].data]).toBe(0);
  });

  it('prepareList looks at the link header and the device besides the hash', () => {
    const first = packet(world, 1, 0);
    const second = packet(world, 1, 1);
    for (const skb of [first, second]) {
      skb.push(14);
      skb.macHeader = skb.data;
      skb.pull(14);
    }
    second.pool.bytes[second.macHeader] ^= 1;
    world.napi.groReceive(first);
    world.napi.groReceive(second);
    deliverAll(world);
    expect(world.seen).toHaveLength(2);
  });

  it('drops an aggregate that cannot be finished', () => {
    world.protocol.failComplete = true;
    world.napi.groReceive(packet(world, 1, 0));
    world.napi.groReceive(packet(world, 1, 1));
    deliverAll(world);
    expect(world.seen).toEqual([]);
    expect(world.network.skbs.dropped('GRO_COMPLETE')).toBe(1);
    expect(world.network.netmem.audit()).toEqual([]);
  });

  it('never looks into unreadable fragments for a header', () => {
    const provider = new TestProvider(world.network, world.machine.iommu.addDevice('nic'), 2);
    const skb = allocSkb(world.network);
    skb.dev = world.dev;
    skb.protocol = PROTO;
    const ref = provider.takeForTransmit();
    world.network.netmem.get(ref);
    skb.addRxFragNetmem(ref, 0, 100, 4096);
    world.napi.groReceive(skb);
    deliverAll(world);
    expect(world.seen).toEqual([skb]);
  });
});

describe('skbGroReceive', () => {
  function alone(world: GroWorld): SkBuff {
    const skb = packet(world, 1, 0);
    skb.groOffset = HEADER;
    skb.groCount = 1;
    skb.groLast = skb;
    return skb;
  }

  function pair(world: GroWorld, change: (skb: SkBuff) => void = () => undefined): [SkBuff, SkBuff] {
    const [held, skb] = [packet(world, 1, 0), packet(world, 1, 1)];
    change(skb);
    for (const one of [held, skb]) {
      one.groOffset = HEADER;
      one.groCount = 1;
    }
    held.groLast = held;
    return [held, skb];
  }

  it('asks for equal recycling first, then for room', () => {
    const world = makeGro();
    const [held, skb] = pair(world, (one) => one.markForRecycle());
    skb.groFlush = 1;
    expect(skbGroReceive(held, skb)).toBe(-ETOOMANYREFS);
    skb.ppRecycle = false;
    expect(skbGroReceive(held, skb)).toBe(-E2BIG);
    skb.groFlush = 0;
    held.len += 65536 - HEADER - 10 - groLength(skb);
    expect(skbGroReceive(held, skb)).toBe(-E2BIG);
    held.len -= 1;
    expect(skbGroReceive(held, skb)).toBe(0);
  });

  it('does not ask whether both are readable', () => {
    const world = makeGro();
    const [held, skb] = pair(world, (one) => {
      one.unreadable = true;
    });
    expect(skbGroReceive(held, skb)).toBe(0);
    expect([held.nrFrags, held.unreadable]).toEqual([2, false]);
  });

  it('continues on the frag list when fragments run out, and fills up that member next', () => {
    const world = makeGro();
    const held = alone(world);
    const total = MAX_SKB_FRAGS + 3;
    for (let i = 1; i < total; i++) {
      const skb = packet(world, 1, i);
      skb.groOffset = HEADER;
      skb.groCount = 1;
      expect(skbGroReceive(held, skb)).toBe(0);
      if (skb.groFree) skb.consume();
    }
    expect([held.nrFrags, held.fragList?.nrFrags, held.fragList?.next]).toEqual([MAX_SKB_FRAGS, 3, null]);
    expect([held.len, held.dataLen, held.groCount]).toEqual([HEADER + 10 * total, 10 * total, total]);
    expect(bytesOf(held).slice(HEADER)).toEqual(Array.from({ length: total }, (_, i) => [...counting(10, i)]).flat());
    held.consume();
    expect(world.network.audit()).toEqual([]);
    expect(world.network.netmem.audit()).toEqual([]);
  });

  it("chains payload that lies in an skb's own linear area", () => {
    const world = makeGro();
    const held = alone(world);
    const skb = packet(world, 1, 1, 0, 0, 20);
    skb.groOffset = HEADER;
    skb.groCount = 1;
    expect(skbGroReceive(held, skb)).toBe(0);
    expect([held.fragList, skb.groFree, skb.len]).toEqual([skb, false, 20]);
    expect(bytesOf(held).slice(HEADER)).toEqual([...counting(10), ...counting(20, 1)]);
    held.consume();
    expect(world.network.audit()).toEqual([]);
  });

  it('makes a fragment of payload in a page head', () => {
    const world = makeGro();
    const { network } = world;
    const held = alone(world);
    const ref = allocPage(network);
    const skb = network.skbs.build(world.dev, ref, 100, 1024)!;
    putBytes(skb, [1, 0, 1, 0, ...counting(20, 1)]);
    addPageFrag(network, skb, [77]);
    skb.groOffset = HEADER;
    skb.groCount = 1;
    expect(skbGroReceive(held, skb)).toBe(0);
    expect([held.nrFrags, held.fragRef(1), held.fragOffset(1), held.fragSize(1)]).toEqual([3, ref, 104, 20]);
    expect(bytesOf(held).slice(HEADER)).toEqual([...counting(10), ...counting(20, 1), 77]);
    skb.consume();
    held.consume();
    expect(network.netmem.audit()).toEqual([]);
  });

  it('counts the packets of an aggregate that the device made', () => {
    const world = makeGro();
    const first = packet(world, 1, 0, 0, 30);
    first.gsoSize = 10;
    first.gsoSegs = 3;
    world.napi.groReceive(first);
    world.napi.groReceive(packet(world, 1, 3));
    deliverAll(world);
    expect(world.seen.map((skb) => [skb.groCount, skb.gsoSize])).toEqual([[4, 10]]);
  });

  /** A packet that the device merged: three segments of ten bytes. */
  function merged(world: GroWorld, seq: number, size: number = 10): SkBuff {
    const skb = packet(world, 1, seq, 0, 30);
    skb.gsoSize = size;
    skb.gsoSegs = Math.ceil(30 / size);
    return skb;
  }

  it('adds an aggregate of the device to what is held, if its segments are as long', () => {
    const world = makeGro();
    world.napi.groReceive(merged(world, 0));
    world.napi.groReceive(merged(world, 3));
    world.napi.groReceive(packet(world, 1, 6));
    deliverAll(world);
    expect(world.seen.map((skb) => [skb.groCount, skb.gsoSize, skb.len])).toEqual([[7, 10, HEADER + 70]]);
    const other = makeGro();
    other.napi.groReceive(merged(other, 0));
    other.napi.groReceive(merged(other, 3, 15));
    deliverAll(other);
    expect(other.seen.map((skb) => [skb.groCount, skb.gsoSize, skb.len])).toEqual([
      [3, 10, HEADER + 30],
      [2, 15, HEADER + 30],
    ]);
  });

  it('neither holds nor adds an aggregate with a frag list, whatever the protocol says', () => {
    const world = makeGro();
    const listed = (seq: number): SkBuff => {
      const skb = merged(world, seq);
      const member = allocSkb(world.network);
      addPageFrag(world.network, member, counting(20, 7));
      skb.fragList = member;
      skb.len += 20;
      skb.dataLen += 20;
      skb.gsoSegs = 5;
      return skb;
    };
    // As a protocol that forgets what it was told.
    const { groReceive } = world.protocol;
    world.protocol.groReceive = function forgetful(held, skb): SkBuff | null {
      const result = groReceive.call(this, held, skb);
      skb.groFlush = 0;
      return result;
    };
    world.napi.groReceive(packet(world, 1, 0));
    world.napi.groReceive(listed(1));
    world.napi.groReceive(listed(6));
    world.napi.groReceive(packet(world, 1, 11));
    deliverAll(world);
    expect(world.seen.map((skb) => [skb.len - HEADER, skb.gsoSize])).toEqual([
      [10, 0],
      [50, 10],
      [50, 10],
      [10, 0],
    ]);
    for (const skb of world.seen) skb.consume();
    expect(world.network.audit()).toEqual([]);
    expect(world.network.netmem.audit()).toEqual([]);
  });
});
