/**
 * Packet types: the ten-bit packet_type of a receive completion indexes the map that GET_PTYPE_MAP fills with
 * {layer 3, layer 4} byte pairs. A driver goes by the map; the numbering is the card's own affair.
 */

/** No layer 3 was found. */
export const L3_TYPE_UNKNOWN = 0;
/** Neither IP, such as ARP. */
export const L3_TYPE_OTHER = 1;
/** IPv4. */
export const L3_TYPE_IPV4 = 2;
/** IPv6. */
export const L3_TYPE_IPV6 = 3;

/** No layer 4 was found: not IP, a fragment, or malformed. */
export const L4_TYPE_UNKNOWN = 0;
/** A protocol that has no number here. */
export const L4_TYPE_OTHER = 1;
/** TCP. */
export const L4_TYPE_TCP = 2;
/** UDP. */
export const L4_TYPE_UDP = 3;
/** ICMP of either version. */
export const L4_TYPE_ICMP = 4;
/** SCTP. */
export const L4_TYPE_SCTP = 5;

/** This card's numbering: layer 3 in bits 4:3, layer 4 in bits 2:0. */
export function packetType(l3: number, l4: number): number {
  return (l3 << 3) | l4;
}
