/**
 * TCP headers: fields in place, and headers with options as plain values.
 *
 * @module
 */

import { checksumView, finishChecksum } from './checksum.ts';
import * as malformed from './malformed.ts';
import { MAX_OPTION_BYTES, MAX_SACK_BLOCKS, parseTcpOptions, TcpOptions, writeTcpOptions } from './tcp-options.ts';

/** Bytes of a header without options. */
export const MIN_HEADER_BYTES = 20;
/** Bytes of a header with 40 bytes of options, the most that fit. */
export const MAX_HEADER_BYTES = 60;
/** Offset of the sequence number: four bytes. */
export const SEQUENCE_AT = 4;
/** Offset of the acknowledgment number: four bytes. */
export const ACKNOWLEDGMENT_AT = 8;
/** Offset of the header's length in words of four bytes: the high half of a byte. */
export const DATA_OFFSET_AT = 12;
/** Offset of the flags: one byte. */
export const FLAGS_AT = 13;
/** Offset of the window: two bytes. */
export const WINDOW_AT = 14;
/** Offset of the checksum: two bytes. */
export const CHECKSUM_AT = 16;
/** Offset of the urgent pointer: two bytes. */
export const URGENT_AT = 18;

/** Flag: the sender has no more data. */
export const FIN = 0x01;
/** Flag: sequence numbers start here. */
export const SYN = 0x02;
/** Flag: there is no such connection any more. */
export const RST = 0x04;
/** Flag: give what you have to the application. */
export const PSH = 0x08;
/** Flag: the acknowledgment number counts. */
export const ACK = 0x10;
/** Flag: the urgent pointer counts. */
export const URG = 0x20;
/** Flag: a packet came marked for congestion (RFC 3168). */
export const ECE = 0x40;
/** Flag: the sender slowed down for a congestion mark. */
export const CWR = 0x80;

/** The sender's port. */
export function sourcePort(view: DataView, at: number): number {
  return view.getUint16(at);
}

/** The receiver's port. */
export function destinationPort(view: DataView, at: number): number {
  return view.getUint16(at + 2);
}

/** Source port in the high half, destination port in the low: one comparison for both. Int32. */
export function ports(view: DataView, at: number): number {
  return view.getInt32(at);
}

/** Sequence number as on the wire, uint32. Code that keeps it keeps `| 0` of it: see `seqBefore`. */
export function sequence(view: DataView, at: number): number {
  return view.getUint32(at + SEQUENCE_AT);
}

/** Acknowledgment number, uint32; means something only with {@link ACK}. */
export function acknowledgment(view: DataView, at: number): number {
  return view.getUint32(at + ACKNOWLEDGMENT_AT);
}

/** Bytes of the header with its options: 20 to 60, or less in a malformed segment. */
export function headerLength(view: DataView, at: number): number {
  return (view.getUint8(at + DATA_OFFSET_AT) >>> 4) << 2;
}

/** {@link FIN} to {@link CWR}. */
export function flags(view: DataView, at: number): number {
  return view.getUint8(at + FLAGS_AT);
}

/** The window field, not yet scaled. */
export function window(view: DataView, at: number): number {
  return view.getUint16(at + WINDOW_AT);
}

/** The checksum as sent, over pseudo header and segment. */
export function checksum(view: DataView, at: number): number {
  return view.getUint16(at + CHECKSUM_AT);
}

/** Where urgent data ends, from the sequence number; means something only with {@link URG}. */
export function urgentPointer(view: DataView, at: number): number {
  return view.getUint16(at + URGENT_AT);
}

/**
 * Writes the fixed 20 bytes with checksum and urgent pointer 0. Options are written behind it by `writeTcpOptions`.
 *
 * @param headerBytes - 20 and the options. @returns 20.
 */
export function writeHeader(
  view: DataView,
  at: number,
  fromPort: number,
  toPort: number,
  sequenceNumber: number,
  acknowledgmentNumber: number,
  headerBytes: number,
  flagBits: number,
  windowField: number,
): number {
  view.setUint16(at, fromPort);
  view.setUint16(at + 2, toPort);
  view.setInt32(at + SEQUENCE_AT, sequenceNumber);
  view.setInt32(at + ACKNOWLEDGMENT_AT, acknowledgmentNumber);
  view.setUint8(at + DATA_OFFSET_AT, headerBytes << 2);
  view.setUint8(at + FLAGS_AT, flagBits);
  view.setUint16(at + WINDOW_AT, windowField);
  view.setInt32(at + CHECKSUM_AT, 0);
  return MIN_HEADER_BYTES;
}

/** Sets the checksum from a finished sum: see `finishChecksum`. */
export function setChecksum(view: DataView, at: number, finished: number): void {
  view.setUint16(at + CHECKSUM_AT, finished);
}

