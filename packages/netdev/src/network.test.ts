import { Machine } from '@netmem/machine';
import { ethernet } from '@netmem/wire';
import { describe, expect, it } from 'vitest';
import { makePlainDevice } from '../test/plain-device.ts';
import {
  addPageFrag,
  allocSkb,
  bytesOf,
  counting,
  makePool,
  makeWorld,
  putBytes,
  TestProvider,
  type World,
} from '../test/world.ts';
import {
  CHECKSUM_PARTIAL,
  ETH_P_802_2,
  ethTypeTrans,
  Napi,
  NETDEV_MAX_BACKLOG,
  Network,
  PACKET_BROADCAST,
  PACKET_HOST,
  PACKET_MULTICAST,
  PACKET_OTHERHOST,
  SKB_GSO_TCPV4,
  type SkBuff,
} from './index.ts';

const PROTO = 0x88b5;

function frame(world: World, fields: Parameters<typeof ethernet.encode>[0]): SkBuff {
  const skb = allocSkb(world.network);
  putBytes(skb, ethernet.encode({ type: PROTO, payload: counting(20), ...fields }));
  return skb;
}

describe('ethTypeTrans', () => {
  it.each<[string, string, number, number, number]>([
    ['this host', '02:00:00:00:00:01', PROTO, PACKET_HOST, PROTO],
    ['everybody', 'ff:ff:ff:ff:ff:ff', PROTO, PACKET_BROADCAST, PROTO],
    ['a group', '01:00:5e:00:00:01', PROTO, PACKET_MULTICAST, PROTO],
    ['somebody else', '02:00:00:00:00:02', PROTO, PACKET_OTHERHOST, PROTO],
    ['a length, not a type', '02:00:00:00:00:01', 46, PACKET_HOST, ETH_P_802_2],
  ])('%s', (_what, destination, type, pktType, protocol) => {
    const world = makeWorld();
    const { dev } = makePlainDevice(world.network);
    const skb = frame(world, { destination, type });
    const start = skb.data;
    expect(ethTypeTrans(skb, dev)).toBe(protocol);
    expect([skb.pktType, skb.macHeader, skb.data, skb.len, skb.dev]).toEqual([pktType, start, start + 14, 20, dev]);
  });

  it('finds a header in fragments, but none in 13 bytes or where no CPU can read', () => {
    const world = makeWorld();
    const { dev } = makePlainDevice(world.network);
    const paged = allocSkb(world.network);
    addPageFrag(world.network, paged, ethernet.encode({ type: PROTO, payload: counting(20) }));
    expect(ethTypeTrans(paged, dev)).toBe(PROTO);
    expect(paged.headlen).toBe(0);
    const short = allocSkb(world.network);
    putBytes(short, counting(13));
    expect(ethTypeTrans(short, dev)).toBe(0);
    expect(short.len).toBe(13);
    const provider = new TestProvider(world.network, world.machine.iommu.addDevice('nic'), 1);
    const dark = allocSkb(world.network);
    const ref = provider.takeForTransmit();
    world.network.netmem.get(ref);
    dark.addRxFragNetmem(ref, 0, 60, 4096);
    expect(ethTypeTrans(dark, dev)).toBe(0);
  });
});

describe('receive', () => {
  it('finds the handler of the ethertype', () => {
    const world = makeWorld();
    const { dev } = makePlainDevice(world.network);
    const seen: SkBuff[] = [];
    world.network.addPacketType(PROTO, { receive: (skb) => seen.push(skb) });
    world.network.addPacketType(PROTO + 1, { receive: () => expect.unreachable() });
    const skb = frame(world, {});
    skb.protocol = ethTypeTrans(skb, dev);
    world.network.receive(skb);
    expect(seen).toEqual([skb]);
    expect(skb.networkHeader).toBe(skb.data);
    expect(() => world.network.addPacketType(PROTO, { receive: () => undefined })).toThrow(/has a handler/);
  });

  it('drops and counts what nobody handles', () => {
    const world = makeWorld();
    const { dev } = makePlainDevice(world.network);
    const skb = frame(world, {});
    skb.protocol = ethTypeTrans(skb, dev);
    world.network.receive(skb);
    expect([dev.stats().rxNohandler, world.network.skbs.dropped('UNHANDLED_PROTO'), world.network.skbs.inUse]).toEqual([
      1, 1, 0,
    ]);
  });

  it('shows every packet to taps, an unreadable one up to its linear end', () => {
    const world = makeWorld();
    const plain = makePlainDevice(world.network, { netmemTx: true });
    plain.dev.open();
    const taps: [boolean, number][] = [];
    const stop = world.network.addTap((_skb, outgoing, snapLength) => taps.push([outgoing, snapLength]));
    const readable = frame(world, {});
    addPageFrag(world.network, readable, counting(100));
    world.network.receive(readable);
    const provider = new TestProvider(world.network, world.machine.iommu.addDevice('nic'), 1);
    provider.dev = plain.dev;
    const dark = frame(world, {});
    dark.dev = plain.dev;
    const ref = provider.takeForTransmit();
    world.network.netmem.get(ref);
    dark.addRxFragNetmem(ref, 0, 60, 4096);
    world.network.transmit(dark);
    stop();
    world.network.receive(frame(world, {}));
    expect(taps).toEqual([
      [false, 134],
      [true, 34],
    ]);
  });
});

