/** Puts IP and Ethernet headers in front of a transport packet and sends it. Both families; which one the destination tells. */
import { SKB_DROP_REASON, type SkBuff } from '@netmem/netdev';
import { EHOSTUNREACH, ENOBUFS } from '@netmem/uapi';
import { checksumView, ipv4, ipv6 } from '@netmem/wire';
import type { InetAddress } from './inet-address.ts';
import type { InetCore } from './inet-core.ts';
import type { Dst } from './routes.ts';

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;

/** Bytes to keep free before a transport header: IPv6, Ethernet, and a word so that the IP header is aligned as on receive. */
export const IP_HEADROOM = 64;

/** Finds route and neighbour of `destination` into `out`. @returns 0, -ENETUNREACH, -EHOSTUNREACH, -ENOBUFS (neighbour table full). */
export function resolve(stack: InetCore, destination: InetAddress, oif: number, out: Dst): number {
  const result = stack.routes.lookup(destination, oif, out);
  if (result < 0) return result;
  const table = destination.isV4 ? stack.arp.table : stack.ndp.table;
  out.neighbour = out.dev === null ? null : table.lookup(out.dev, out.nextHop);
  if (out.neighbour !== null) return 0;
  out.clear();
  return -ENOBUFS;
}

/** Whether a cached answer may still be used. */
export function isFresh(stack: InetCore, dst: Dst): boolean {
  return dst.generation === stack.routes.generation && dst.neighbour !== null && !dst.neighbour.dead;
}

/**
 * Sends `skb`, whose `data` is the transport header with its checksum done or CHECKSUM_PARTIAL. Owns the skb.
 *
 * @param ttl - hop limit; negative: the host's default.
 * @returns 0; NET_XMIT_DROP 1 the device's queue was full; -EHOSTUNREACH the neighbour does not answer.
 * @kernel __ip_queue_xmit — net/ipv4/ip_output.c, 7.3
 */
export function ipOutput(
  stack: InetCore,
  skb: SkBuff,
  dst: Dst,
  source: InetAddress,
  destination: InetAddress,
  protocol: number,
  ttl: number,
  tos: number,
): number {
  const neighbour = dst.neighbour;
  if (neighbour === null) {
    skb.free(SKB_DROP_REASON.IP_OUTNOROUTES);
    return -EHOSTUNREACH;
  }
  const hops = ttl < 0 ? stack.sysctl.ipDefaultTtl : ttl;
  if (destination.isV4) {
    stack.stats.IpOutRequests++;
    writeIpv4(stack, skb, source.w3, destination.w3, protocol, hops, tos);
    return neighbour.output(skb, ETHERTYPE_IPV4);
  }
  stack.stats.Ip6OutRequests++;
  writeIpv6(stack, skb, source, destination, protocol, hops, tos);
  return neighbour.output(skb, ETHERTYPE_IPV6);
}

function writeIpv4(
  stack: InetCore,
  skb: SkBuff,
  source: number,
  destination: number,
  protocol: number,
  ttl: number,
  tos: number,
): void {
  const view = stack.view;
  const total = skb.len + ipv4.MIN_HEADER_BYTES;
  const at = skb.push(ipv4.MIN_HEADER_BYTES);
  skb.networkHeader = at;
  stack.stats.IpExtOutOctets += total;
  // A super-packet takes one identification per segment that the device will cut.
  const id = stack.takeIpIds(Math.max(skb.gsoSegs, 1));
  view.setInt32(at, 0x45000000 | (tos << 16) | total);
  view.setInt32(at + 4, (id << 16) | ipv4.DONT_FRAGMENT);
  view.setInt32(at + 8, (ttl << 24) | (protocol << 16));
  view.setInt32(at + ipv4.SOURCE_AT, source);
  view.setInt32(at + ipv4.DESTINATION_AT, destination);
  view.setUint16(at + ipv4.CHECKSUM_AT, ~checksumView(view, at, ipv4.MIN_HEADER_BYTES) & 0xffff);
}

function writeIpv6(
  stack: InetCore,
  skb: SkBuff,
  source: InetAddress,
  destination: InetAddress,
  protocol: number,
  hops: number,
  trafficClass: number,
): void {
  const view = stack.view;
  const payload = skb.len;
  const at = skb.push(ipv6.HEADER_BYTES);
  skb.networkHeader = at;
  stack.stats.Ip6OutOctets += payload + ipv6.HEADER_BYTES;
  view.setInt32(at, 0x60000000 | (trafficClass << 20));
  view.setInt32(at + 4, (payload << 16) | (protocol << 8) | hops);
  source.writeV6(view, at + ipv6.SOURCE_AT);
  destination.writeV6(view, at + ipv6.DESTINATION_AT);
}
