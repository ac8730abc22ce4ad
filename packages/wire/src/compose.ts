import { parseAddress4, parseAddress6 } from './address.ts';
import * as arp from './arp.ts';
import { pseudoHeaderSum4, pseudoHeaderSum6 } from './checksum.ts';
import * as ethernet from './ethernet.ts';
import * as icmp from './icmp.ts';
import * as icmpv6 from './icmpv6.ts';
import * as ipv4 from './ipv4.ts';
import * as ipv6 from './ipv6.ts';
import * as tcp from './tcp.ts';
import * as udp from './udp.ts';

/** A frame in layers, for {@link composeFrame}. Give one of `ipv4`, `ipv6`, `arp`; behind IP one of `tcp`, `udp`, `icmp`, `icmpv6`, or a `payload` in the IP fields. */
export interface FrameLayers {
  ethernet?: Partial<ethernet.EthernetFields>;
  arp?: Partial<arp.ArpFields>;
  ipv4?: Partial<ipv4.Ipv4Fields>;
  ipv6?: Partial<ipv6.Ipv6Fields>;
  tcp?: Partial<tcp.TcpFields>;
  udp?: Partial<udp.UdpFields>;
  icmp?: Partial<icmp.IcmpFields>;
  icmpv6?: Partial<icmpv6.Icmpv6Fields>;
}

/** A frame in layers, as {@link decodeFrame} found them. A layer that is not there, or malformed, is absent. */
export interface DecodedFrame {
  ethernet: ethernet.EthernetFields;
  arp?: arp.ArpFields;
  ipv4?: ipv4.Ipv4Fields;
  ipv6?: ipv6.Ipv6Fields;
  tcp?: tcp.TcpFields;
  udp?: udp.UdpFields;
  icmp?: icmp.IcmpFields;
  icmpv6?: icmpv6.Icmpv6Fields;
}

const EMPTY: Uint8Array<ArrayBuffer> = new Uint8Array(0);

/**
 * Builds a whole Ethernet frame with all lengths, types and checksums in place: for tests and tools, not for the data path.
 *
 * @example
 * ```ts
 * const syn = composeFrame({
 *   ipv4: { source: '10.0.0.1', destination: '10.0.0.2' },
 *   tcp: { sourcePort: 40000, destinationPort: 5201, flags: tcp.SYN, options: { mss: 1460 } },
 * });
 * ```
 * @throws TypeError when an address is none, RangeError when options do not fit.
 */
export function composeFrame(layers: FrameLayers): Uint8Array<ArrayBuffer> {
  if (layers.arp) {
    return ethernet.encode({ type: ethernet.TYPE_ARP, ...layers.ethernet, payload: arp.encode(layers.arp) });
  }
  if (layers.ipv6) {
    return ethernet.encode({ type: ethernet.TYPE_IPV6, ...layers.ethernet, payload: composeIpv6(layers, layers.ipv6) });
  }
  if (layers.ipv4) {
    return ethernet.encode({ type: ethernet.TYPE_IPV4, ...layers.ethernet, payload: composeIpv4(layers, layers.ipv4) });
  }
  return ethernet.encode(layers.ethernet ?? {});
}

function composeIpv4(layers: FrameLayers, ip: Partial<ipv4.Ipv4Fields>): Uint8Array {
  const addresses = new DataView(new ArrayBuffer(8));
  addresses.setUint32(0, parseAddress4(ip.source ?? '0.0.0.0') ?? 0);
  addresses.setUint32(4, parseAddress4(ip.destination ?? '0.0.0.0') ?? 0);
  const pseudo = (protocol: number, bytes: number): number => pseudoHeaderSum4(addresses, 0, 4, protocol, bytes);
  const upper = composeUpper(layers, pseudo);
  return ipv4.encode({ ...(upper && { protocol: upper.protocol, payload: upper.bytes }), ...ip });
}

function composeIpv6(layers: FrameLayers, ip: Partial<ipv6.Ipv6Fields>): Uint8Array {
  const bytes = new Uint8Array(32);
  bytes.set(parseAddress6(ip.source ?? '::') ?? EMPTY);
  bytes.set(parseAddress6(ip.destination ?? '::') ?? EMPTY, 16);
  const addresses = new DataView(bytes.buffer);
  const pseudo = (protocol: number, length: number): number => pseudoHeaderSum6(addresses, 0, 16, protocol, length);
  const upper = composeUpper(layers, pseudo);
  return ipv6.encode({ ...(upper && { nextHeader: upper.protocol, payload: upper.bytes }), ...ip });
}

