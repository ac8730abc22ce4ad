import { KernelBug, PAGE_SIZE } from '@netmem/machine';
import type { NetmemRef } from '@netmem/netmem';
import { describe, expect, it } from 'vitest';
import { addPageFrag, allocSkb, bytesOf, counting, makePool, makeWorld, putBytes } from '../test/world.ts';
import { MAX_SKB_FRAGS, SKB_HEAD_BYTES, SKB_HEADROOM, SKB_OVERHEAD_BYTES, SkBuffQueue } from './index.ts';

describe('linear area', () => {
  it('starts empty, with headroom, in RAM that a device can be given', () => {
    const { machine, network } = makeWorld();
    const skb = allocSkb(network);
    expect([skb.len, skb.headlen, skb.headroom, skb.tailroom]).toEqual([
      0,
      0,
      SKB_HEADROOM,
      SKB_HEAD_BYTES - SKB_HEADROOM,
    ]);
    expect(skb.truesize).toBe(SKB_HEAD_BYTES + SKB_OVERHEAD_BYTES);
    expect(machine.ram.contains(skb.head, SKB_HEAD_BYTES)).toBe(true);
    skb.consume();
  });

  it('grows at both ends and gives addresses', () => {
    const { network } = makeWorld();
    const skb = allocSkb(network);
    skb.reserve(36);
    const at = skb.put(10);
    expect(at).toBe(skb.data);
    expect(skb.push(14)).toBe(at - 14);
    expect(skb.pull(14)).toBe(at);
    expect(skb.put(5)).toBe(at + 10);
    expect([skb.len, skb.headroom, skb.tail]).toEqual([15, 100, at + 15]);
    skb.consume();
  });

  it('pulls only what is linear', () => {
    const { network } = makeWorld();
    const skb = allocSkb(network);
    putBytes(skb, counting(10));
    addPageFrag(network, skb, counting(10));
    expect(skb.pull(11)).toBeNull();
    expect(skb.len).toBe(20);
    expect(skb.pull(10)).not.toBeNull();
    expect(skb.pull(1)).toBeNull();
    skb.consume();
  });

  it.each([
    ['put beyond the end', (skb: ReturnType<typeof allocSkb>) => skb.put(SKB_HEAD_BYTES - SKB_HEADROOM + 1)],
    ['push beyond the start', (skb: ReturnType<typeof allocSkb>) => skb.push(SKB_HEADROOM + 1)],
    [
      'put behind fragments',
      (skb: ReturnType<typeof allocSkb>) => {
        skb.dataLen = 1;
        skb.put(1);
      },
    ],
    [
      'reserve when not empty',
      (skb: ReturnType<typeof allocSkb>) => {
        skb.put(1);
        skb.reserve(1);
      },
    ],
  ])('%s is a bug', (_what, act) => {
    const { network } = makeWorld();
    expect(() => act(allocSkb(network))).toThrow(KernelBug);
  });
});

