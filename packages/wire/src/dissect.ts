import * as ethernet from './ethernet.ts';
import * as ipv4 from './ipv4.ts';
import * as ipv6 from './ipv6.ts';
import * as tcp from './tcp.ts';
import type { Toeplitz } from './toeplitz.ts';
import * as udp from './udp.ts';

/** {@link Dissection.l3}: no whole Ethernet header. The numbers of these constants are those of a gVNIC packet type. */
export const L3_UNKNOWN = 0;
/** {@link Dissection.l3}: neither IPv4 nor IPv6, such as ARP. */
export const L3_OTHER = 1;
/** {@link Dissection.l3}: IPv4. */
export const L3_IPV4 = 2;
/** {@link Dissection.l3}: IPv6. */
export const L3_IPV6 = 3;

/** {@link Dissection.l4}: not IP, a fragment, or malformed. */
export const L4_UNKNOWN = 0;
/** {@link Dissection.l4}: IP, of a protocol that is none of these. */
export const L4_OTHER = 1;
/** {@link Dissection.l4}: TCP. */
export const L4_TCP = 2;
/** {@link Dissection.l4}: UDP. */
export const L4_UDP = 3;
/** {@link Dissection.l4}: ICMP over IPv4, or ICMPv6 over IPv6. */
export const L4_ICMP = 4;
/** {@link Dissection.l4}: SCTP. */
export const L4_SCTP = 5;

/** VLAN tags that are passed over: one of 802.1Q, or an 802.1ad pair. */
const MAX_VLAN_TAGS = 2;
const SCTP_HEADER_BYTES = 12;
const ICMP_HEADER_BYTES = 8;

/** What is where in a frame. Make one and use it again: {@link dissect} overwrites every field. Positions are absolute, in the view that was given. */
export class Dissection {
  /** EtherType behind any VLAN tags. */
  etherType: number = 0;
  vlanTags: number = 0;
  /** {@link L3_UNKNOWN} (no whole Ethernet header), {@link L3_OTHER} (such as ARP), {@link L3_IPV4}, {@link L3_IPV6}. */
  l3: number = L3_UNKNOWN;
  /** {@link L4_UNKNOWN} (not IP, a fragment, or malformed), {@link L4_OTHER}, {@link L4_TCP}, {@link L4_UDP}, {@link L4_ICMP} (either version), {@link L4_SCTP}. */
  l4: number = L4_UNKNOWN;
  /** First byte behind the Ethernet header. */
  l3At: number = 0;
  /** First byte behind the IP header and its extension headers; `l3At` when not IP. */
  l4At: number = 0;
  /** First byte behind the TCP, UDP, ICMP or SCTP header; `l4At` when it is none of these. */
  payloadAt: number = 0;
  /** Bytes from `l4At` to the end of the IP packet, headers included, padding not. For a frame that is not IP, to the end of the frame. */
  l4Length: number = 0;
  /** Protocol number of the layer 4 header, also when {@link l4} does not know it; -1 when not IP or malformed. */
  l4Protocol: number = -1;
  /** Part of a fragmented packet, the first one included. */
  fragment: boolean = false;
  /** IPv6 with a routing or destination options header. */
  ipv6ExtAdd: boolean = false;
  /** A length or version field contradicts the bytes. What was found before holds; `l4` is {@link L4_UNKNOWN}. */
  malformed: boolean = false;
}

const walk = new ipv6.ExtensionWalk();

/**
 * Finds the headers of an Ethernet frame for card and stack alike. Never throws, reads nothing outside `[at, at + length)`, allocates nothing.
 * Checksums are not looked at.
 */
export function dissect(view: DataView, at: number, length: number, out: Dissection): void {
  const end = at + length;
  out.etherType = 0;
  out.vlanTags = 0;
  out.l3 = L3_UNKNOWN;
  out.l4 = L4_UNKNOWN;
  out.l4Protocol = -1;
  out.fragment = false;
  out.ipv6ExtAdd = false;
  out.malformed = false;
  out.l3At = end;
  layer4(out, end, end);
  if (length < ethernet.HEADER_BYTES) {
    out.malformed = true;
    return;
  }
  let here = at + ethernet.HEADER_BYTES;
  let type = ethernet.type(view, at);
  while ((type === ethernet.TYPE_VLAN || type === ethernet.TYPE_QINQ) && out.vlanTags < MAX_VLAN_TAGS) {
    if (end - here < ethernet.VLAN_TAG_BYTES) {
      out.malformed = true;
      return;
    }
    type = view.getUint16(here + 2);
    here += ethernet.VLAN_TAG_BYTES;
    out.vlanTags++;
  }
  out.etherType = type;
  out.l3At = here;
  layer4(out, here, end);
  if (type === ethernet.TYPE_IPV4) dissectIpv4(view, here, end - here, out);
  else if (type === ethernet.TYPE_IPV6) dissectIpv6(view, here, end - here, out);
  else out.l3 = L3_OTHER;
}