type PseudoSum = (protocol: number, bytes: number) => number;

function composeUpper(layers: FrameLayers, pseudo: PseudoSum): { protocol: number; bytes: Uint8Array } | null {
  if (layers.tcp) {
    const length = tcp.encode(layers.tcp).length;
    return { protocol: ipv4.PROTOCOL_TCP, bytes: tcp.encode(layers.tcp, pseudo(ipv4.PROTOCOL_TCP, length)) };
  }
  if (layers.udp) {
    const length = udp.HEADER_BYTES + (layers.udp.payload ?? EMPTY).length;
    return { protocol: ipv4.PROTOCOL_UDP, bytes: udp.encode(layers.udp, pseudo(ipv4.PROTOCOL_UDP, length)) };
  }
  if (layers.icmp) return { protocol: ipv4.PROTOCOL_ICMP, bytes: icmp.encode(layers.icmp) };
  if (layers.icmpv6) {
    const length = icmpv6.HEADER_BYTES + (layers.icmpv6.body ?? EMPTY).length;
    return { protocol: ipv6.NEXT_ICMPV6, bytes: icmpv6.encode(layers.icmpv6, pseudo(ipv6.NEXT_ICMPV6, length)) };
  }
  return null;
}

/**
 * Takes a frame apart as far as it is well-formed, with copies of everything: for tests and tools. A fragment's payload is not looked into.
 * TCP and UDP checksums are not looked at; those of IPv4, ICMP and ICMPv6 are.
 *
 * @returns null when the bytes do not hold an Ethernet header.
 */
export function decodeFrame(bytes: Uint8Array): DecodedFrame | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const outer = ethernet.decode(view, 0, bytes.length);
  if (outer === null) return null;
  const frame: DecodedFrame = { ethernet: outer };
  const at = ethernet.HEADER_BYTES;
  const length = bytes.length - at;
  if (outer.type === ethernet.TYPE_ARP) add(frame, 'arp', arp.decode(view, at, length));
  else if (outer.type === ethernet.TYPE_IPV4) decodeIpv4(frame, view, at, length);
  else if (outer.type === ethernet.TYPE_IPV6) decodeIpv6(frame, view, at, length);
  return frame;
}

function decodeIpv4(frame: DecodedFrame, view: DataView, at: number, length: number): void {
  const ip = ipv4.decode(view, at, length);
  add(frame, 'ipv4', ip);
  if (ip === null || ipv4.isFragment(view, at)) return;
  const upperAt = at + ipv4.headerLength(view, at);
  const upperLength = ip.payload.length;
  if (ip.protocol === ipv4.PROTOCOL_TCP) add(frame, 'tcp', tcp.decode(view, upperAt, upperLength));
  else if (ip.protocol === ipv4.PROTOCOL_UDP) add(frame, 'udp', udp.decode(view, upperAt, upperLength));
  else if (ip.protocol === ipv4.PROTOCOL_ICMP) add(frame, 'icmp', icmp.decode(view, upperAt, upperLength));
}

function decodeIpv6(frame: DecodedFrame, view: DataView, at: number, length: number): void {
  const ip = ipv6.decode(view, at, length);
  add(frame, 'ipv6', ip);
  const walk = new ipv6.ExtensionWalk();
  if (ip === null || ipv6.walkExtensions(view, at, length, walk) < 0 || walk.fragment) return;
  const upperLength = at + ipv6.HEADER_BYTES + ip.payload.length - walk.headerAt;
  if (walk.nextHeader === ipv6.NEXT_TCP) add(frame, 'tcp', tcp.decode(view, walk.headerAt, upperLength));
  else if (walk.nextHeader === ipv6.NEXT_UDP) add(frame, 'udp', udp.decode(view, walk.headerAt, upperLength));
  else if (walk.nextHeader === ipv6.NEXT_ICMPV6) {
    const source = at + ipv6.SOURCE_AT;
    const pseudo = pseudoHeaderSum6(view, source, at + ipv6.DESTINATION_AT, ipv6.NEXT_ICMPV6, upperLength);
    add(frame, 'icmpv6', icmpv6.decode(view, walk.headerAt, upperLength, pseudo));
  }
}

function add<K extends keyof DecodedFrame>(frame: DecodedFrame, layer: K, value: DecodedFrame[K] | null): void {
  if (value !== null) frame[layer] = value;
}
