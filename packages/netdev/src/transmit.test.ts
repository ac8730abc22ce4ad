import { PAGE_SIZE } from '@netmem/machine';
import { NET_IOV_IOURING } from '@netmem/netmem';
import { ENETDOWN } from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import { makePlainDevice, type PlainDevice } from '../test/plain-device.ts';
import { allocSkb, bytesOf, counting, makeWorld, putBytes, TestProvider, type World } from '../test/world.ts';
import {
  CHECKSUM_NONE,
  CHECKSUM_PARTIAL,
  NET_XMIT_DROP,
  NET_XMIT_SUCCESS,
  NETDEV_TX_BUSY,
  NETIF_F,
  type NetDevice,
  type NetDeviceOptions,
  SKB_GSO_TCPV4,
  SKB_GSO_TCPV6,
  type SkBuff,
  TX_RETRY_NS,
} from './index.ts';

function up(options: Partial<NetDeviceOptions> = {}): World & PlainDevice {
  const world = makeWorld();
  const plain = makePlainDevice(world.network, { numTxQueues: 1, ...options });
  plain.dev.open();
  return { ...world, ...plain };
}

function packet(world: World & { dev: NetDevice }, mark: number = 0): SkBuff {
  const skb = allocSkb(world.network);
  putBytes(skb, counting(60, mark));
  skb.dev = world.dev;
  return skb;
}

describe('transmit and NetdevTxQueue', () => {
  it('hands the packet to the driver at once', () => {
    const world = up();
    const skb = packet(world);
    expect(world.network.transmit(skb)).toBe(NET_XMIT_SUCCESS);
    expect(world.sent).toEqual([{ skb, queue: 0 }]);
    expect(skb.macHeader).toBe(skb.data);
  });

  it('needs a device that is up and has a carrier', () => {
    const world = up();
    world.dev.carrierOff();
    expect(world.network.transmit(packet(world))).toBe(NET_XMIT_DROP);
    world.dev.close();
    expect(world.network.transmit(packet(world))).toBe(-ENETDOWN);
    expect([world.network.skbs.dropped('NO_CARRIER'), world.network.skbs.dropped('DEV_READY')]).toEqual([1, 1]);
    expect([world.dev.stats().txDropped, world.network.skbs.inUse]).toEqual([2, 0]);
    const homeless = allocSkb(world.network);
    expect(() => world.network.transmit(homeless)).toThrow(/without a device/);
  });

  it('waits in line while the queue is stopped, and goes in order when it is woken', () => {
    const world = up();
    world.dev.stopQueue(0);
    const skbs = Array.from({ length: 100 }, (_, i) => packet(world, i));
    for (const skb of skbs) world.network.transmit(skb);
    expect([world.sent.length, world.dev.txQueues[0].qlen]).toEqual([0, 100]);
    world.dev.wakeQueue(0);
    expect(world.sent.length).toBe(0);
    world.machine.run();
    expect(world.sent.map(({ skb }) => skb)).toEqual(skbs);
    expect([world.dev.txQueues[0].stops, world.dev.txQueues[0].wakes]).toEqual([1, 1]);
  });

  it('does not overtake', () => {
    const world = up();
    world.dev.stopQueue(0);
    const first = packet(world);
    world.network.transmit(first);
    world.dev.wakeQueue(0);
    const second = packet(world);
    world.network.transmit(second);
    world.machine.run();
    expect(world.sent.map(({ skb }) => skb)).toEqual([first, second]);
  });

  it('drops when the line is full', () => {
    const world = up({ txQueueLen: 2 });
    world.dev.stopQueue(0);
    const answers = [0, 1, 2].map((i) => world.network.transmit(packet(world, i)));
    expect(answers).toEqual([NET_XMIT_SUCCESS, NET_XMIT_SUCCESS, NET_XMIT_DROP]);
    expect([world.network.skbs.dropped('QDISC_DROP'), world.dev.stats().txDropped]).toEqual([1, 1]);
  });

  it('keeps a packet that a stopped driver was too busy for', () => {
    const world = up({});
    world.answers.startXmit = NETDEV_TX_BUSY;
    world.dev.stopQueue(0);
    world.dev.txQueues[0].start();
    const skb = packet(world);
    expect(world.network.transmit(skb)).toBe(NET_XMIT_SUCCESS);
    expect([world.dev.txQueues[0].qlen, world.dev.txQueues[0].requeues]).toEqual([1, 1]);
    world.answers.startXmit = 0;
    world.dev.stopQueue(0);
    world.dev.wakeQueue(0);
    world.machine.run();
    expect(world.sent[0].skb).toBe(skb);
  });

  it('asks a busy driver that did not stop its queue again a moment later', () => {
    const world = up();
    world.answers.startXmit = NETDEV_TX_BUSY;
    const skb = packet(world);
    world.network.transmit(skb);
    expect(world.machine.run()).toBe(true);
    world.answers.startXmit = 0;
    const start = world.machine.clock.nowNs;
    world.machine.run({ until: () => world.sent.length > 0 });
    expect(world.machine.clock.nowNs - start).toBe(TX_RETRY_NS);
  });

  it('puts in line what a driver sends from its own transmit', () => {
    const world = makeWorld();
    const order: number[] = [];
    const plain = makePlainDevice(
      world.network,
      { numTxQueues: 1 },
      {
        startXmit(skb) {
          order.push(skb.mark);
          if (skb.mark === 1) {
            const answer = allocSkb(world.network);
            answer.dev = plain.dev;
            answer.mark = 2;
            world.network.transmit(answer);
          }
          skb.consume();
          return 0;
        },
      },
    );
    plain.dev.open();
    const skb = allocSkb(world.network);
    skb.dev = plain.dev;
    skb.mark = 1;
    world.network.transmit(skb);
    expect(order).toEqual([1]);
    world.machine.run();
    expect(order).toEqual([1, 2]);
  });
});

