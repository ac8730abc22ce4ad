/** IPv6 receive: fixed header, extension headers, destination. No forwarding, no reassembly. @kernel ipv6_rcv — net/ipv6/ip6_input.c, 7.3 */
import {
  CHECKSUM_COMPLETE,
  CHECKSUM_NONE,
  PACKET_MULTICAST,
  PACKET_OTHERHOST,
  type PacketHandler,
  SKB_DROP_REASON,
  type SkBuff,
} from '@netmem/netdev';
import { IPPROTO } from '@netmem/uapi';
import { checksumView, ipv6 } from '@netmem/wire';
import type { InetAddress } from '../stack/inet-address.ts';
import type { InetCore } from '../stack/inet-core.ts';
import { fold } from '../stack/transport-checksum.ts';

/** Extension headers must lie within this many bytes. A model choice: the linear area of an skb holds no more. */
const MAX_HEADER_CHAIN = 256;
/** ICMPv6 parameter problem, code "unrecognised next header". */
const CODE_UNKNOWN_NEXT_HEADER = 1;

export class Ipv6Input implements PacketHandler {
  readonly stack: InetCore;
  readonly #walk: ipv6.ExtensionWalk = new ipv6.ExtensionWalk();

  constructor(stack: InetCore) {
    this.stack = stack;
  }

  receive(skb: SkBuff): void {
    const stats = this.stack.stats;
    if (skb.pktType === PACKET_OTHERHOST) {
      skb.free(SKB_DROP_REASON.OTHERHOST);
      return;
    }
    stats.Ip6InReceives++;
    stats.Ip6InOctets += skb.len;
    if (!this.#validate(skb)) return;
    const view = this.stack.view;
    const at = skb.data;
    this.stack.rxSource.readV6(view, at + ipv6.SOURCE_AT);
    this.stack.rxDestination.readV6(view, at + ipv6.DESTINATION_AT);
    if (!this.#acceptable(skb, this.stack.rxSource, this.stack.rxDestination)) {
      skb.free(SKB_DROP_REASON.IP_INHDR);
      return;
    }
    let protocol = view.getUint8(at + ipv6.NEXT_HEADER_AT);
    let headerBytes: number = ipv6.HEADER_BYTES;
    if (ipv6.isExtension(protocol)) {
      headerBytes = this.#extensions(skb);
      if (headerBytes === 0) return;
      protocol = this.#walk.nextHeader;
    }
    if (skb.ipSummed === CHECKSUM_COMPLETE) {
      // The device summed our headers too: take them out.
      skb.csum = fold(skb.csum + (~checksumView(view, at, headerBytes) & 0xffff));
    }
    skb.networkHeader = at;
    skb.pull(headerBytes);
    skb.transportHeader = skb.data;
    this.#deliver(skb, protocol);
  }

  /** @kernel ip6_rcv_core — net/ipv6/ip6_input.c, 7.3 */
  #validate(skb: SkBuff): boolean {
    const stats = this.stack.stats;
    const view = this.stack.view;
    if (!skb.mayPull(ipv6.HEADER_BYTES) || view.getUint8(skb.data) >>> 4 !== 6) {
      stats.Ip6InHdrErrors++;
      skb.free(SKB_DROP_REASON.IP_INHDR);
      return false;
    }
    const payload = view.getUint16(skb.data + ipv6.PAYLOAD_LENGTH_AT);
    const total = payload + ipv6.HEADER_BYTES;
    if (total > skb.len) {
      stats.Ip6InTruncatedPkts++;
      skb.free(SKB_DROP_REASON.PKT_TOO_SMALL);
      return false;
    }
    if (payload === 0 && view.getUint8(skb.data + ipv6.NEXT_HEADER_AT) === ipv6.NEXT_HOP_BY_HOP) {
      // A jumbogram (RFC 2675): longer than any link here.
      stats.Ip6InHdrErrors++;
      skb.free(SKB_DROP_REASON.IP_INHDR);
      return false;
    }
    if (skb.len > total) {
      skb.trim(total);
      if (skb.ipSummed === CHECKSUM_COMPLETE) skb.ipSummed = CHECKSUM_NONE;
    }
    return true;
  }

