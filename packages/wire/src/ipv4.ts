/**
 * IPv4 headers: fields in place, and headers as plain values.
 *
 * @module
 */

import { formatAddress4, parseAddress4 } from './address.ts';
import { finishChecksum, foldInt32, INTACT } from './checksum.ts';
import * as malformed from './malformed.ts';

/** Bytes of a header without options. */
export const MIN_HEADER_BYTES = 20;
/** Bytes of a header with 40 bytes of options, the most that fit. */
export const MAX_HEADER_BYTES = 60;
/** Offset of the total length: two bytes. */
export const TOTAL_LENGTH_AT = 2;
/** Offset of flags and fragment offset: two bytes. */
export const FLAGS_AT = 6;
/** Offset of the time to live: one byte. */
export const TTL_AT = 8;
/** Offset of the protocol: one byte. */
export const PROTOCOL_AT = 9;
/** Offset of the header checksum: two bytes. */
export const CHECKSUM_AT = 10;
/** Offset of the source address: four bytes. The destination follows it. */
export const SOURCE_AT = 12;
/** Offset of the destination address: four bytes. */
export const DESTINATION_AT = 16;
/** Bytes of an address. */
export const ADDRESS_BYTES = 4;

/** Protocol number of ICMP. */
export const PROTOCOL_ICMP = 1;
/** Protocol number of TCP. */
export const PROTOCOL_TCP = 6;
/** Protocol number of UDP. */
export const PROTOCOL_UDP = 17;
/** Protocol number of SCTP. */
export const PROTOCOL_SCTP = 132;

/** Bit of {@link flagsAndOffset}: routers must not cut the packet. */
export const DONT_FRAGMENT = 0x4000;
/** Bit of {@link flagsAndOffset}: this is not the last part of its packet. */
export const MORE_FRAGMENTS = 0x2000;
/** Bits of {@link flagsAndOffset}: where the part belongs, in units of 8 bytes. */
export const OFFSET_MASK = 0x1fff;

/** Time to live that Linux sends with unless told otherwise (`net.ipv4.ip_default_ttl`). */
export const DEFAULT_TTL = 64;

/** 4, or something else in what is no IPv4 packet. */
export function version(view: DataView, at: number): number {
  return view.getUint8(at) >>> 4;
}

/** Bytes of the header with its options: 20 to 60, or less in a malformed packet. */
export function headerLength(view: DataView, at: number): number {
  return (view.getUint8(at) & 15) << 2;
}

/** The DSCP (high six bits) and ECN (low two) byte. */
export function trafficClass(view: DataView, at: number): number {
  return view.getUint8(at + 1);
}

/** Bytes of header and payload. */
export function totalLength(view: DataView, at: number): number {
  return view.getUint16(at + TOTAL_LENGTH_AT);
}

/** The number that fragments of one packet share. */
export function identification(view: DataView, at: number): number {
  return view.getUint16(at + 4);
}

/** The raw 16 bits: {@link DONT_FRAGMENT}, {@link MORE_FRAGMENTS} and the offset in units of 8 bytes. */
export function flagsAndOffset(view: DataView, at: number): number {
  return view.getUint16(at + FLAGS_AT);
}

/** Whether the packet is a part of one: more fragments follow, or its offset is not 0. */
export function isFragment(view: DataView, at: number): boolean {
  return (view.getUint16(at + FLAGS_AT) & (MORE_FRAGMENTS | OFFSET_MASK)) !== 0;
}

/** Where the payload belongs in the whole packet, in bytes. */
export function fragmentOffset(view: DataView, at: number): number {
  return (view.getUint16(at + FLAGS_AT) & OFFSET_MASK) << 3;
}

/** Routers that the packet may still pass. */
export function timeToLive(view: DataView, at: number): number {
  return view.getUint8(at + TTL_AT);
}

/** What the payload is: {@link PROTOCOL_TCP} and others. */
export function protocol(view: DataView, at: number): number {
  return view.getUint8(at + PROTOCOL_AT);
}

/** The header checksum as sent; see {@link headerChecksum} for what it should be. */
export function checksum(view: DataView, at: number): number {
  return view.getUint16(at + CHECKSUM_AT);
}

/** Source address as uint32. */
export function source(view: DataView, at: number): number {
  return view.getUint32(at + SOURCE_AT);
}

/** Destination address as uint32. */
export function destination(view: DataView, at: number): number {
  return view.getUint32(at + DESTINATION_AT);
}

/** What the checksum field of this header should say, whatever it says now. */
export function headerChecksum(view: DataView, at: number, headerBytes: number = headerLength(view, at)): number {
  let sum = 0;
  for (let i = 0; i < headerBytes; i += 2) sum += view.getUint16(at + i);
  return finishChecksum(sum - view.getUint16(at + CHECKSUM_AT));
}

/**
 * Whether the header's bytes, checksum field included, sum up to nothing, as a receiver looks at it. Either zero of ones-complement arithmetic is
 * good in the field.
 *
 * @kernel ip_fast_csum — include/asm-generic/checksum.h, 7.3
 */
export function isHeaderIntact(view: DataView, at: number): boolean {
  const end = at + headerLength(view, at);
  let sum = 0;
  for (let i = at; i < end; i += 4) {
    const word = view.getInt32(i);
    sum += (word >>> 16) + (word & 0xffff);
  }
  return foldInt32(sum) === INTACT;
}

/** Sets the length and the checksum that goes with it, as a card that merges segments must. */
export function setTotalLength(view: DataView, at: number, bytes: number): void {
  view.setUint16(at + TOTAL_LENGTH_AT, bytes);
  view.setUint16(at + CHECKSUM_AT, headerChecksum(view, at));
}