describe('createLoopback', () => {
  function lo(): World & { seen: SkBuff[]; send: (change?: (skb: SkBuff) => void) => SkBuff } {
    const world = makeWorld();
    const seen: SkBuff[] = [];
    world.network.addPacketType(PROTO, { receive: (skb) => seen.push(skb) });
    return {
      ...world,
      seen,
      send(change = () => undefined): SkBuff {
        const skb = frame(world, { destination: '00:00:00:00:00:00' });
        skb.dev = world.network.loopback;
        change(skb);
        expect(world.network.transmit(skb)).toBe(0);
        return skb;
      },
    };
  }

  it('is up from the start and brings back what is sent, later and unchecked', () => {
    const { machine, network, seen, send } = lo();
    let released = 0;
    const skb = send((one) => {
      one.ipSummed = CHECKSUM_PARTIAL;
      one.gsoSize = 10;
      one.gsoType = SKB_GSO_TCPV4;
      one.owner = {};
      one.destructor = () => released++;
    });
    expect([seen.length, released]).toEqual([0, 1]);
    expect(network.audit()).toContain('1 packet(s) wait in the backlog');
    machine.run();
    expect(seen).toEqual([skb]);
    expect([skb.ipSummed, skb.pktType, skb.gsoSize, skb.owner]).toEqual([CHECKSUM_PARTIAL, PACKET_HOST, 10, null]);
    expect(bytesOf(skb)).toEqual([...counting(20)]);
    expect(network.loopback?.stats()).toMatchObject({ rxPackets: 1, txPackets: 1, rxBytes: 34, txBytes: 34 });
    expect([network.loopback?.mtu, network.loopback?.needsOpsLock]).toEqual([65536, false]);
  });

  it('receives in softirq, of no NAPI', () => {
    const { machine, network, send } = lo();
    const contexts: number[][] = [];
    network.addPacketType(0x1234, { receive: (skb) => skb.consume() });
    network.addTap((_skb, outgoing) => {
      if (!outgoing) contexts.push([Number(machine.context.inSoftirq), machine.context.napiId]);
    });
    send();
    machine.run();
    expect(contexts).toEqual([[1, 0]]);
  });

  it('holds so many and no more', () => {
    const world = makeWorld({ maxSkbs: NETDEV_MAX_BACKLOG + 10 });
    for (let i = 0; i <= NETDEV_MAX_BACKLOG; i++) {
      const skb = frame(world, {});
      skb.dev = world.network.loopback;
      world.network.transmit(skb);
    }
    expect(world.network.skbs.dropped('CPU_BACKLOG')).toBe(1);
    expect(world.network.loopback?.stats().rxDropped).toBe(1);
    world.machine.run();
    expect(world.network.skbs.inUse).toBe(0);
  });

  it('drops what is shorter than a header', () => {
    const { network, send } = lo();
    send((skb) => skb.trim(10));
    expect(network.skbs.dropped('DEV_HDR')).toBe(1);
  });

  it('can be left out', () => {
    const network = new Network({ machine: new Machine({ ramBytes: 4 << 20 }), loopback: false });
    expect([network.loopback, network.devices]).toEqual([null, []]);
  });
});

describe('unregistering', () => {
  it('takes everything of the device along', () => {
    const world = makeWorld();
    const { network } = world;
    const { dev } = makePlainDevice(network);
    const napi = new Napi(dev, () => 0);
    dev.queueSetNapi(1, 'rx', napi);
    dev.queueSetNapi(2, 'tx', napi);
    dev.open();
    const waiting = frame(world, {});
    waiting.dev = dev;
    network.softnet.enqueueBacklog(waiting);
    network.unregisterDevice(dev);
    expect([dev.running, dev.registered, dev.network, dev.napis.length]).toEqual([false, false, null, 0]);
    expect([dev.rxQueues[1].napi, dev.txQueues[2].napi, network.napi(9)]).toEqual([null, null, null]);
    expect(network.skbs.inUse).toBe(0);
    expect(network.devices).toEqual([network.loopback]);
    expect(() => network.unregisterDevice(dev)).toThrow(/not a device of this network/);
    world.machine.run();
  });

  it('moves pools that linger to the loopback device', () => {
    const world = makeWorld();
    const { network } = world;
    const { dev } = makePlainDevice(network);
    const pool = makePool(network, dev);
    const ref = pool.allocNetmems();
    pool.destroy();
    expect([dev.pools.has(pool), network.loopback?.pools.has(pool)]).toEqual([true, false]);
    network.unregisterDevice(dev);
    expect([dev.pools.has(pool), network.loopback?.pools.has(pool)]).toEqual([false, true]);
    pool.putFullNetmem(ref, false);
    world.machine.run({ until: () => network.pools.all().length === 0, timeoutNs: 5e9 });
    expect(network.loopback?.pools.size).toBe(0);
  });

  it('devMemoryProviderUninstall tells the providers of queues after the queues are closed', () => {
    const world = makeWorld();
    const { network } = world;
    const { dev, calls } = makePlainDevice(network);
    const provider = new TestProvider(network, world.machine.iommu.addDevice('nic'), 1);
    dev.rxQueues[2].mpParams = provider.params;
    dev.open();
    expect(network.audit()).toEqual(['eth0: rx queue 2 still has a memory provider']);
    network.unregisterDevice(dev);
    expect(calls.at(-1)).toBe('stop');
    expect(provider.uninstalled).toEqual([dev.rxQueues[2]]);
  });
});