describe('mayPull', () => {
  it('moves bytes from the fragments and gives empty ones back', () => {
    const { network } = makeWorld();
    const skb = allocSkb(network);
    const pool = makePool(network);
    putBytes(skb, [1, 2]);
    for (const bytes of [
      [3, 4, 5],
      [6, 7, 8],
    ]) {
      const ref = pool.allocNetmems();
      skb.pool.bytes.set(bytes, network.netmem.address(ref) ?? 0);
      skb.addRxFragNetmem(ref, 0, 3, PAGE_SIZE);
    }
    skb.markForRecycle();
    expect(skb.mayPull(6)).toBe(true);
    expect([skb.headlen, skb.nrFrags, skb.fragOffset(0), skb.fragSize(0)]).toEqual([6, 1, 1, 2]);
    expect(pool.stats.recycleRing).toBe(1);
    expect(bytesOf(skb)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(skb.mayPull(9)).toBe(false);
    expect(skb.mayPull(8)).toBe(true);
    expect(skb.nrFrags).toBe(0);
    skb.consume();
    pool.destroy();
    expect(network.pools.audit()).toEqual([]);
  });

  it('uses the headroom when the tail is full, moves the headers along and forgets those it overwrites', () => {
    const { network } = makeWorld();
    const skb = allocSkb(network);
    putBytes(skb, counting(444));
    skb.macHeader = skb.data;
    skb.pull(14);
    skb.networkHeader = skb.data;
    skb.transportHeader = skb.data + 20;
    addPageFrag(network, skb, [200, 201, 202, 203, 204, 205]);
    const before = skb.data;
    expect(skb.mayPull(436)).toBe(true);
    expect(skb.data).toBe(before - 2);
    expect([skb.macHeader, skb.networkHeader, skb.transportHeader]).toEqual([0, before - 2, before + 18]);
    expect(bytesOf(skb)).toEqual([...counting(430, 14), 200, 201, 202, 203, 204, 205]);
    skb.consume();
  });

  it('fails, with nothing changed, when the fixed area is too small', () => {
    const { network } = makeWorld();
    const skb = allocSkb(network);
    addPageFrag(network, skb, counting(600));
    expect(skb.mayPull(SKB_HEAD_BYTES + 1)).toBe(false);
    expect([skb.headlen, skb.nrFrags, network.skbs.pullFailures]).toEqual([0, 1, 1]);
    skb.consume();
  });
});

describe('holders', () => {
  it('frees once, when the last holder lets go, and counts the reason', () => {
    const { network } = makeWorld();
    const skb = allocSkb(network);
    let destroyed = 0;
    skb.destructor = () => destroyed++;
    skb.owner = {};
    skb.get().free(3);
    expect([destroyed, network.skbs.inUse]).toEqual([0, 1]);
    skb.free(3);
    expect([destroyed, network.skbs.inUse]).toEqual([1, 0]);
    expect(network.skbs.drops[3]).toBe(1);
    expect(network.skbs.dropped('PKT_TOO_SMALL')).toBe(1);
    expect(network.skbs.dropped()).toBe(1);
    expect(() => skb.free()).toThrow(/freed twice/);
  });

  it('does not count what was consumed', () => {
    const { network } = makeWorld();
    allocSkb(network).consume();
    expect(network.skbs.dropped()).toBe(0);
  });

  it('refuses to free what is on a list', () => {
    const { network } = makeWorld();
    const queue = new SkBuffQueue();
    const skb = allocSkb(network);
    queue.push(skb);
    expect(() => skb.consume()).toThrow(/on a list/);
  });

  it('runs out without an exception, and starts afresh', () => {
    const { network } = makeWorld({ maxSkbs: 2 });
    const first = allocSkb(network);
    const second = allocSkb(network);
    expect(network.skbs.alloc(null)).toBeNull();
    expect(network.skbs.allocFailures).toBe(1);
    first.protocol = 5;
    first.cb[3] = 9;
    first.unreadable = true;
    first.consume();
    const again = allocSkb(network);
    expect(again).toBe(first);
    expect([again.protocol, again.cb[3], again.unreadable]).toEqual([0, 0, false]);
    expect(network.audit()).toEqual(['2 skb(s) in use (no device)']);
    again.consume();
    second.consume();
    expect(network.audit()).toEqual([]);
  });

  it('emits the tracepoints of the kernel', () => {
    const { machine, network } = makeWorld();
    const events: string[] = [];
    const stop = machine.trace.subscribe('*_skb', (event) => events.push(`${event.name} ${event.values.join(' ')}`));
    allocSkb(network).consume();
    allocSkb(network).free(4);
    stop();
    allocSkb(network).free();
    expect(events).toEqual(['consume_skb 0', 'kfree_skb 0 0 4']);
  });
});

describe('fragments', () => {
  it('belong to the pool when marked for recycling, whatever pool that is', () => {
    const { network } = makeWorld();
    const pool = makePool(network);
    const skb = allocSkb(network);
    skb.addRxFragNetmem(pool.allocNetmems(), 0, 100, PAGE_SIZE);
    skb.markForRecycle();
    expect([skb.len, skb.dataLen, skb.truesize]).toEqual([100, 100, SKB_HEAD_BYTES + SKB_OVERHEAD_BYTES + PAGE_SIZE]);
    skb.consume();
    expect(pool.stats.recycleRing).toBe(1);
    pool.destroy();
  });

  it("are put as pages when not marked, also when the page is not a pool's", () => {
    const { network } = makeWorld();
    const skb = allocSkb(network);
    const ref = addPageFrag(network, skb, counting(4));
    network.netmem.get(ref);
    skb.markForRecycle();
    skb.consume();
    expect(network.netmem.refCount(ref)).toBe(1);
    network.netmem.put(ref);
  });

  it('are at most 17', () => {
    const { network } = makeWorld();
    const skb = allocSkb(network);
    for (let i = 0; i < MAX_SKB_FRAGS; i++) addPageFrag(network, skb, [i]);
    expect(() => skb.addRxFragNetmem(2 as NetmemRef, 0, 1, 1)).toThrow(/17 fragments/);
    skb.consume();
  });

  it('can be the head itself', () => {
    const { network } = makeWorld();
    const pool = makePool(network);
    const ref = pool.allocNetmems();
    const skb = network.skbs.build(null, ref, 1024, 1024)!;
    skb.markForRecycle();
    skb.reserve(64);
    putBytes(skb, counting(200));
    expect(skb.data).toBe((network.netmem.address(ref) ?? 0) + 1024 + 64);
    expect(skb.truesize).toBe(1024 + SKB_OVERHEAD_BYTES);
    skb.consume();
    expect(pool.stats.recycleRing).toBe(1);
    pool.destroy();
  });
});

describe('queue', () => {
  it('keeps order through push, unshift, insertAfter and unlink', () => {
    const { network } = makeWorld();
    const queue = new SkBuffQueue();
    const [a, b, c, d] = Array.from({ length: 4 }, () => allocSkb(network));
    queue.push(b);
    queue.unshift(a);
    queue.insertAfter(b, d);
    queue.insertAfter(b, c);
    const order = (): number[] => {
      const slots: number[] = [];
      for (let skb = queue.first; skb !== null; skb = skb.next) slots.push(skb.slot);
      return slots;
    };
    expect(order()).toEqual([a.slot, b.slot, c.slot, d.slot]);
    expect([queue.length, queue.last, queue.peek()]).toEqual([4, d, a]);
    queue.unlink(c);
    queue.unlink(d);
    expect(queue.last).toBe(b);
    expect(b.next).toBeNull();
    expect(queue.pop()).toBe(a);
    queue.insertAfter(null, a);
    expect(order()).toEqual([a.slot, b.slot]);
    queue.purge(2);
    expect([queue.length, queue.first, queue.last, network.skbs.drops[2]]).toEqual([0, null, null, 2]);
    c.consume();
    d.consume();
  });

  it('is one at a time', () => {
    const { network } = makeWorld();
    const [one, two] = [new SkBuffQueue(), new SkBuffQueue()];
    const skb = allocSkb(network);
    one.push(skb);
    expect(() => two.push(skb)).toThrow(/second list/);
    expect(() => two.unlink(skb)).toThrow(/not on this list/);
    expect(() => two.insertAfter(skb, allocSkb(network))).toThrow(/not on this list/);
  });
});
