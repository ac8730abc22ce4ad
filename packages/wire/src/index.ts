/**
 * Codecs for Ethernet, ARP, IP, ICMP, TCP and UDP headers, checksums and the Toeplitz hash, over typed arrays.
 *
 * @packageDocumentation
 */
export {
  ADDRESS4_BYTES,
  ADDRESS6_BYTES,
  formatAddress4,
  formatAddress6,
  netmask4,
  parseAddress4,
  parseAddress6,
  parsePrefix4,
  parsePrefix6,
} from './address.ts';
export type { ArpFields } from './arp.ts';
export * as arp from './arp.ts';
export {
  checksumBytes,
  checksumView,
  combineChecksum,
  finishChecksum,
  foldChecksum,
  pseudoHeaderSum4,
  pseudoHeaderSum6,
  swap16,
  updateChecksum,
} from './checksum.ts';
export {
  Dissection,
  dissect,
  flowHash,
  L3_IPV4,
  L3_IPV6,
  L3_OTHER,
  L3_UNKNOWN,
  L4_ICMP,
  L4_OTHER,
  L4_SCTP,
  L4_TCP,
  L4_UDP,
  L4_UNKNOWN,
} from './dissect.ts';
export type { EthernetFields } from './ethernet.ts';
export * as ethernet from './ethernet.ts';
export type { IcmpFields } from './icmp.ts';
export * as icmp from './icmp.ts';
export type { Icmpv6Fields } from './icmpv6.ts';
export * as icmpv6 from './icmpv6.ts';
export type { Ipv4Fields } from './ipv4.ts';
export * as ipv4 from './ipv4.ts';
export type { Ipv6Fields } from './ipv6.ts';
export * as ipv6 from './ipv6.ts';
export type { InternetChecksum } from './linear-checksum.ts';
export { createChecksum } from './linear-checksum.ts';
export { formatMac, MAC_BYTES, parseMac } from './mac.ts';
export * as malformed from './malformed.ts';
export * as ndp from './ndp.ts';
export { seqAdd, seqAfter, seqBefore, seqBetween, seqDistance, seqEqual, seqMax } from './sequence.ts';
export type { TcpFields, TcpOptionFields } from './tcp.ts';
export * as tcp from './tcp.ts';
export {
  MAX_OPTION_BYTES as MAX_TCP_OPTION_BYTES,
  MAX_SACK_BLOCKS,
  parseTcpOptions,
  TcpOptions,
  tcpOptionsLength,
  writeTcpOptions,
} from './tcp-options.ts';
export { MICROSOFT_RSS_KEY, RSS_KEY_BYTES, Toeplitz } from './toeplitz.ts';
export type { UdpFields } from './udp.ts';
export * as udp from './udp.ts';
