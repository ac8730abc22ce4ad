import { DMA_MAPPING_ERROR, DMA_TO_DEVICE, PAGE_SIZE } from '@netmem/machine';
import { describe, expect, it } from 'vitest';
import {
  addPageFrag,
  allocPage,
  allocSkb,
  counting,
  makePool,
  makeWorld,
  putBytes,
  TestProvider,
} from '../test/world.ts';
import { skbFragDmaMap } from './index.ts';
import { SkBuffCursor } from './skbuff-cursor.ts';
import { getFragRef, putFragRef, releaseData } from './skbuff-frags.ts';

describe('getFragRef and putFragRef', () => {
  it('count in the pool for pool memory of a recycling skb', () => {
    const { network } = makeWorld();
    const pool = makePool(network);
    const skb = allocSkb(network);
    const ref = pool.allocNetmems();
    skb.markForRecycle();
    getFragRef(skb, ref);
    expect([network.netmem.ppRefCount[ref >>> 1], network.netmem.refCount(ref)]).toEqual([2, 1]);
    putFragRef(skb, ref);
    expect(pool.stats.recycleRing).toBe(0);
    putFragRef(skb, ref);
    expect(pool.stats.recycleRing).toBe(1);
  });

  it('count in the page for other memory, and for an skb that does not recycle', () => {
    const { network } = makeWorld();
    const skb = allocSkb(network);
    const ref = allocPage(network);
    for (const recycle of [true, false]) {
      skb.ppRecycle = recycle;
      getFragRef(skb, ref);
      expect(network.netmem.refCount(ref)).toBe(2);
      putFragRef(skb, ref);
      expect(network.netmem.refCount(ref)).toBe(1);
    }
  });

  it('count in the binding for net_iovs that no pool handed out', () => {
    const { machine, network } = makeWorld();
    const provider = new TestProvider(network, machine.iommu.addDevice('nic'), 1);
    const skb = allocSkb(network);
    const ref = provider.takeForTransmit();
    getFragRef(skb, ref);
    expect(provider.refs).toBe(2);
    putFragRef(skb, ref);
    expect(provider.refs).toBe(1);
  });
});

describe('releaseData', () => {
  it('lets go of fragments, frag list and head, and of its place among clones', () => {
    const { network } = makeWorld();
    const skb = network.skbs.build(null, allocPage(network), 0, 1024)!;
    addPageFrag(network, skb, [1]);
    const member = allocSkb(network);
    addPageFrag(network, member, [2]);
    skb.fragList = member;
    const copied = skb.clone()!;
    releaseData(skb);
    expect([skb.nrFrags, skb.fragList, skb.headRef, skb.cloned, copied.cloned]).toEqual([0, null, 0, false, false]);
    releaseData(copied);
    expect(network.netmem.audit()).toEqual([]);
    expect(network.skbs.inUse).toBe(2);
  });
});

describe('setFrag', () => {
  it('writes the three words and nothing else', () => {
    const { network } = makeWorld();
    const skb = allocSkb(network);
    const ref = allocPage(network);
    skb.setFrag(4, ref, 7, 9);
    expect([skb.fragRef(4), skb.fragOffset(4), skb.fragSize(4), skb.nrFrags, skb.len]).toEqual([ref, 7, 9, 0, 0]);
    expect(skb.fragAddress(4)).toBe((network.netmem.address(ref) ?? 0) + 7);
  });
});

describe('orphan', () => {
  it('calls the destructor once and forgets the owner', () => {
    const { network } = makeWorld();
    const skb = allocSkb(network);
    const seen: (object | null)[] = [];
    skb.owner = network;
    skb.destructor = (one) => seen.push(one.owner);
    skb.orphan();
    skb.orphan();
    skb.consume();
    expect([seen, skb.owner]).toEqual([[network], null]);
  });
});

describe('SkBuffCursor', () => {
  it('gives the spans from any byte on, and ends', () => {
    const { network } = makeWorld();
    const skb = allocSkb(network);
    putBytes(skb, counting(5));
    const first = addPageFrag(network, skb, counting(3), 10);
    const member = allocSkb(network);
    const second = addPageFrag(network, member, counting(4));
    skb.fragList = member;
    skb.len += member.len;
    skb.dataLen += member.len;
    const cursor = new SkBuffCursor();
    const spans = (from: number): [number, number][] => {
      const found: [number, number][] = [];
      cursor.seek(skb, from);
      while (cursor.next()) found.push([cursor.address, cursor.length]);
      expect([cursor.fault, cursor.next()]).toEqual([false, false]);
      return found;
    };
    const at = (ref: typeof first): number => network.netmem.address(ref) ?? 0;
    expect(spans(0)).toEqual([
      [skb.data, 5],
      [at(first) + 10, 3],
      [at(second), 4],
    ]);
    expect(spans(6)).toEqual([
      [at(first) + 11, 2],
      [at(second), 4],
    ]);
    expect(spans(11)).toEqual([[at(second) + 3, 1]]);
    expect(spans(12)).toEqual([]);
  });
});

describe('skbFragDmaMap', () => {
  it('maps a page, and leaves a net_iov where it is mapped', () => {
    const { machine, network } = makeWorld();
    const device = machine.iommu.addDevice('nic');
    const provider = new TestProvider(network, device, 2);
    const skb = allocSkb(network);
    addPageFrag(network, skb, counting(100), 50);
    const ref = provider.takeForTransmit();
    network.netmem.get(ref);
    skb.addRxFragNetmem(ref, 30, 100, PAGE_SIZE);
    const page = skbFragDmaMap(device, skb, 0, 10, 20, DMA_TO_DEVICE);
    expect(page % PAGE_SIZE).toBe((skb.fragAddress(0)! + 10) % PAGE_SIZE);
    expect(device.liveMappings).toBe(2);
    device.unmapPage(page, 20, DMA_TO_DEVICE);
    expect(skbFragDmaMap(device, skb, 1, 10, 20, DMA_TO_DEVICE)).toBe(network.netmem.getDmaAddr(ref) + 40);
    expect(device.liveMappings).toBe(1);
    device.failNextMappings = 1;
    expect(skbFragDmaMap(device, skb, 0, 0, 20, DMA_TO_DEVICE)).toBe(DMA_MAPPING_ERROR);
  });
});
