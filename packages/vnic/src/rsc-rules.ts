import { type Dissection, ipv4, ipv6, L3_IPV4, L3_IPV6, L4_TCP, tcp } from '@netmem/wire';

const IPV4_TRAFFIC_CLASS_AT = 1;
/** Where the addresses end that IP versions 4 and 6 carry, and where layer 4 of a packet that may be merged starts. */
const IPV4_ADDRESSES_END = ipv4.MIN_HEADER_BYTES;
const IPV6_ADDRESSES_END = ipv6.HEADER_BYTES;

/**
 * Which frames may become part of a merged packet at all: the rules of Linux's GRO, as nothing is public about the
 * hardware's. IP without options, extension headers or padding; over IPv4 unfragmented and not to be fragmented, because
 * merging loses the identification; TCP with payload and with no flags but ACK and PSH.
 *
 * @param end - First byte behind the frame.
 * @returns payload bytes; 0 for a frame that has to stay by itself.
 */
export function mergeablePayload(view: DataView, frame: Dissection, end: number): number {
  if (frame.l4 !== L4_TCP) return 0;
  const ip = frame.l3At;
  if (frame.l3 === L3_IPV4) {
    if (frame.l4At !== ip + IPV4_ADDRESSES_END) return 0;
    if (view.getUint16(ip + ipv4.FLAGS_AT) !== ipv4.DONT_FRAGMENT) return 0;
  } else if (frame.l3 !== L3_IPV6 || frame.l4At !== ip + IPV6_ADDRESSES_END) {
    return 0;
  }
  if ((view.getUint8(frame.l4At + tcp.FLAGS_AT) & ~tcp.PSH) !== tcp.ACK) return 0;
  return frame.l4At + frame.l4Length === end ? end - frame.payloadAt : 0;
}

/**
 * Whether a frame's headers say the same as those of the packet that it might continue: everything but lengths, IPv4
 * identification, sequence number, window, checksums and PSH. Both frames passed {@link mergeablePayload}, with headers of
 * equal length.
 *
 * @param heldAt - Start of the Ethernet header that is held, in `held`; `at` of the frame's, in `view`.
 * @param l3 - Bytes in front of the IP header; `length` of all headers.
 */
export function sameHeaders(
  held: DataView,
  heldAt: number,
  view: DataView,
  at: number,
  l3: number,
  length: number,
  four: boolean,
): boolean {
  const ipA = heldAt + l3;
  const ipB = at + l3;
  const tcpA = ipA + (four ? IPV4_ADDRESSES_END : IPV6_ADDRESSES_END);
  const tcpB = ipB + (four ? IPV4_ADDRESSES_END : IPV6_ADDRESSES_END);
  if (held.getInt32(tcpA) !== view.getInt32(tcpB)) return false;
  if (held.getInt32(tcpA + tcp.ACKNOWLEDGMENT_AT) !== view.getInt32(tcpB + tcp.ACKNOWLEDGMENT_AT)) return false;
  if (held.getUint8(tcpA + tcp.DATA_OFFSET_AT) !== view.getUint8(tcpB + tcp.DATA_OFFSET_AT)) return false;
  if (!sameIp(held, ipA, view, ipB, four)) return false;
  const options = tcpA + tcp.MIN_HEADER_BYTES;
  const end = heldAt + length;
  const shift = at - heldAt;
  for (let i = options; i < end; i += 4) if (held.getInt32(i) !== view.getInt32(i + shift)) return false;
  // Ethernet addresses, tags and type: 14, 18 or 22 bytes, so that half a word is left.
  const type = ipA - 2;
  for (let i = heldAt; i < type; i += 4) if (held.getInt32(i) !== view.getInt32(i + shift)) return false;
  return held.getUint16(type) === view.getUint16(type + shift);
}

function sameIp(held: DataView, a: number, view: DataView, b: number, four: boolean): boolean {
  if (four) {
    return (
      held.getUint8(a + IPV4_TRAFFIC_CLASS_AT) === view.getUint8(b + IPV4_TRAFFIC_CLASS_AT) &&
      held.getUint8(a + ipv4.TTL_AT) === view.getUint8(b + ipv4.TTL_AT) &&
      held.getInt32(a + ipv4.SOURCE_AT) === view.getInt32(b + ipv4.SOURCE_AT) &&
      held.getInt32(a + ipv4.DESTINATION_AT) === view.getInt32(b + ipv4.DESTINATION_AT)
    );
  }
  // Version, traffic class and flow label are the first word.
  if (held.getInt32(a) !== view.getInt32(b)) return false;
  if (held.getUint8(a + ipv6.HOP_LIMIT_AT) !== view.getUint8(b + ipv6.HOP_LIMIT_AT)) return false;
  for (let i = ipv6.SOURCE_AT; i < IPV6_ADDRESSES_END; i += 4) {
    if (held.getInt32(a + i) !== view.getInt32(b + i)) return false;
  }
  return true;
}