describe('pickTxQueue', () => {
  const choose = (fields: Partial<SkBuff>, selectQueue?: (skb: SkBuff) => number): number => {
    const world = makeWorld();
    const plain = makePlainDevice(world.network, {}, selectQueue === undefined ? {} : { selectQueue });
    plain.dev.open();
    const skb = packet({ ...world, dev: plain.dev });
    Object.assign(skb, fields);
    world.network.transmit(skb);
    return plain.sent[0].queue;
  };

  it.each<[string, Partial<SkBuff>, ((skb: SkBuff) => number) | undefined, number]>([
    ['the driver decides', {}, () => 3, 3],
    ['then the packet', { queueMapping: 2 }, undefined, 2],
    ["a queue that does not exist is nobody's choice", { queueMapping: 9 }, undefined, 0],
    ['then the queue it came from', { rxQueue: 5 }, undefined, 1],
    ['then the flow, spread over the queues', { hash: 0xc0000000 }, undefined, 3],
    ['whose hash may be negative', { hash: -1 }, undefined, 3],
  ])('%s', (_what, fields, selectQueue, expected) => {
    expect(choose(fields, selectQueue)).toBe(expected);
  });
});

describe('mayTransmit: an unreadable packet', () => {
  function send(
    options: Partial<NetDeviceOptions>,
    owner: (world: World & PlainDevice) => object | null,
  ): World & PlainDevice {
    const world = up(options);
    const provider = new TestProvider(world.network, world.machine.iommu.addDevice('nic'), 1);
    provider.dev = owner(world);
    const skb = packet(world);
    const ref = provider.takeForTransmit();
    world.network.netmem.get(ref);
    skb.addRxFragNetmem(ref, 0, 100, PAGE_SIZE);
    expect(world.network.transmit(skb)).toBe(NET_XMIT_SUCCESS);
    return world;
  }

  it.each<[string, Partial<NetDeviceOptions>, (world: PlainDevice) => object | null, number]>([
    ['a driver without netmem transmit', {}, ({ dev }) => dev, 0],
    ['memory of another device', { netmemTx: true }, () => ({}), 0],
    ['memory whose device is gone', { netmemTx: true }, () => null, 0],
    ['memory of this device', { netmemTx: true }, ({ dev }) => dev, 1],
  ])('%s: %i sent', (_what, options, owner, sent) => {
    const world = send(options, owner);
    expect(world.sent).toHaveLength(sent);
    expect([world.network.skbs.dropped('UNREADABLE_TX'), world.dev.stats().txDropped]).toEqual([1 - sent, 1 - sent]);
  });

  it('is asked about its device only when it is dmabuf memory', () => {
    const world = up({ netmemTx: true });
    const { netmem } = world.network;
    const owner = { type: NET_IOV_IOURING, id: 1, get: () => undefined, put: () => undefined };
    const area = netmem.createArea(1, NET_IOV_IOURING, owner, 0);
    if (typeof area === 'number') throw new Error('no area');
    const skb = packet(world);
    skb.addRxFragNetmem(netmem.netIovToNetmem(area.firstSlot as never), 0, 10, PAGE_SIZE);
    world.network.transmit(skb);
    expect(world.sent).toHaveLength(1);
  });

  it('never goes over the loopback device', () => {
    const world = up();
    const provider = new TestProvider(world.network, world.machine.iommu.addDevice('nic'), 1);
    const skb = packet({ ...world, dev: world.network.loopback! });
    const ref = provider.takeForTransmit();
    world.network.netmem.get(ref);
    skb.addRxFragNetmem(ref, 0, 100, PAGE_SIZE);
    world.network.transmit(skb);
    expect(world.network.skbs.dropped('UNREADABLE_TX')).toBe(1);
  });
});

