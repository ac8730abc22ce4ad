import { CHECKSUM_NONE, CHECKSUM_UNNECESSARY, NETIF_F, type SkBuff } from '@netmem/netdev';
import {
  L3_TYPE_IPV4,
  L3_TYPE_IPV6,
  L4_TYPE_ICMP,
  L4_TYPE_SCTP,
  L4_TYPE_TCP,
  L4_TYPE_UDP,
  L4_TYPE_UNKNOWN,
  RX_COMPLETION_CSUM_EXTERNAL_IP_ERR,
  RX_COMPLETION_CSUM_IP_ERR,
  RX_COMPLETION_CSUM_L4_ERR,
  RX_COMPLETION_DESC,
  RX_COMPLETION_IPV6_EX_ADD,
  RX_COMPLETION_L3_L4_PROCESSED,
  RX_COMPLETION_PACKET_TYPE,
} from '@netmem/vnic/abi';
import type { RxRing } from './rx-ring.ts';

/** Puts the card's flow hash on a packet, and whether it covers ports. */
export function reportHash(ring: RxRing, skb: SkBuff, at: number): void {
  if ((ring.netdev.features & NETIF_F.RXHASH) === 0) return;
  skb.hash = ring.view.getUint32(at + RX_COMPLETION_DESC.hash, true);
  skb.l4Hash = l4Type(ring, at) !== L4_TYPE_UNKNOWN;
}

/**
 * Puts the card's checksum verdict on a packet. It is all that the stack has: payload in device memory cannot be summed by software.
 *
 * @kernel gve_rx_skb_csum — drivers/net/ethernet/google/gve/gve_rx_dqo.c, 7.3
 */
export function reportChecksum(ring: RxRing, skb: SkBuff, at: number): void {
  const verified = (ring.netdev.features & NETIF_F.RXCSUM) !== 0 && isVerified(ring, at);
  skb.ipSummed = verified ? CHECKSUM_UNNECESSARY : CHECKSUM_NONE;
  if (verified) ring.stats.csumUnnecessary++;
  else ring.stats.csumNone++;
}

function isVerified(ring: RxRing, at: number): boolean {
  const { view } = ring;
  const status = view.getUint8(at + RX_COMPLETION_DESC.l3L4Processed);
  if ((status & RX_COMPLETION_L3_L4_PROCESSED) === 0 || (status & RX_COMPLETION_CSUM_L4_ERR) !== 0) return false;
  const l3 = ring.ptypes[2 * packetType(ring, at)];
  if (l3 === L3_TYPE_IPV4) {
    if ((status & (RX_COMPLETION_CSUM_IP_ERR | RX_COMPLETION_CSUM_EXTERNAL_IP_ERR)) !== 0) return false;
  } else if (l3 === L3_TYPE_IPV6) {
    // Extension headers that the card adds up wrongly.
    if ((view.getUint8(at + RX_COMPLETION_DESC.ipv6ExAdd) & RX_COMPLETION_IPV6_EX_ADD) !== 0) return false;
  }
  const l4 = l4Type(ring, at);
  return l4 === L4_TYPE_TCP || l4 === L4_TYPE_UDP || l4 === L4_TYPE_ICMP || l4 === L4_TYPE_SCTP;
}

function packetType(ring: RxRing, at: number): number {
  return ring.view.getUint16(at + RX_COMPLETION_DESC.packetType, true) & RX_COMPLETION_PACKET_TYPE;
}

function l4Type(ring: RxRing, at: number): number {
  return ring.ptypes[2 * packetType(ring, at) + 1];
}
