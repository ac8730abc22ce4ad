// What the stack refuses or skips when a packet has bytes that no CPU can read.

import { EFAULT } from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import { addPageFrag, allocSkb, counting, makeWorld, putBytes, TestProvider, type World } from '../test/world.ts';
import { CHECKSUM_COMPLETE, CHECKSUM_PARTIAL, type SkBuff } from './index.ts';

const LINEAR = 20;
const PAYLOAD = 100;

function unreadable(): World & { skb: SkBuff; scratch: SkBuff; done: () => void } {
  const world = makeWorld();
  const device = world.machine.iommu.addDevice('nic');
  const provider = new TestProvider(world.network, device, 4);
  const skb = allocSkb(world.network);
  putBytes(skb, counting(LINEAR));
  const ref = provider.takeForTransmit();
  world.network.netmem.get(ref);
  skb.addRxFragNetmem(ref, 0, PAYLOAD, 4096);
  const scratch = allocSkb(world.network);
  scratch.put(200);
  return {
    ...world,
    skb,
    scratch,
    done(): void {
      skb.consume();
      scratch.consume();
      expect(provider.refs).toBe(1);
      expect(world.network.audit()).toEqual([]);
    },
  };
}

describe('an unreadable packet', () => {
  it('is marked by its first net_iov and stays so', () => {
    const { skb, network, done } = unreadable();
    expect([skb.unreadable, skb.readable, skb.fragAddress(0)]).toEqual([true, false, null]);
    skb.trim(LINEAR);
    expect(skb.nrFrags).toBe(0);
    expect(skb.unreadable).toBe(true);
    expect(network.netmem).toBeDefined();
    done();
  });

  it('is readable as long as nothing but its linear part is asked for', () => {
    const { skb, scratch, done } = unreadable();
    expect(skb.copyBits(0, scratch.data, LINEAR)).toBe(0);
    expect([...skb.pool.bytes.subarray(scratch.data, scratch.data + LINEAR)]).toEqual([...counting(LINEAR)]);
    expect(skb.mayPull(LINEAR)).toBe(true);
    expect(skb.checksum(0, LINEAR, 0)).not.toBe(0);
    done();
  });

  it('is not copied', () => {
    const { skb, done } = unreadable();
    expect(skb.copy()).toBeNull();
    expect(skb.copyUbufs()).toBe(-EFAULT);
    done();
  });

  it('is not pulled, and the failure counts', () => {
    const { skb, network, done } = unreadable();
    expect(skb.mayPull(LINEAR + 1)).toBe(false);
    expect(skb.pullTail(1)).toBe(false);
    expect(network.skbs.pullFailures).toBe(2);
    expect([skb.headlen, skb.nrFrags]).toEqual([LINEAR, 1]);
    done();
  });

  it('faults where bits are copied from or stored to its fragments', () => {
    const { skb, scratch, done } = unreadable();
    expect(skb.copyBits(LINEAR - 1, scratch.data, 2)).toBe(-EFAULT);
    expect(skb.copyBits(LINEAR, scratch.data, 1)).toBe(-EFAULT);
    expect(skb.storeBits(LINEAR - 1, scratch.data, 2)).toBe(-EFAULT);
    expect(skb.storeBits(0, scratch.data, LINEAR)).toBe(0);
    done();
  });

  it('gives a reader without the devmem path its linear part and then a short copy', () => {
    const { skb, done } = unreadable();
    const to = new Uint8Array(LINEAR + PAYLOAD);
    expect(skb.copyDatagram(0, to, 0, to.length)).toBe(LINEAR);
    expect(skb.copyDatagram(LINEAR, to, 0, 10)).toBe(0);
    expect([...to.subarray(0, LINEAR)]).toEqual([...counting(LINEAR)]);
    done();
  });

  it('has no checksum: a WARN once, and 0', () => {
    const { skb, machine, done } = unreadable();
    expect(skb.checksum(0, LINEAR + 1, 0)).toBe(0);
    expect(skb.checksum(0, LINEAR + PAYLOAD, 0x1234)).toBe(0);
    expect(machine.log.unexpected().map((entry) => entry.text)).toEqual([
      'skb_checksum: the checksum of unreadable fragments was asked for',
    ]);
    machine.log.expect('skb_checksum');
    done();
  });

  it('sums to 0 where bits are copied and summed in one', () => {
    const { skb, scratch, done } = unreadable();
    expect(skb.copyAndChecksumBits(0, scratch.data, LINEAR + 1)).toBe(0);
    expect(skb.copyAndChecksumBits(0, scratch.data, LINEAR)).not.toBe(0);
    done();
  });

  it('gets no checksum in software, unless it needs none', () => {
    const { skb, done } = unreadable();
    skb.ipSummed = CHECKSUM_PARTIAL;
    skb.csumStart = skb.data;
    skb.csumOffset = 0;
    expect(skb.checksumHelp()).toBe(-EFAULT);
    expect(skb.ipSummed).toBe(CHECKSUM_PARTIAL);
    skb.ipSummed = CHECKSUM_COMPLETE;
    expect(skb.checksumHelp()).toBe(0);
    done();
  });

  it('is not condensed', () => {
    const { skb, done } = unreadable();
    const before = skb.truesize;
    skb.condense();
    expect([skb.nrFrags, skb.truesize]).toEqual([1, before]);
    done();
  });

  it('is cloned and split without being read', () => {
    const { skb, network, done } = unreadable();
    const copied = skb.clone()!;
    const rest = allocSkb(network);
    expect(copied.split(rest, LINEAR + 40)).toBe(true);
    expect([copied.len, rest.len, rest.unreadable, rest.fragOffset(0), rest.fragSize(0)]).toEqual([
      60,
      60,
      true,
      40,
      60,
    ]);
    copied.consume();
    rest.consume();
    done();
  });

  it('can have its front and its end dropped', () => {
    const { skb, done } = unreadable();
    skb.trimHead(LINEAR + 10);
    expect([skb.len, skb.headlen, skb.fragOffset(0), skb.fragSize(0)]).toEqual([90, 0, 10, 90]);
    skb.trim(50);
    expect([skb.len, skb.fragSize(0)]).toEqual([50, 50]);
    done();
  });

  it('ends a walk that begins in front of it only when its bytes are wanted', () => {
    const { skb, network, scratch, done } = unreadable();
    const head = allocSkb(network);
    putBytes(head, [1]);
    const tail = allocSkb(network);
    addPageFrag(network, tail, [2]);
    head.fragList = skb.get();
    skb.next = tail;
    head.len += skb.len + tail.len;
    head.dataLen += skb.len + tail.len;
    expect(head.copyBits(0, scratch.data, 1 + LINEAR)).toBe(0);
    expect(head.copyBits(1 + LINEAR, scratch.data, 1)).toBe(-EFAULT);
    // Behind it, a readable member is readable again: readability is each skb's own.
    expect(head.copyBits(1 + LINEAR + PAYLOAD, scratch.data, 1)).toBe(0);
    head.consume();
    done();
  });
});