function layer4(out: Dissection, at: number, end: number): void {
  out.l4At = at;
  out.payloadAt = at;
  out.l4Length = end - at;
}

function dissectIpv4(view: DataView, at: number, length: number, out: Dissection): void {
  out.l3 = L3_IPV4;
  if (ipv4.validateLengths(view, at, length) < 0) {
    out.malformed = true;
    return;
  }
  layer4(out, at + ipv4.headerLength(view, at), at + ipv4.totalLength(view, at));
  out.l4Protocol = ipv4.protocol(view, at);
  out.fragment = ipv4.isFragment(view, at);
  if (!out.fragment) dissectLayer4(view, out, ipv4.PROTOCOL_ICMP);
}

function dissectIpv6(view: DataView, at: number, length: number, out: Dissection): void {
  out.l3 = L3_IPV6;
  if (ipv6.validateHeader(view, at, length) < 0) {
    out.malformed = true;
    return;
  }
  const end = at + ipv6.HEADER_BYTES + ipv6.payloadLength(view, at);
  layer4(out, at + ipv6.HEADER_BYTES, end);
  const reason = ipv6.walkExtensions(view, at, length, walk);
  out.fragment = walk.fragment;
  out.ipv6ExtAdd = walk.routingOrDestination;
  if (reason < 0) {
    out.malformed = true;
    return;
  }
  layer4(out, walk.headerAt, end);
  out.l4Protocol = walk.nextHeader;
  if (!out.fragment) dissectLayer4(view, out, ipv6.NEXT_ICMPV6);
}

function dissectLayer4(view: DataView, out: Dissection, icmpProtocol: number): void {
  const at = out.l4At;
  const length = out.l4Length;
  let header = 0;
  let kind = L4_OTHER;
  let bad = false;
  if (out.l4Protocol === ipv4.PROTOCOL_TCP) {
    kind = L4_TCP;
    bad = tcp.validateHeader(view, at, length) < 0;
    header = bad ? 0 : tcp.headerLength(view, at);
  } else if (out.l4Protocol === ipv4.PROTOCOL_UDP) {
    kind = L4_UDP;
    bad = udp.validateHeader(view, at, length) < 0;
    header = udp.HEADER_BYTES;
  } else if (out.l4Protocol === icmpProtocol) {
    kind = L4_ICMP;
    header = ICMP_HEADER_BYTES;
    bad = length < header;
  } else if (out.l4Protocol === ipv4.PROTOCOL_SCTP) {
    kind = L4_SCTP;
    header = SCTP_HEADER_BYTES;
    bad = length < header;
  }
  out.malformed = bad;
  if (bad) return;
  out.l4 = kind;
  out.payloadAt = at + header;
}

/**
 * The receive-side-scaling hash of a dissected frame: addresses and ports for TCP (and for UDP and SCTP when `withPorts` says so), addresses for
 * other IP packets and for fragments, 0 when the frame is not IP or its IP header is malformed.
 *
 * @param bytes - The buffer that was dissected, from the same first byte as the view. @returns uint32.
 */
export function flowHash(toeplitz: Toeplitz, bytes: Uint8Array, frame: Dissection, withPorts: boolean = true): number {
  const four = frame.l3 === L3_IPV4;
  if ((!four && frame.l3 !== L3_IPV6) || frame.l4Protocol < 0) return 0;
  const addressesAt = frame.l3At + (four ? ipv4.SOURCE_AT : ipv6.SOURCE_AT);
  const addressBytes = four ? 8 : 32;
  const ports = frame.l4 === L4_TCP || (withPorts && (frame.l4 === L4_UDP || frame.l4 === L4_SCTP));
  return ports
    ? toeplitz.hashPair(bytes, addressesAt, addressBytes, frame.l4At, 4)
    : toeplitz.hash(bytes, addressesAt, addressBytes);
}