describe('validateAndSend: what a device cannot do', () => {
  it('is summed in software', () => {
    const world = up({ features: 0 });
    const skb = packet(world);
    skb.ipSummed = CHECKSUM_PARTIAL;
    skb.csumStart = skb.data + 20;
    skb.csumOffset = 16;
    skb.pool.view.setUint16(skb.data + 36, 0x1111);
    world.network.transmit(skb);
    const [{ skb: sent }] = world.sent;
    expect(sent.ipSummed).toBe(CHECKSUM_NONE);
    const bytes = bytesOf(sent);
    let sum = 0;
    for (let i = 20; i < 60; i += 2) sum += (bytes[i] << 8) | bytes[i + 1];
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    // The field held a partial sum. With the finished one in its place, the total is that partial sum's complement.
    expect(sum).toBe(0xffff - 0x1111);
    expect((bytes[36] << 8) | bytes[37]).not.toBe(0x1111);
  });

  it('is left to a device that can', () => {
    const world = up({ features: NETIF_F.HW_CSUM });
    const skb = packet(world);
    skb.ipSummed = CHECKSUM_PARTIAL;
    world.network.transmit(skb);
    expect(world.sent[0].skb.ipSummed).toBe(CHECKSUM_PARTIAL);
  });

  it('is dropped when it cannot be summed', () => {
    const world = up({ features: 0 });
    const skb = packet(world);
    skb.ipSummed = CHECKSUM_PARTIAL;
    skb.csumStart = skb.data + 59;
    skb.csumOffset = 0;
    world.network.transmit(skb);
    expect(world.network.skbs.dropped('SKB_CSUM')).toBe(1);
  });

  it.each<[number, number, number]>([
    [SKB_GSO_TCPV4, NETIF_F.TSO, 1],
    [SKB_GSO_TCPV6, NETIF_F.TSO6, 1],
    [SKB_GSO_TCPV4, NETIF_F.TSO6, 3],
    [SKB_GSO_TCPV6, NETIF_F.TSO, 3],
    [0, NETIF_F.TSO | NETIF_F.TSO6, 3],
  ])('is cut by its protocol: kind %i, features %i, %i packets', (gsoType, feature, packets) => {
    const world = up({ features: NETIF_F.SG | NETIF_F.HW_CSUM | feature });
    world.network.addOffload(0x88b5, {
      groReceive: () => null,
      groComplete: () => 0,
      gsoSegment(skb) {
        const segments = [0, 1, 2].map((i) => packet(world, i));
        segments[0].next = segments[1];
        segments[1].next = segments[2];
        skb.consume();
        return segments[0];
      },
    });
    const skb = packet(world);
    skb.protocol = 0x88b5;
    skb.gsoSize = 20;
    skb.gsoType = gsoType;
    world.network.transmit(skb);
    expect(world.sent).toHaveLength(packets);
    for (const { skb: sent } of world.sent) expect(sent.next).toBeNull();
  });

  it('is dropped when nobody can cut it', () => {
    const world = up();
    const skb = packet(world);
    skb.gsoSize = 20;
    skb.gsoType = SKB_GSO_TCPV4;
    world.network.transmit(skb);
    expect(world.network.skbs.dropped('SKB_GSO_SEG')).toBe(1);
  });
});
