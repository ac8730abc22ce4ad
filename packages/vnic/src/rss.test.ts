import { ethernet, ipv4, ipv6 } from '@netmem/wire';
import { describe, expect, it } from 'vitest';
import { cardUp } from '../test/card-fixture.ts';
import { etherFrame, type IpAround, ipFrame, pattern, tcpFrame, udpFrame } from '../test/frames.ts';
import {
  ADMINQ_CONFIGURE_RSS,
  AQ_CONFIGURE_RSS,
  RSS_HASH_ALG_TOEPLITZ,
  RSS_HASH_IPV4,
  RSS_HASH_IPV6,
  RSS_HASH_TCPV4,
  RSS_HASH_TYPES_LINUX,
} from './abi/index.ts';

/** Microsoft's published vectors: source, its port, destination, its port, hash of addresses and ports, of addresses. */
const VECTORS_4 = [
  ['66.9.149.187', 2794, '161.142.100.80', 1766, 0x51ccc178, 0x323e8fc2],
  ['199.92.111.2', 14230, '65.69.140.83', 4739, 0xc626b0ea, 0xd718262a],
  ['24.19.198.95', 12898, '12.22.207.184', 38024, 0x5c2b394a, 0xd2d0a5de],
  ['38.27.205.30', 48228, '209.142.163.6', 2217, 0xafc7327f, 0x82989176],
  ['153.39.163.191', 44251, '202.188.127.2', 1303, 0x10e828a2, 0x5d1809c5],
] as const;
const VECTORS_6 = [
  ['3ffe:2501:200:1fff::7', 2794, '3ffe:2501:200:3::1', 1766, 0x40207d3d, 0x2cc18cd5],
  ['3ffe:501:8::260:97ff:fe40:efab', 14230, 'ff02::1', 4739, 0xdde51bbf, 0x0f0c461c],
  ['3ffe:1900:4545:3:200:f8ff:fe21:67cf', 44251, 'fe80::200:f8ff:fe21:67cf', 38024, 0x02d1feef, 0x4b61e985],
] as const;

function configured(hashTypes: number) {
  const card = cardUp({ defaultQueues: 4 }, { queues: 4, entries: 16 });
  card.driver.require(ADMINQ_CONFIGURE_RSS, (slot, at) => {
    slot.setUint16(at + AQ_CONFIGURE_RSS.hashTypes, hashTypes);
    slot.setUint8(at + AQ_CONFIGURE_RSS.hashAlg, RSS_HASH_ALG_TOEPLITZ);
  });
  return card;
}

/** The hash that the completion says, and the queue it came out of. */
function receive(card: ReturnType<typeof configured>, frame: Uint8Array): { hash: number; queue: number } {
  card.port.push(frame);
  card.driver.settle();
  for (const queue of card.rx) {
    const packet = queue.poll();
    if (packet === null) continue;
    queue.post(1);
    return { hash: packet.completions[0].hash, queue: queue.id };
  }
  throw new Error('no packet');
}

describe('receive-side scaling', () => {
  it.each([...VECTORS_4, ...VECTORS_6])(
    'hashes %s:%i to %s:%i as published',
    (source, from, destination, to, withPorts, without) => {
      const around: IpAround = { six: source.includes(':'), source, destination };
      const segment = tcpFrame({ sourcePort: from, destinationPort: to }, around);
      const datagram = udpFrame(pattern(10), around, [from, to]);
      const linux = configured(RSS_HASH_TYPES_LINUX);
      expect(receive(linux, segment)).toEqual({ hash: withPorts, queue: withPorts & 127 & 3 });
      expect(receive(linux, datagram).hash).toBe(withPorts);
      const addresses = configured(RSS_HASH_IPV4 | RSS_HASH_IPV6);
      expect(receive(addresses, segment).hash).toBe(without);
    },
  );

  it('hashes ports behind IP options, not the options', () => {
    const [source, from, destination, to, withPorts] = VECTORS_4[0];
    const around = { source, destination, options: new Uint8Array(8).fill(1) };
    expect(
      receive(configured(RSS_HASH_TYPES_LINUX), tcpFrame({ sourcePort: from, destinationPort: to }, around)).hash,
    ).toBe(withPorts);
  });

  it('falls back from ports to addresses, and from addresses to 0', () => {
    const [source, from, destination, to, withPorts, without] = VECTORS_4[0];
    const around = { source, destination };
    const card = configured(RSS_HASH_TCPV4 | RSS_HASH_IPV4);
    expect(receive(card, tcpFrame({ sourcePort: from, destinationPort: to }, around)).hash).toBe(withPorts);
    expect(receive(card, udpFrame(pattern(4), around, [from, to])).hash).toBe(without);
    expect(receive(card, ipFrame(around, ipv4.PROTOCOL_ICMP, pattern(20))).hash).toBe(without);
    expect(receive(card, tcpFrame({ payload: pattern(8) }, { ...around, flags: ipv4.MORE_FRAGMENTS })).hash).toBe(
      without,
    );
    expect(receive(card, udpFrame(pattern(4), { six: true }))).toEqual({ hash: 0, queue: 0 });
  });

  it('puts what cannot be hashed where entry 0 of the table says', () => {
    const card = configured(RSS_HASH_TYPES_LINUX);
    const { rss } = card.nic.inspect();
    for (const frame of [
      etherFrame(ethernet.TYPE_ARP, pattern(28)),
      ipFrame({ six: true }, ipv6.NEXT_ICMPV6, pattern(16)),
      tcpFrame({ payload: pattern(50) }).slice(0, 30),
    ]) {
      expect(receive(card, frame)).toEqual({ hash: 0, queue: rss.table[0] });
    }
  });

  it('keeps a flow on its queue and spreads flows over all', () => {
    const card = configured(RSS_HASH_TYPES_LINUX);
    const used = new Map<number, Set<number>>();
    for (let flow = 0; flow < 64; flow++) {
      const queues = new Set(
        [1, 2, 3].map((n) => receive(card, tcpFrame({ sourcePort: 30000 + flow, payload: pattern(n) })).queue),
      );
      expect(queues.size).toBe(1);
      for (const queue of queues) used.set(queue, (used.get(queue) ?? new Set()).add(flow));
    }
    expect([...used.keys()].sort()).toEqual([0, 1, 2, 3]);
    for (const flows of used.values()) expect(flows.size).toBeGreaterThan(4);
  });
});
