import {
  CHECKSUM_NONE,
  CHECKSUM_UNNECESSARY,
  NETIF_F,
  SKB_GSO_TCPV4,
  SKB_GSO_TCPV6,
  type SkBuff,
} from '@netmem/netdev';
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
  RX_COMPLETION_TS_VALID,
} from '@netmem/vnic/abi';
import { headerBytesToPull } from './rx-header.ts';
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

/**
 * Puts on a packet when it came, by the card's clock. The card gives the low 32 bits; the rest is that of the last time its clock was read, which was at
 * most some two seconds before or after.
 *
 * @kernel gve_rx_skb_hwtstamp — drivers/net/ethernet/google/gve/gve_rx_dqo.c, 7.3
 */
export function reportTimestamp(ring: RxRing, skb: SkBuff, at: number): void {
  if ((ring.view.getUint8(at + RX_COMPLETION_DESC.tsSubNsecsLow) & RX_COMPLETION_TS_VALID) === 0) return;
  const { lastSyncNs } = ring.clock;
  const difference = (ring.view.getInt32(at + RX_COMPLETION_DESC.ts, true) - (lastSyncNs | 0)) | 0;
  skb.hwtstampNs = lastSyncNs + difference;
}

/**
 * Says of a packet that the card merged what it was merged from: without, the stack would take it for one that is longer than the MTU, and GRO would
 * have to guess how many segments it counts for. Its headers are linear and all payload is in fragments, unless it was small enough to be copied.
 *
 * @returns false for a packet that no card merges: it is not TCP.
 * @kernel gve_rx_complete_rsc — drivers/net/ethernet/google/gve/gve_rx_dqo.c, 7.3
 */
export function reportMerged(ring: RxRing, skb: SkBuff, at: number): boolean {
  const segmentBytes = ring.view.getUint16(at + RX_COMPLETION_DESC.rscSegLen, true);
  if (segmentBytes === 0) return true;
  const l3 = ring.ptypes[2 * packetType(ring, at)];
  if (l4Type(ring, at) !== L4_TYPE_TCP || (l3 !== L3_TYPE_IPV4 && l3 !== L3_TYPE_IPV6)) return false;
  const headers = skb.dataLen > 0 ? skb.headlen : headerBytesToPull(ring.view, skb.data, skb.len, true, skb.len);
  const segments = Math.max(1, Math.ceil((skb.len - headers) / segmentBytes));
  skb.gsoSize = segmentBytes;
  skb.gsoType = l3 === L3_TYPE_IPV4 ? SKB_GSO_TCPV4 : SKB_GSO_TCPV6;
  skb.gsoSegs = segments;
  const { stats } = ring;
  stats.hwGroPackets++;
  stats.hwGroBytes += skb.len;
  stats.hwGroWirePackets += segments;
  stats.hwGroWireBytes += skb.len + (segments - 1) * headers;
  return true;
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
