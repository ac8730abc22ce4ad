/**
 * IPv4 receive: everything that must hold before a transport protocol sees a packet. No forwarding, no reassembly: a packet for another host or a fragment
 * is counted and dropped.
 *
 * @kernel ip_rcv — net/ipv4/ip_input.c, 7.3
 */
import {
  CHECKSUM_COMPLETE,
  PACKET_BROADCAST,
  PACKET_HOST,
  PACKET_MULTICAST,
  PACKET_OTHERHOST,
  type PacketHandler,
  SKB_DROP_REASON,
  type SkBuff,
} from '@netmem/netdev';
import { IPPROTO } from '@netmem/uapi';
import { ipv4 } from '@netmem/wire';
import type { InetCore } from '../stack/inet-core.ts';

/** ICMP code of "protocol unreachable". */
const CODE_PROTOCOL_UNREACHABLE = 2;

export class Ipv4Input implements PacketHandler {
  readonly stack: InetCore;

  constructor(stack: InetCore) {
    this.stack = stack;
  }

  receive(skb: SkBuff): void {
    const stats = this.stack.stats;
    if (skb.pktType === PACKET_OTHERHOST) {
      skb.free(SKB_DROP_REASON.OTHERHOST);
      return;
    }
    stats.IpInReceives++;
    stats.IpExtInOctets += skb.len;
    const headerBytes = this.#validate(skb);
    if (headerBytes === 0) return;
    const view = this.stack.view;
    const at = skb.data;
    if ((view.getUint16(at + ipv4.FLAGS_AT) & (ipv4.MORE_FRAGMENTS | ipv4.OFFSET_MASK)) !== 0) {
      stats.IpReasmReqds++;
      stats.IpReasmFails++;
      skb.free(SKB_DROP_REASON.IP_FRAGMENT);
      return;
    }
    const source = view.getInt32(at + ipv4.SOURCE_AT);
    const destination = view.getInt32(at + ipv4.DESTINATION_AT);
    if (!this.#acceptable(skb, source, destination)) {
      skb.free(SKB_DROP_REASON.IP_INHDR);
      return;
    }
    const protocol = view.getUint8(at + ipv4.PROTOCOL_AT);
    this.stack.rxSource.setV4(source);
    this.stack.rxDestination.setV4(destination);
    skb.networkHeader = at;
    skb.pull(headerBytes);
    skb.transportHeader = skb.data;
    this.#deliver(skb, protocol);
  }

  /** @returns bytes of the header; 0 when the packet was bad and is gone. @kernel ip_rcv_core — net/ipv4/ip_input.c, 7.3 */
  #validate(skb: SkBuff): number {
    const stats = this.stack.stats;
    const view = this.stack.view;
    if (!skb.mayPull(ipv4.MIN_HEADER_BYTES)) return this.#headerError(skb);
    const first = view.getUint8(skb.data);
    const headerBytes = (first & 15) << 2;
    if (first >>> 4 !== 4 || headerBytes < ipv4.MIN_HEADER_BYTES || !skb.mayPull(headerBytes)) {
      return this.#headerError(skb);
    }
    if (!ipv4.isHeaderIntact(view, skb.data)) {
      stats.IpExtInCsumErrors++;
      stats.IpInHdrErrors++;
      skb.free(SKB_DROP_REASON.IP_CSUM);
      return 0;
    }
    const total = view.getUint16(skb.data + ipv4.TOTAL_LENGTH_AT);
    if (skb.len < total) {
      stats.IpExtInTruncatedPkts++;
      skb.free(SKB_DROP_REASON.PKT_TOO_SMALL);
      return 0;
    }
    if (total < headerBytes) return this.#headerError(skb);
    if (skb.len > total) {
      // Padding of a short frame. It is outside the sum that the transport will check.
      skb.trim(total);
      if (skb.ipSummed === CHECKSUM_COMPLETE) skb.ipSummed = 0;
    }
    return headerBytes;
  }

  #headerError(skb: SkBuff): 0 {
    this.stack.stats.IpInHdrErrors++;
    skb.free(SKB_DROP_REASON.IP_INHDR);
    return 0;
  }

  /** Address checks of the input route. @kernel ip_route_input_slow — net/ipv4/route.c, 7.3 */
  #acceptable(skb: SkBuff, source: number, destination: number): boolean {
    const { stats, addresses } = this.stack;
    const looped = skb.dev === this.stack.network.loopback;
    // Martian sources: groups, broadcast, loopback from outside, our own address from outside.
    if (source >>> 28 === 0xe || addresses.isBroadcast4(source)) return false;
    if (!looped && (source >>> 24 === 127 || (source !== 0 && addresses.isLocal4(source)))) return false;
    if (addresses.isLocal4(destination)) {
      if (destination >>> 24 === 127 && !looped) return false;
      return skb.pktType === PACKET_HOST || skb.pktType > PACKET_OTHERHOST;
    }
    if (addresses.isBroadcast4(destination)) {
      stats.IpExtInBcastPkts++;
      skb.pktType = PACKET_BROADCAST;
      return true;
    }
    if (destination >>> 28 === 0xe) {
      stats.IpExtInMcastPkts++;
      skb.pktType = PACKET_MULTICAST;
      // All hosts; other groups nobody joined.
      return (destination | 0) === ALL_HOSTS;
    }
    stats.IpInAddrErrors++;
    return false;
  }

  /** @kernel ip_protocol_deliver_rcu — net/ipv4/ip_input.c, 7.3 */
  #deliver(skb: SkBuff, protocol: number): void {
    const stack = this.stack;
    if (protocol === IPPROTO.TCP) {
      stack.stats.IpInDelivers++;
      stack.tcp.receive(skb);
    } else if (protocol === IPPROTO.UDP) {
      stack.stats.IpInDelivers++;
      stack.udp.receive(skb);
    } else if (protocol === IPPROTO.ICMP) {
      stack.stats.IpInDelivers++;
      stack.icmp.receive(skb);
    } else {
      stack.stats.IpInUnknownProtos++;
      stack.icmp.sendUnreachable(skb, CODE_PROTOCOL_UNREACHABLE, 0);
      skb.free(SKB_DROP_REASON.UNHANDLED_PROTO);
    }
  }
}

/** 224.0.0.1. */
const ALL_HOSTS = 0xe0000001 | 0;