/** @param length - Bytes that the IP packet holds. @returns 0, or TRUNCATED, BAD_HEADER_LENGTH. The checksum is for the caller. */
export function validateHeader(view: DataView, at: number, length: number): number {
  if (length < MIN_HEADER_BYTES) return malformed.TRUNCATED;
  const header = headerLength(view, at);
  if (header < MIN_HEADER_BYTES) return malformed.BAD_HEADER_LENGTH;
  return header > length ? malformed.TRUNCATED : 0;
}

/** A segment in plain values, for tests and tools. Options that are absent are left out. */
export interface TcpFields {
  sourcePort: number;
  destinationPort: number;
  sequence: number;
  acknowledgment: number;
  flags: number;
  window: number;
  urgentPointer: number;
  options: TcpOptionFields;
  payload: Uint8Array;
}

/** Options in plain values. */
export interface TcpOptionFields {
  mss?: number;
  windowScale?: number;
  sackPermitted?: boolean;
  timestamp?: { value: number; echo: number };
  /** Up to four `[left, right]` pairs; three with a timestamp. */
  sack?: [number, number][];
  /** Bytes to send in place of all of the above, padded to a multiple of 4: for options that no honest sender makes. Never set by {@link decode}. */
  raw?: Uint8Array;
}

/** A segment as plain values with a copy of its payload, or null when {@link validateHeader} refuses it. The checksum is not looked at. */
export function decode(view: DataView, at: number, length: number): TcpFields | null {
  if (validateHeader(view, at, length) < 0) return null;
  const header = headerLength(view, at);
  const parsed = new TcpOptions();
  parseTcpOptions(view, at + MIN_HEADER_BYTES, header - MIN_HEADER_BYTES, parsed);
  const options: TcpOptionFields = {};
  if (parsed.mss > 0) options.mss = parsed.mss;
  if (parsed.windowScale >= 0) options.windowScale = parsed.windowScale;
  if (parsed.sackPermitted) options.sackPermitted = true;
  if (parsed.hasTimestamp) options.timestamp = { value: parsed.tsVal, echo: parsed.tsEcr };
  if (parsed.sackCount > 0) {
    options.sack = Array.from({ length: parsed.sackCount }, (_, i) => [parsed.sackLeft[i], parsed.sackRight[i]]);
  }
  return {
    sourcePort: sourcePort(view, at),
    destinationPort: destinationPort(view, at),
    sequence: sequence(view, at),
    acknowledgment: acknowledgment(view, at),
    flags: flags(view, at),
    window: window(view, at),
    urgentPointer: urgentPointer(view, at),
    options,
    payload: new Uint8Array(view.buffer, view.byteOffset + at + header, length - header).slice(),
  };
}

/**
 * A segment from plain values; what is not given is 0 or empty, the flags {@link ACK}.
 *
 * @param pseudoSum - Of the pseudo header; without it the checksum stays 0.
 * @throws RangeError when the options do not fit in 40 bytes.
 */
export function encode(fields: Partial<TcpFields>, pseudoSum?: number): Uint8Array<ArrayBuffer> {
  const payload = fields.payload ?? new Uint8Array(0);
  const options = encodeOptions(fields.options ?? {});
  const header = MIN_HEADER_BYTES + options.length;
  const bytes = new Uint8Array(header + payload.length);
  const view = new DataView(bytes.buffer);
  writeHeader(
    view,
    0,
    fields.sourcePort ?? 0,
    fields.destinationPort ?? 0,
    fields.sequence ?? 0,
    fields.acknowledgment ?? 0,
    header,
    fields.flags ?? ACK,
    fields.window ?? 0,
  );
  view.setUint16(URGENT_AT, fields.urgentPointer ?? 0);
  bytes.set(options, MIN_HEADER_BYTES);
  bytes.set(payload, header);
  if (pseudoSum !== undefined) setChecksum(view, 0, finishChecksum(checksumView(view, 0, bytes.length, pseudoSum)));
  return bytes;
}

function encodeOptions(fields: TcpOptionFields): Uint8Array {
  const bytes = new Uint8Array(MAX_OPTION_BYTES);
  if (fields.raw !== undefined) {
    const padded = (fields.raw.length + 3) & ~3;
    if (padded > MAX_OPTION_BYTES) throw new RangeError(`${fields.raw.length} bytes of TCP options; 40 fit`);
    bytes.set(fields.raw);
    return bytes.subarray(0, padded);
  }
  const options = new TcpOptions();
  options.mss = fields.mss ?? 0;
  options.windowScale = fields.windowScale ?? -1;
  options.sackPermitted = fields.sackPermitted ?? false;
  options.hasTimestamp = fields.timestamp !== undefined;
  options.tsVal = fields.timestamp?.value ?? 0;
  options.tsEcr = fields.timestamp?.echo ?? 0;
  const sack = fields.sack ?? [];
  if (sack.length > MAX_SACK_BLOCKS) throw new RangeError(`${sack.length} SACK blocks; 4 fit`);
  options.sackCount = sack.length;
  sack.forEach(([left, right], i) => {
    options.sackLeft[i] = left;
    options.sackRight[i] = right;
  });
  return bytes.subarray(0, writeTcpOptions(new DataView(bytes.buffer), 0, options));
}
