import { ENETDOWN, Extack, isErr, TCP_DATA_SPLIT } from '@netmem/uapi';
import { ethernet, ipv4, pseudoHeaderSum4, tcp } from '@netmem/wire';
import { describe, expect, it } from 'vitest';
import { bytesOf, counting, makeWorld, type TestProvider, type World } from '../../test/world.ts';
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

describe('packet driver', () => {
  it('splits behind the TCP header and takes one page per 4096 bytes of payload', () => {
    const { driver, machine, seen } = up();
    const payload = counting(5000);
    driver.inject(0, tcpFrame(driver, payload));
    machine.run();
    expect(seen).toHaveLength(1);
    const skb = seen[0];
    expect(skb.headlen).toBe(40);
    expect(skb.nrFrags).toBe(2);
    expect([skb.fragSize(0), skb.fragSize(1)]).toEqual([4096, 904]);
    expect(skb.ipSummed).toBe(1);
    expect(bytesOf(skb).slice(40)).toEqual([...payload]);
    skb.consume();
  });
});
