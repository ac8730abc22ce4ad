import { EBUSY, Extack, TCP_DATA_SPLIT } from '@netmem/uapi';
import { ethernet, ipv4, pseudoHeaderSum4, tcp } from '@netmem/wire';
import { describe, expect, it } from 'vitest';
import { bytesOf, counting, makeWorld, TestProvider, type World } from '../../test/world.ts';
import { deviceStats, netifMpCloseRxq, netifMpOpenRxq, type SkBuff } from '../index.ts';
import { createPacketDriver, type PacketDriver, type PacketDriverOptions } from './index.ts';

const IPV4 = 0x0800;

function tcpFrame(to: PacketDriver, payload: Uint8Array): Uint8Array {
  const view = new DataView(Uint8Array.of(10, 0, 0, 1, 10, 0, 0, 2).buffer);
  const segment = tcp.encode(
    { sourcePort: 1000, destinationPort: 2000, payload },
    pseudoHeaderSum4(view, 0, 4, 6, 20 + payload.length),
  );
  const packet = ipv4.encode({ source: '10.0.0.1', destination: '10.0.0.2', protocol: 6, payload: segment });
  return ethernet.encode({
    destination: [...to.netdev.address].map((b) => b.toString(16).padStart(2, '0')).join(':'),
    type: IPV4,
    payload: packet,
  });
}

function up(options: PacketDriverOptions = {}): World & { driver: PacketDriver; seen: SkBuff[] } {
  const world = makeWorld();
  const driver = createPacketDriver(world.network, options);
  const seen: SkBuff[] = [];
  world.network.addPacketType(IPV4, { receive: (skb) => seen.push(skb) });
  expect(driver.netdev.open()).toBe(0);
  return { ...world, driver, seen };
}

function bind(driver: PacketDriver, provider: TestProvider, queue: number = 0): number {
  driver.netdev.lock.lock();
  try {
    return netifMpOpenRxq(driver.netdev, queue, provider.params, new Extack());
  } finally {
    driver.netdev.lock.unlock();
  }
}

function unbind(driver: PacketDriver, provider: TestProvider, queue: number = 0): void {
  driver.netdev.lock.lock();
  netifMpCloseRxq(driver.netdev, queue, provider.params);
  driver.netdev.lock.unlock();
}

function expectClean(world: World & { driver: PacketDriver }): void {
  world.driver.netdev.close();
  world.machine.run({ until: () => world.network.pools.all().length === 0, timeoutNs: 5e9 });
  world.driver.remove();
  expect(world.network.audit()).toEqual([]);
  expect(world.network.pools.audit()).toEqual([]);
  expect(world.network.netmem.audit()).toEqual([]);
  expect(world.machine.audit()).toEqual([]);
}

