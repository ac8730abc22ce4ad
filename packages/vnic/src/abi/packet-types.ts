/**
 * Packet types: the ten-bit packet_type of a receive completion indexes the map that GET_PTYPE_MAP fills with
 * {layer 3, layer 4} byte pairs (gvnic.md §3.6). A driver goes by the map; the numbering is the card's own affair.
 */

export const L3_TYPE_UNKNOWN = 0;
export const L3_TYPE_OTHER = 1;
export const L3_TYPE_IPV4 = 2;
export const L3_TYPE_IPV6 = 3;

export const L4_TYPE_UNKNOWN = 0;
export const L4_TYPE_OTHER = 1;
export const L4_TYPE_TCP = 2;
export const L4_TYPE_UDP = 3;
export const L4_TYPE_ICMP = 4;
export const L4_TYPE_SCTP = 5;

/** This card's numbering: layer 3 in bits 4:3, layer 4 in bits 2:0. */
export function packetType(l3: number, l4: number): number {
  return (l3 << 3) | l4;
}