/**
 * Writes a header of 20 bytes with its checksum.
 *
 * @param totalBytes - Header and payload.
 * @param from - Source address as uint32; `to` likewise.
 * @returns 20.
 */
export function writeHeader(
  view: DataView,
  at: number,
  totalBytes: number,
  protocolNumber: number,
  from: number,
  to: number,
  ttl: number = DEFAULT_TTL,
  id: number = 0,
  flags: number = DONT_FRAGMENT,
  dscpAndEcn: number = 0,
): number {
  view.setUint8(at, 0x45);
  view.setUint8(at + 1, dscpAndEcn);
  view.setUint16(at + TOTAL_LENGTH_AT, totalBytes);
  view.setUint16(at + 4, id);
  view.setUint16(at + FLAGS_AT, flags);
  view.setUint8(at + TTL_AT, ttl);
  view.setUint8(at + PROTOCOL_AT, protocolNumber);
  view.setUint16(at + CHECKSUM_AT, 0);
  view.setUint32(at + SOURCE_AT, from);
  view.setUint32(at + DESTINATION_AT, to);
  view.setUint16(at + CHECKSUM_AT, headerChecksum(view, at, MIN_HEADER_BYTES));
  return MIN_HEADER_BYTES;
}

/**
 * Checks what must hold before any field is used, the checksum included; a card that checked it already uses {@link validateLengths}.
 *
 * @param length - Bytes at hand; padding behind the packet is fine.
 * @returns 0, or TRUNCATED, BAD_VERSION, BAD_HEADER_LENGTH, BAD_LENGTH (in the order of `ip_rcv_core`), BAD_CHECKSUM.
 * @kernel ip_rcv_core — net/ipv4/ip_input.c, 7.3
 */
export function validateHeader(view: DataView, at: number, length: number): number {
  const reason = validateLengths(view, at, length);
  if (reason < 0) return reason;
  return isHeaderIntact(view, at) ? 0 : malformed.BAD_CHECKSUM;
}

/** As {@link validateHeader}, without the checksum. */
export function validateLengths(view: DataView, at: number, length: number): number {
  if (length < MIN_HEADER_BYTES) return malformed.TRUNCATED;
  if (version(view, at) !== 4) return malformed.BAD_VERSION;
  const header = headerLength(view, at);
  if (header < MIN_HEADER_BYTES) return malformed.BAD_HEADER_LENGTH;
  if (header > length) return malformed.TRUNCATED;
  const total = totalLength(view, at);
  if (total < header) return malformed.BAD_LENGTH;
  return total > length ? malformed.TRUNCATED : 0;
}

/** A packet in plain values, for tests and tools. */
export interface Ipv4Fields {
  source: string;
  destination: string;
  protocol: number;
  timeToLive: number;
  identification: number;
  /** {@link DONT_FRAGMENT} and {@link MORE_FRAGMENTS}. */
  flags: number;
  /** In bytes, a multiple of 8. */
  fragmentOffset: number;
  trafficClass: number;
  /** Raw option bytes; their length is a multiple of 4. */
  options: Uint8Array;
  payload: Uint8Array;
}

/** A packet as plain values with copies of options and payload, or null when {@link validateHeader} refuses it. */
export function decode(view: DataView, at: number, length: number): Ipv4Fields | null {
  if (validateHeader(view, at, length) < 0) return null;
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at, totalLength(view, at));
  return {
    source: formatAddress4(source(view, at)),
    destination: formatAddress4(destination(view, at)),
    protocol: protocol(view, at),
    timeToLive: timeToLive(view, at),
    identification: identification(view, at),
    flags: flagsAndOffset(view, at) & ~OFFSET_MASK,
    fragmentOffset: fragmentOffset(view, at),
    trafficClass: trafficClass(view, at),
    options: bytes.slice(MIN_HEADER_BYTES, headerLength(view, at)),
    payload: bytes.slice(headerLength(view, at)),
  };
}

/**
 * A packet from plain values, with its checksum; what is not given is 0 or empty, the time to live 64, the flags {@link DONT_FRAGMENT}.
 *
 * @throws TypeError when an address is none, RangeError when options are not a multiple of 4 bytes up to 40.
 */
export function encode(fields: Partial<Ipv4Fields>): Uint8Array<ArrayBuffer> {
  const options = fields.options ?? new Uint8Array(0);
  const payload = fields.payload ?? new Uint8Array(0);
  if (options.length % 4 !== 0 || options.length > 40) throw new RangeError(`${options.length} bytes of IPv4 options`);
  const header = MIN_HEADER_BYTES + options.length;
  const bytes = new Uint8Array(header + payload.length);
  const view = new DataView(bytes.buffer);
  writeHeader(
    view,
    0,
    bytes.length,
    fields.protocol ?? 0,
    addressOf(fields.source ?? '0.0.0.0'),
    addressOf(fields.destination ?? '0.0.0.0'),
    fields.timeToLive ?? DEFAULT_TTL,
    fields.identification ?? 0,
    (fields.flags ?? DONT_FRAGMENT) | ((fields.fragmentOffset ?? 0) >>> 3),
    fields.trafficClass ?? 0,
  );
  bytes[0] = 0x40 | (header >>> 2);
  bytes.set(options, MIN_HEADER_BYTES);
  bytes.set(payload, header);
  view.setUint16(CHECKSUM_AT, headerChecksum(view, 0));
  return bytes;
}

function addressOf(text: string): number {
  const address = parseAddress4(text);
  if (address === null) throw new TypeError(`'${text}' is no IPv4 address`);
  return address;
}
