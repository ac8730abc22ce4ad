/**
 * IPv6 headers and the walk over extension headers.
 *
 * @module
 */

import { formatAddress6, parseAddress6 } from './address.ts';
import * as malformed from './malformed.ts';

/** Bytes of the fixed header. */
export const HEADER_BYTES = 40;
/** Offset of the payload length: two bytes. */
export const PAYLOAD_LENGTH_AT = 4;
/** Offset of the next-header number: one byte. */
export const NEXT_HEADER_AT = 6;
/** Offset of the hop limit: one byte. */
export const HOP_LIMIT_AT = 7;
/** Offset of the source address: sixteen bytes. The destination follows it. */
export const SOURCE_AT = 8;
/** Offset of the destination address: sixteen bytes. */
export const DESTINATION_AT = 24;
/** Bytes of an address. */
export const ADDRESS_BYTES = 16;

/** Next header: TCP. */
export const NEXT_TCP = 6;
/** Next header: UDP. */
export const NEXT_UDP = 17;
/** Next header: ICMPv6. */
export const NEXT_ICMPV6 = 58;
/** Next header: SCTP. */
export const NEXT_SCTP = 132;
/** Next header: options for every router. An extension header: {@link walkExtensions} skips it. */
export const NEXT_HOP_BY_HOP = 0;
/** Next header: routing. An extension header. */
export const NEXT_ROUTING = 43;
/** Next header: fragment. An extension header. */
export const NEXT_FRAGMENT = 44;
/** Next header: authentication. An extension header. */
export const NEXT_AUTHENTICATION = 51;
/** Next header: options for the receiver. An extension header. */
export const NEXT_DESTINATION_OPTIONS = 60;
/** Next header: mobility. An extension header. */
export const NEXT_MOBILITY = 135;
/** Next header: nothing follows. It ends a chain. */
export const NEXT_NONE = 59;
/** Next header: everything behind it is encrypted. It ends what can be read. */
export const NEXT_ENCRYPTED = 50;

/** Hop limit that Linux sends with unless told otherwise (`net.ipv6.conf.*.hop_limit`). */
export const DEFAULT_HOP_LIMIT = 64;

/**
 * Extension headers that are followed before a packet is refused. A model choice: RFC 8200 allows each kind once (destination options twice),
 * which is 7; anything longer only costs time.
 */
export const MAX_EXTENSION_HEADERS = 8;

/** 6, or something else in what is no IPv6 packet. */
export function version(view: DataView, at: number): number {
  return view.getUint8(at) >>> 4;
}

/** The DSCP (high six bits) and ECN (low two) bits. */
export function trafficClass(view: DataView, at: number): number {
  return (view.getUint16(at) >>> 4) & 255;
}

/** Twenty bits that packets of a flow share; 0 when the sender set none. */
export function flowLabel(view: DataView, at: number): number {
  return view.getUint32(at) & 0xfffff;
}

/** Bytes behind the header, extension headers included. */
export function payloadLength(view: DataView, at: number): number {
  return view.getUint16(at + PAYLOAD_LENGTH_AT);
}

/** What follows the fixed header, perhaps an extension header: see {@link walkExtensions}. */
export function nextHeader(view: DataView, at: number): number {
  return view.getUint8(at + NEXT_HEADER_AT);
}

/** Routers that the packet may still pass. */
export function hopLimit(view: DataView, at: number): number {
  return view.getUint8(at + HOP_LIMIT_AT);
}

/** Whether the sixteen bytes at `addressAt` are `address`. */
export function addressEquals(view: DataView, addressAt: number, address: Uint8Array): boolean {
  for (let i = ADDRESS_BYTES - 1; i >= 0; i--) if (view.getUint8(addressAt + i) !== address[i]) return false;
  return true;
}

/** Whether the address at `addressAt` is a group (ff00::/8). */
export function isMulticast(view: DataView, addressAt: number): boolean {
  return view.getUint8(addressAt) === 0xff;
}

/** Writes the sixteen bytes of an address. */
export function writeAddress(view: DataView, addressAt: number, address: Uint8Array): void {
  for (let i = 0; i < ADDRESS_BYTES; i++) view.setUint8(addressAt + i, address[i]);
}

/** The group on which a host listens for solicitations of `address` (RFC 4291, 2.7.1): ff02::1:ff and its last three bytes. */
export function solicitedNodeAddress(address: Uint8Array): Uint8Array<ArrayBuffer> {
  const group = new Uint8Array([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 0]);
  group.set(address.subarray(13, 16), 13);
  return group;
}

/** The Ethernet address of a group (RFC 2464, 7): 33:33 and the group's last four bytes. */
export function multicastMac(group: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array([0x33, 0x33, group[12], group[13], group[14], group[15]]);
}

/** Writes a header. @param payloadBytes - Bytes behind it. @returns 40. */
export function writeHeader(
  view: DataView,
  at: number,
  payloadBytes: number,
  next: number,
  source: Uint8Array,
  destination: Uint8Array,
  hops: number = DEFAULT_HOP_LIMIT,
  dscpAndEcn: number = 0,
  label: number = 0,
): number {
  view.setUint32(at, (0x60000000 | (dscpAndEcn << 20) | label) >>> 0);
  view.setUint16(at + PAYLOAD_LENGTH_AT, payloadBytes);
  view.setUint8(at + NEXT_HEADER_AT, next);
  view.setUint8(at + HOP_LIMIT_AT, hops);
  writeAddress(view, at + SOURCE_AT, source);
  writeAddress(view, at + DESTINATION_AT, destination);
  return HEADER_BYTES;
}