describe('packet driver', () => {
  it('splits behind the TCP header and takes one page per 4096 bytes of payload', () => {
    const world = up();
    const { driver, machine, seen } = world;
    const payload = counting(5000);
    driver.inject(0, tcpFrame(driver, payload));
    machine.run();
    expect(seen).toHaveLength(1);
    const skb = seen[0];
    expect(skb.headlen).toBe(40);
    expect(skb.nrFrags).toBe(2);
    expect([skb.fragSize(0), skb.fragSize(1)]).toEqual([4096, 904]);
    expect(skb.ipSummed).toBe(1);
    expect(skb.rxQueue).toBe(0);
    expect(skb.napiId).toBe(9);
    expect(bytesOf(skb).slice(40)).toEqual([...payload]);
    skb.consume();
    expectClean(world);
  });

  it('leaves headers in a page of the header pool when told to', () => {
    const world = up({ headers: 'pool' });
    const { driver, machine, seen } = world;
    driver.inject(0, tcpFrame(driver, counting(100)));
    machine.run();
    expect(seen[0].headRef).not.toBe(0);
    expect(bytesOf(seen[0]).slice(40)).toEqual([...counting(100)]);
    expect(driver.headerPool(0)?.inflight()).toBe(64);
    seen[0].consume();
    expectClean(world);
  });

  it('does not split what is not TCP, shorter than the threshold, or with split off', () => {
    const world = up();
    const { driver, machine, seen } = world;
    const frame = tcpFrame(driver, counting(100));
    driver.setSplit(TCP_DATA_SPLIT.ENABLED, 1000);
    driver.inject(0, frame);
    driver.setSplit(TCP_DATA_SPLIT.DISABLED, 0);
    machine.run();
    driver.inject(0, frame);
    machine.run();
    expect(seen.map((skb) => [skb.headlen, skb.nrFrags])).toEqual([
      [140, 0],
      [140, 0],
    ]);
    for (const skb of seen) skb.consume();
    expectClean(world);
  });

  it('counts a frame that comes while the interface is down, and one without memory', () => {
    const world = up();
    const { driver, machine, seen } = world;
    const provider = new TestProvider(world.network, driver.device, 1);
    driver.setSplit();
    expect(bind(driver, provider)).toBe(0);
    driver.inject(0, tcpFrame(driver, counting(100)));
    driver.inject(0, tcpFrame(driver, counting(100)));
    machine.run();
    expect(seen).toHaveLength(1);
    expect(driver.counters.allocFail).toBe(1);
    driver.netdev.close();
    expect(driver.inject(0, tcpFrame(driver, counting(1)))).toBe(false);
    expect(driver.counters.hwDrops).toBe(1);
    seen[0].consume();
    unbind(driver, provider);
    driver.netdev.close();
    machine.run({ until: () => provider.refs === 1, timeoutNs: 5e9 });
    expect(provider.refs).toBe(1);
    provider.destroy();
    expectClean(world);
  });

  it('receives into memory that no CPU reads, and survives the unbind with packets still out', () => {
    const world = up();
    const { driver, machine, network, seen } = world;
    const provider = new TestProvider(network, driver.device, 8);
    driver.setSplit();
    expect(bind(driver, provider)).toBe(0);
    driver.inject(0, tcpFrame(driver, counting(5000)));
    machine.run();
    const skb = seen[0];
    expect(skb.unreadable).toBe(true);
    expect(skb.fragAddress(0)).toBeNull();
    expect([...provider.memory.subarray(0, 5000)]).toEqual([...counting(5000)]);
    expect(driver.pool(0)?.inflight()).toBe(2);
    unbind(driver, provider);
    expect(driver.pool(0)?.mpPriv).toBeNull();
    // The skb keeps its pool, the pool the provider.
    expect(provider.refs).toBe(2);
    skb.consume();
    machine.run({ until: () => provider.refs === 1, timeoutNs: 5e9 });
    expect(provider.free).toBe(8);
    provider.destroy();
    expectClean(world);
  });

  it('restarts one queue and leaves the others alone', () => {
    const world = up({ queues: 2 });
    const { driver } = world;
    const before = [driver.pool(0), driver.pool(1)];
    const napi = driver.netdev.rxQueues[0].napi;
    expect(driver.restartQueue(0)).toBe(0);
    expect(driver.pool(0)).not.toBe(before[0]);
    expect(driver.pool(1)).toBe(before[1]);
    // Another instance in the same place has the same id.
    expect(driver.netdev.rxQueues[0].napi).not.toBe(napi);
    expect(driver.netdev.rxQueues[0].napi?.id).toBe(9);
    expectClean(world);
  });

  it('shows a page kept across a restart as a pool that lingers', () => {
    const world = up();
    const { driver, machine, network } = world;
    expect(driver.hold()).toBe(true);
    const old = driver.pool(0)!;
    expect(old.inflight()).toBe(64);
    driver.restartQueue(0);
    expect(old.inflight()).toBe(1);
    expect(network.pools.get(old.id)).toBe(old);
    driver.unhold();
    machine.run({ until: () => network.pools.get(old.id) === undefined, timeoutNs: 5e9 });
    expect(network.pools.get(old.id)).toBeUndefined();
    expectClean(world);
  });

  it('carries frames to a linked driver, checksum and all', () => {
    const world = up({ name: 'a0' });
    const { driver, machine, network, seen } = world;
    const peer = createPacketDriver(network, { name: 'a1' });
    peer.netdev.open();
    driver.link(peer);
    const frame = tcpFrame(peer, counting(300));
    const skb = network.skbs.alloc(driver.netdev)!;
    network.machine.memory.bytes.set(frame, skb.put(frame.length));
    expect(network.transmit(skb)).toBe(0);
    machine.run();
    expect(seen[0].dev).toBe(peer.netdev);
    expect(bytesOf(seen[0])).toEqual([...frame.subarray(14)]);
    expect(deviceStats(driver.netdev)).toEqual({
      'rx-packets': 0,
      'rx-bytes': 0,
      'tx-packets': 1,
      'tx-bytes': frame.length,
    });
    seen[0].consume();
    peer.netdev.close();
    peer.remove();
    expectClean(world);
  });

  it('reads unreadable fragments of the sender by their bus address and unmaps nothing of them', () => {
    const sent: Uint8Array[] = [];
    const world = up({ netmemTx: true, onTransmit: (frame) => sent.push(frame) });
    const { driver, network } = world;
    const provider = new TestProvider(network, driver.device, 2);
    provider.dev = driver.netdev;
    provider.memory.set(counting(200));
    const skb = network.skbs.alloc(driver.netdev)!;
    network.machine.memory.bytes.set(counting(20, 100), skb.put(20));
    const ref = provider.takeForTransmit();
    network.netmem.get(ref);
    skb.addRxFragNetmem(ref, 10, 50, 4096);
    expect(provider.refs).toBe(2);
    expect(network.transmit(skb)).toBe(0);
    expect([...sent[0]]).toEqual([...counting(20, 100), ...counting(50, 10)]);
    expect(provider.refs).toBe(1);
    expect(driver.device.liveMappings).toBe(1);
    provider.destroy();
    expectClean(world);
  });

  it('drops what it cannot map for sending', () => {
    const world = up();
    const { driver, network } = world;
    const skb = network.skbs.alloc(driver.netdev)!;
    skb.put(60);
    driver.device.failNextMappings = 1;
    expect(network.transmit(skb)).toBe(0);
    expect(driver.counters.txErrors).toBe(1);
    expect(driver.netdev.stats().txErrors).toBe(1);
    expectClean(world);
  });

  it('fails to open, with everything undone, when the provider refuses the pool', () => {
    const world = up({ queues: 2 });
    const { driver, network } = world;
    const provider = new TestProvider(network, driver.device, 2);
    driver.setSplit();
    expect(bind(driver, provider, 1)).toBe(0);
    driver.netdev.close();
    provider.failInit = -EBUSY;
    expect(driver.netdev.open()).toBe(-EBUSY);
    expect(driver.netdev.running).toBe(false);
    expect(driver.pool(0)).toBeNull();
    world.machine.log.expect('mem-provider init failed');
    world.machine.log.expect('gave up');
    unbind(driver, provider, 1);
    expect(provider.refs).toBe(1);
    provider.destroy();
    expectClean(world);
  });

  it('builds and frees queues when their number changes', () => {
    const world = up({ queues: 4 });
    const { driver } = world;
    driver.netdev.lock.lock();
    expect(driver.resize(2)).toBe(0);
    expect([driver.netdev.realNumRxQueues, driver.pool(1) !== null, driver.pool(2)]).toEqual([2, true, null]);
    expect(driver.resize(3)).toBe(0);
    expect(driver.pool(2)).not.toBeNull();
    driver.netdev.lock.unlock();
    expectClean(world);
  });
});
