import { CHECKSUM_NONE, CHECKSUM_UNNECESSARY, NETIF_F, type SkBuff } from '@netmem/netdev';
import { RX_COMPLETION_DESC } from '@netmem/vnic/abi';
import { describe, expect, it } from 'vitest';
import { RxQueueStats } from '../src/queue-stats.ts';
import type { RxRing } from '../src/rx-ring.ts';
import { reportChecksum, reportHash } from '../src/rx-verdict.ts';

const [OTHER, IPV4, IPV6] = [1, 2, 3];
const [NO_L4, OTHER_L4, TCP, UDP, ICMP, SCTP] = [0, 1, 2, 3, 4, 5];
const PROCESSED = 1 << 3;
const [IP_ERR, L4_ERR, EXTERNAL_IP_ERR, EXTERNAL_UDP_ERR] = [1 << 4, 1 << 5, 1 << 6, 1 << 7];

/** A ring that knows packet type 8·l3 + l4, with one completion at address 64. */
function completion(l3: number, l4: number, status: number, features: number = NETIF_F.RXCSUM | NETIF_F.RXHASH) {
  const view = new DataView(new ArrayBuffer(128));
  const ptypes = new Uint8Array(2048);
  const type = 8 * l3 + l4;
  ptypes[2 * type] = l3;
  ptypes[2 * type + 1] = l4;
  view.setUint16(64 + RX_COMPLETION_DESC.packetType, type | 0xfc00, true);
  view.setUint8(64 + RX_COMPLETION_DESC.l3L4Processed, status);
  view.setUint32(64 + RX_COMPLETION_DESC.hash, 0x89abcdef, true);
  const ring = { view, ptypes, stats: new RxQueueStats(), netdev: { features } } as unknown as RxRing;
  const skb = { ipSummed: -1, hash: 0, l4Hash: false } as unknown as SkBuff;
  return { ring, skb, view };
}

describe('reportChecksum', () => {
  it.each([
    ['TCP over IPv4', IPV4, TCP, PROCESSED, true],
    ['UDP over IPv6', IPV6, UDP, PROCESSED, true],
    ['ICMP', IPV4, ICMP, PROCESSED, true],
    ['SCTP', IPV6, SCTP, PROCESSED, true],
    ['not processed', IPV4, TCP, 0, false],
    ['layer 4 wrong', IPV4, TCP, PROCESSED | L4_ERR, false],
    ['IPv4 header wrong', IPV4, TCP, PROCESSED | IP_ERR, false],
    ['outer IPv4 header wrong', IPV4, TCP, PROCESSED | EXTERNAL_IP_ERR, false],
    ['those bits mean nothing for IPv6', IPV6, TCP, PROCESSED | IP_ERR | EXTERNAL_IP_ERR, true],
    ['outer UDP is not looked at', IPV4, TCP, PROCESSED | EXTERNAL_UDP_ERR, true],
    ['unknown layer 4', IPV4, NO_L4, PROCESSED, false],
    ['another layer 4', IPV4, OTHER_L4, PROCESSED, false],
    ['not IP at all', OTHER, NO_L4, PROCESSED, false],
  ])('%s', (_, l3, l4, status, verified) => {
    const { ring, skb } = completion(l3, l4, status);
    reportChecksum(ring, skb, 64);
    expect(skb.ipSummed).toBe(verified ? CHECKSUM_UNNECESSARY : CHECKSUM_NONE);
    expect([ring.stats.csumUnnecessary, ring.stats.csumNone]).toEqual(verified ? [1, 0] : [0, 1]);
  });

  it('IPv6 with headers that the card adds up wrongly', () => {
    for (const [l3, expected] of [
      [IPV6, CHECKSUM_NONE],
      [IPV4, CHECKSUM_UNNECESSARY],
    ]) {
      const { ring, skb, view } = completion(l3, TCP, PROCESSED);
      view.setUint8(64 + RX_COMPLETION_DESC.ipv6ExAdd, 1 << 1);
      reportChecksum(ring, skb, 64);
      expect(skb.ipSummed).toBe(expected);
    }
  });

  it('nothing while rx checksumming is off', () => {
    const { ring, skb } = completion(IPV4, TCP, PROCESSED, 0);
    reportChecksum(ring, skb, 64);
    reportHash(ring, skb, 64);
    expect([skb.ipSummed, skb.hash, skb.l4Hash]).toEqual([CHECKSUM_NONE, 0, false]);
  });
});

describe('reportHash', () => {
  it.each([
    [TCP, true],
    [OTHER_L4, true],
    [NO_L4, false],
  ])('of a packet with layer 4 type %i covers ports: %s', (l4, covers) => {
    const { ring, skb } = completion(IPV4, l4, 0);
    reportHash(ring, skb, 64);
    expect([skb.hash, skb.l4Hash]).toEqual([0x89abcdef, covers]);
  });
});
