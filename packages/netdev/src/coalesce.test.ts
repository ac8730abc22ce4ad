import { PAGE_SIZE } from '@netmem/machine';
import { describe, expect, it } from 'vitest';
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
import { MAX_SKB_FRAGS, SK_BUFF_BYTES, SKB_HEAD_BYTES, SKB_OVERHEAD_BYTES, type SkBuff } from './index.ts';

type Change = (skb: SkBuff, world: World) => void;

function withFrag(world: World, change: Change = () => undefined): SkBuff {
  const skb = allocSkb(world.network);
  addPageFrag(world.network, skb, counting(10));
  change(skb, world);
  return skb;
}

function withBytes(world: World, length: number): SkBuff {
  const skb = allocSkb(world.network);
  putBytes(skb, counting(length));
  return skb;
}

function fragList(skb: SkBuff, world: World): void {
  const member = withBytes(world, 1);
  skb.fragList = member;
  skb.len += 1;
  skb.dataLen += 1;
}

function makeUnreadable(skb: SkBuff): void {
  skb.unreadable = true;
}

function makeZerocopy(skb: SkBuff): void {
  skb.zerocopy = true;
}

const cloned: Change = (skb) => void skb.clone();

describe('tryCoalesce', () => {
  it('moves fragments and says what that weighs', () => {
    const world = makeWorld();
    const to = withFrag(world);
    const from = withFrag(world);
    const before = to.truesize;
    expect(to.tryCoalesce(from)).toBe(true);
    expect(world.network.skbs.coalesceDelta).toBe(PAGE_SIZE);
    expect([to.nrFrags, to.len, to.dataLen, to.truesize]).toEqual([2, 20, 20, before + PAGE_SIZE]);
    expect([from.nrFrags, from.len]).toEqual([0, 0]);
    from.consume();
    expect(bytesOf(to)).toEqual([...counting(10), ...counting(10)]);
    to.consume();
    expect(world.network.netmem.audit()).toEqual([]);
  });

  it('copies what fits the tail room, which weighs nothing', () => {
    const world = makeWorld();
    const to = withBytes(world, 10);
    const from = withFrag(world);
    expect(to.tryCoalesce(from)).toBe(true);
    expect(world.network.skbs.coalesceDelta).toBe(0);
    expect([to.nrFrags, to.headlen]).toEqual([0, 20]);
    from.consume();
    to.consume();
  });

  // Each question is asked before the next: the copy would succeed where the answer is no, and does where later questions would say no.
  it.each<[string, Change, Change]>([
    ['a cloned destination', cloned, () => undefined],
    ['unequal recycling', () => undefined, (from) => from.markForRecycle()],
    ['unequal readability', () => undefined, makeUnreadable],
  ])('%s beats the copy', (_what, changeTo, changeFrom) => {
    const world = makeWorld();
    const to = withBytes(world, 1);
    const from = withBytes(world, 1);
    changeTo(to, world);
    changeFrom(from, world);
    expect(to.tryCoalesce(from)).toBe(false);
    expect([to.len, from.len]).toEqual([1, 1]);
  });

  it.each<[string, Change]>([
    ['a frag list', fragList],
    ['zerocopy', makeZerocopy],
    ['a clone', cloned],
  ])('the copy beats %s of the source', (_what, change) => {
    const world = makeWorld();
    const to = withBytes(world, 1);
    const from = withBytes(world, 1);
    change(from, world);
    expect(to.tryCoalesce(from)).toBe(true);
    expect(to.nrFrags).toBe(0);
  });

  it.each<[string, Change, Change]>([
    ['a cloned destination', cloned, () => undefined],
    ['a frag list of the destination', fragList, () => undefined],
    ['a frag list of the source', () => undefined, fragList],
    ['zerocopy of the destination', makeZerocopy, () => undefined],
    ['zerocopy of the source', () => undefined, makeZerocopy],
    ['unequal readability', makeUnreadable, () => undefined],
  ])('%s keeps fragments apart', (_what, changeTo, changeFrom) => {
    const world = makeWorld();
    const to = withFrag(world, changeTo);
    const from = withFrag(world, changeFrom);
    expect(to.tryCoalesce(from)).toBe(false);
    expect([to.nrFrags, from.nrFrags]).toEqual([1, 1]);
  });

  it('takes the fragments of a cloned source: the clone has references of its own', () => {
    const world = makeWorld();
    const to = withFrag(world);
    const from = withFrag(world);
    const copied = from.clone()!;
    expect(to.tryCoalesce(from)).toBe(true);
    from.consume();
    to.consume();
    expect(bytesOf(copied)).toEqual([...counting(10)]);
    copied.consume();
    expect(world.network.netmem.audit()).toEqual([]);
  });

  it('fills up to 17 fragments and no more', () => {
    const world = makeWorld();
    const to = withFrag(world);
    for (let i = 1; i < MAX_SKB_FRAGS - 1; i++) addPageFrag(world.network, to, [i]);
    const last = withFrag(world);
    const more = withFrag(world);
    expect(to.tryCoalesce(last)).toBe(true);
    expect(to.tryCoalesce(more)).toBe(false);
  });

  it('leaves linear bytes alone that are not in page memory', () => {
    const world = makeWorld();
    const to = withFrag(world);
    const from = withFrag(world);
    const linear = withBytes(world, SKB_HEAD_BYTES - 64);
    expect(to.tryCoalesce(linear)).toBe(false);
    expect(to.tryCoalesce(from)).toBe(true);
  });

  it('turns a head in page memory into a fragment, if one more fits and nobody shares it', () => {
    const world = makeWorld();
    const { network } = world;
    const to = withFrag(world);
    const ref = allocPage(network);
    const from = network.skbs.build(null, ref, 512, 1024)!;
    from.reserve(30);
    putBytes(from, counting(100));
    addPageFrag(network, from, [9]);
    const copied = from.clone()!;
    expect(to.tryCoalesce(from)).toBe(false);
    copied.consume();
    const before = from.truesize;
    expect(to.tryCoalesce(from)).toBe(true);
    expect(network.skbs.coalesceDelta).toBe(before - SK_BUFF_BYTES);
    expect([to.nrFrags, to.fragRef(1), to.fragOffset(1), to.fragSize(1), to.fragSize(2)]).toEqual([
      3,
      ref,
      542,
      100,
      1,
    ]);
    from.consume();
    expect(bytesOf(to)).toEqual([...counting(10), ...counting(100), 9]);
    to.consume();
    expect(network.netmem.audit()).toEqual([]);
  });

  it('needs room for the head as well: 16 and 1 fragments are too many', () => {
    const world = makeWorld();
    const { network } = world;
    const to = withFrag(world);
    for (let i = 1; i < MAX_SKB_FRAGS - 1; i++) addPageFrag(network, to, [i]);
    const from = network.skbs.build(null, allocPage(network), 0, 1024)!;
    from.put(10);
    addPageFrag(network, from, [1]);
    expect(to.tryCoalesce(from)).toBe(false);
    from.trim(10);
    expect(to.tryCoalesce(from)).toBe(true);
  });

  it('can put a host page into an unreadable packet, when both have linear bytes left', () => {
    const world = makeWorld();
    const { network } = world;
    const device = world.machine.iommu.addDevice('nic');
    const provider = new TestProvider(network, device, 4);
    const make = (): SkBuff => {
      const skb = network.skbs.build(null, allocPage(network), 0, 1024)!;
      skb.put(5);
      const ref = provider.takeForTransmit();
      network.netmem.get(ref);
      skb.addRxFragNetmem(ref, 0, 10, PAGE_SIZE);
      return skb;
    };
    const to = make();
    const from = make();
    expect(to.tryCoalesce(from)).toBe(true);
    expect(to.unreadable).toBe(true);
    expect([0, 1, 2].map((i) => to.fragAddress(i) === null)).toEqual([true, false, true]);
    from.consume();
    to.consume();
    expect(provider.refs).toBe(1);
  });

  it('warns when an skb weighs less than it holds', () => {
    const world = makeWorld();
    const to = withFrag(world);
    const from = withFrag(world);
    from.truesize = SKB_HEAD_BYTES + SKB_OVERHEAD_BYTES + 1;
    expect(to.tryCoalesce(from)).toBe(true);
    expect(world.machine.log.unexpected()).toHaveLength(1);
  });
});
