/**
 * What Ethernet, IP and TCP look like on a wire: codecs, checksums and the Toeplitz hash, over typed arrays.
 *
 * Every protocol is a namespace (`ethernet`, `arp`, `ipv4`, `ipv6`, `icmp`, `icmpv6`, `ndp`, `tcp`, `udp`) with two faces:
 *
 * - for the data path, functions of `(view, at)` that read or write one field in place, a `write…` and a `validate…`. They allocate nothing, and
 *   `validate…` answers 0 or a negative reason of `malformed`: bytes from a wire never throw;
 * - for tests and tools, `decode` and `encode` of plain values, and `composeFrame` and `decodeFrame` for whole frames.
 *
 * Use it to build or check packets, in a card, a stack, a bridge or a test. Sums over a `LinearMemory` run as WebAssembly SIMD.
 *
 * It is not a stack: it keeps no state, answers nothing and reassembles nothing.
 *
 * @example
 * ```ts
 * import { composeFrame, Dissection, dissect, L4_TCP, tcp } from '@netmem/wire';
 *
 * const frame = composeFrame({
 *   ipv4: { source: '10.0.0.1', destination: '10.0.0.2' },
 *   tcp: { sourcePort: 40000, destinationPort: 5201, flags: tcp.SYN, options: { mss: 1460 } },
 * });
 * const view = new DataView(frame.buffer);
 * const found = new Dissection();
 * dissect(view, 0, frame.length, found);
 * console.log(found.l4 === L4_TCP, tcp.destinationPort(view, found.l4At)); // true 5201
 * ```
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
  INTACT,
  pseudoHeaderSum4,
  pseudoHeaderSum6,
  swap16,
  updateChecksum,
} from './checksum.ts';
export type { DecodedFrame, FrameLayers } from './compose.ts';
export { composeFrame, decodeFrame } from './compose.ts';
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