/** Checks the fixed header. @returns 0, or TRUNCATED, BAD_VERSION. @kernel ip6_rcv_core — net/ipv6/ip6_input.c, 7.3 */
export function validateHeader(view: DataView, at: number, length: number): number {
  if (length < HEADER_BYTES) return malformed.TRUNCATED;
  if (version(view, at) !== 6) return malformed.BAD_VERSION;
  return HEADER_BYTES + payloadLength(view, at) > length ? malformed.TRUNCATED : 0;
}

/** Where {@link walkExtensions} came to. Make one and use it again. */
export class ExtensionWalk {
  /** The first header that is none of the extensions skipped: TCP, UDP, ICMPv6, {@link NEXT_NONE} or something unknown. */
  nextHeader: number = 0;
  /** Where it starts. */
  headerAt: number = 0;
  /** Extension headers passed. */
  count: number = 0;
  /** A part of a packet; an "atomic" fragment (offset 0, no more to come, RFC 6946) is not one. */
  fragment: boolean = false;
  /** Where the part belongs, in bytes. */
  fragmentOffset: number = 0;
  moreFragments: boolean = false;
  /** A routing or destination options header was passed: a card does not vouch for the checksum then. */
  routingOrDestination: boolean = false;
}

/**
 * Follows extension headers from the fixed header at `at` to the first that is none. Reads within the packet only, and at most
 * {@link MAX_EXTENSION_HEADERS}; stops behind the fragment header of a fragment that is not the first, since what follows is no header.
 *
 * @param length - Bytes at hand; {@link validateHeader} must have accepted them.
 * @returns 0, or TRUNCATED (a header runs out of the packet), TOO_DEEP.
 */
export function walkExtensions(view: DataView, at: number, length: number, out: ExtensionWalk): number {
  const end = at + Math.min(length, HEADER_BYTES + payloadLength(view, at));
  out.nextHeader = nextHeader(view, at);
  out.headerAt = at + HEADER_BYTES;
  out.count = 0;
  out.fragment = false;
  out.fragmentOffset = 0;
  out.moreFragments = false;
  out.routingOrDestination = false;
  while (isExtension(out.nextHeader)) {
    const here = out.headerAt;
    if (end - here < 8) return malformed.TRUNCATED;
    if (out.count === MAX_EXTENSION_HEADERS) return malformed.TOO_DEEP;
    out.count++;
    let size = (view.getUint8(here + 1) + 1) << 3;
    if (out.nextHeader === NEXT_FRAGMENT) {
      size = 8;
      const bits = view.getUint16(here + 2);
      out.fragmentOffset = bits & 0xfff8;
      out.moreFragments = (bits & 1) !== 0;
      out.fragment = out.fragmentOffset !== 0 || out.moreFragments;
    } else if (out.nextHeader === NEXT_AUTHENTICATION) {
      // The one header whose length counts words of 4 bytes, minus 2 (RFC 4302, 2.2).
      size = (view.getUint8(here + 1) + 2) << 2;
    } else if (out.nextHeader === NEXT_ROUTING || out.nextHeader === NEXT_DESTINATION_OPTIONS) {
      out.routingOrDestination = true;
    }
    if (size > end - here) return malformed.TRUNCATED;
    out.nextHeader = view.getUint8(here);
    out.headerAt = here + size;
    if (out.fragmentOffset !== 0) return 0;
  }
  return 0;
}

/** Whether a next-header number is an extension header that {@link walkExtensions} skips. */
export function isExtension(next: number): boolean {
  return (
    next === NEXT_HOP_BY_HOP ||
    next === NEXT_ROUTING ||
    next === NEXT_FRAGMENT ||
    next === NEXT_DESTINATION_OPTIONS ||
    next === NEXT_AUTHENTICATION ||
    next === NEXT_MOBILITY
  );
}

/** A packet in plain values, for tests and tools. */
export interface Ipv6Fields {
  source: string;
  destination: string;
  nextHeader: number;
  hopLimit: number;
  trafficClass: number;
  flowLabel: number;
  /** Everything behind the fixed header, extension headers included. */
  payload: Uint8Array;
}

/** A packet as plain values with a copy of its payload, or null when {@link validateHeader} refuses it. */
export function decode(view: DataView, at: number, length: number): Ipv6Fields | null {
  if (validateHeader(view, at, length) < 0) return null;
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at, HEADER_BYTES + payloadLength(view, at));
  return {
    source: formatAddress6(bytes, SOURCE_AT),
    destination: formatAddress6(bytes, DESTINATION_AT),
    nextHeader: nextHeader(view, at),
    hopLimit: hopLimit(view, at),
    trafficClass: trafficClass(view, at),
    flowLabel: flowLabel(view, at),
    payload: bytes.slice(HEADER_BYTES),
  };
}

/**
 * A packet from plain values; what is not given is 0 or empty, the hop limit 64, the next header {@link NEXT_NONE}.
 *
 * @throws TypeError when an address is none.
 */
export function encode(fields: Partial<Ipv6Fields>): Uint8Array<ArrayBuffer> {
  const payload = fields.payload ?? new Uint8Array(0);
  const bytes = new Uint8Array(HEADER_BYTES + payload.length);
  writeHeader(
    new DataView(bytes.buffer),
    0,
    payload.length,
    fields.nextHeader ?? NEXT_NONE,
    addressOf(fields.source ?? '::'),
    addressOf(fields.destination ?? '::'),
    fields.hopLimit ?? DEFAULT_HOP_LIMIT,
    fields.trafficClass ?? 0,
    fields.flowLabel ?? 0,
  );
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

function addressOf(text: string): Uint8Array {
  const address = parseAddress6(text);
  if (address === null) throw new TypeError(`'${text}' is no IPv6 address`);
  return address;
}