  #acceptable(skb: SkBuff, source: InetAddress, destination: InetAddress): boolean {
    const { stats, addresses, network } = this.stack;
    const looped = skb.dev === network.loopback;
    const mapped = source.isV4 || destination.isV4;
    // A group cannot send; loopback and IPv4-mapped addresses must not be on a wire.
    if (source.w0 >>> 24 === 0xff || mapped || (!looped && (isLoopback(source) || isLoopback(destination)))) {
      stats.Ip6InHdrErrors++;
      return false;
    }
    if (!looped && addresses.isLocal(source)) return false;
    if (destination.w0 >>> 24 === 0xff) {
      stats.Ip6InMcastPkts++;
      skb.pktType = PACKET_MULTICAST;
      return addresses.isLocal6(destination);
    }
    if (addresses.isLocal6(destination)) return true;
    stats.Ip6InAddrErrors++;
    return false;
  }

  /** @returns bytes up to the transport header; 0 when the packet was refused and is gone. */
  #extensions(skb: SkBuff): number {
    const stats = this.stack.stats;
    const view = this.stack.view;
    // What cannot be pulled is not there for the walk: it then ends in TRUNCATED.
    skb.mayPull(Math.min(skb.len, MAX_HEADER_CHAIN));
    const walk = this.#walk;
    const at = skb.data;
    if (ipv6.walkExtensions(view, at, skb.headlen, walk) < 0 || hasPendingRouting(view, at, walk.headerAt)) {
      stats.Ip6InHdrErrors++;
      skb.free(SKB_DROP_REASON.IP_INHDR);
      return 0;
    }
    if (walk.fragment) {
      stats.Ip6ReasmReqds++;
      stats.Ip6ReasmFails++;
      skb.free(SKB_DROP_REASON.IP_FRAGMENT);
      return 0;
    }
    return walk.headerAt - at;
  }

  #deliver(skb: SkBuff, protocol: number): void {
    const stack = this.stack;
    if (protocol === IPPROTO.TCP) {
      stack.stats.Ip6InDelivers++;
      stack.tcp.receive(skb);
    } else if (protocol === IPPROTO.UDP) {
      stack.stats.Ip6InDelivers++;
      stack.udp.receive(skb);
    } else if (protocol === IPPROTO.ICMPV6) {
      stack.stats.Ip6InDelivers++;
      stack.icmp6.receive(skb);
    } else if (protocol === ipv6.NEXT_NONE) {
      stack.stats.Ip6InDelivers++;
      skb.consume();
    } else {
      stack.stats.Ip6InUnknownProtos++;
      stack.icmp6.sendParameterProblem(skb, CODE_UNKNOWN_NEXT_HEADER);
      skb.free(SKB_DROP_REASON.UNHANDLED_PROTO);
    }
  }
}

function isLoopback(a: InetAddress): boolean {
  return a.w3 === 1 && a.w2 === 0 && a.w1 === 0 && a.w0 === 0;
}

/** A routing header that wants the packet sent on: no host does that (RFC 5095). The walk has proved that all headers lie within the bytes. */
function hasPendingRouting(view: DataView, at: number, end: number): boolean {
  let next = view.getUint8(at + ipv6.NEXT_HEADER_AT);
  let here = at + ipv6.HEADER_BYTES;
  while (here < end) {
    if (next === ipv6.NEXT_ROUTING && view.getUint8(here + 3) !== 0) return true;
    const following = view.getUint8(here);
    const units = view.getUint8(here + 1);
    if (next === ipv6.NEXT_FRAGMENT) here += 8;
    else here += next === ipv6.NEXT_AUTHENTICATION ? (units + 2) << 2 : (units + 1) << 3;
    next = following;
  }
  return false;
}
