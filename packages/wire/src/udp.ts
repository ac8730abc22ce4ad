/**
 * UDP headers: fields in place, and headers as plain values.
 *
 * @module
 */

import { checksumView, finishChecksum } from './checksum.ts';
import * as malformed from './malformed.ts';

/** Bytes of the header. */
export const HEADER_BYTES = 8;
/** Offset of the length: two bytes. */
export const LENGTH_AT = 4;
/** Offset of the checksum: two bytes. */
export const CHECKSUM_AT = 6;

/** The sender's port. */
export function sourcePort(view: DataView, at: number): number {
  return view.getUint16(at);
}

/** The receiver's port. */
export function destinationPort(view: DataView, at: number): number {
  return view.getUint16(at + 2);
}

/** Bytes of header and payload. */
export function length(view: DataView, at: number): number {
  return view.getUint16(at + LENGTH_AT);
}

/** 0 means that the sender made none, which only IPv4 allows. */
export function checksum(view: DataView, at: number): number {
  return view.getUint16(at + CHECKSUM_AT);
}

/** Writes a header with checksum 0. @param datagramBytes - Header and payload. @returns 8. */
export function writeHeader(
  view: DataView,
  at: number,
  fromPort: number,
  toPort: number,
  datagramBytes: number,
): number {
  view.setUint16(at, fromPort);
  view.setUint16(at + 2, toPort);
  view.setUint16(at + LENGTH_AT, datagramBytes);
  view.setUint16(at + CHECKSUM_AT, 0);
  return HEADER_BYTES;
}

/** Sets the checksum from a finished sum: a computed 0 is sent as 0xffff (RFC 768). */
export function setChecksum(view: DataView, at: number, finished: number): void {
  view.setUint16(at + CHECKSUM_AT, finished === 0 ? 0xffff : finished);
}

/** @param available - Bytes that the IP packet holds. @returns 0, or TRUNCATED, BAD_LENGTH. */
export function validateHeader(view: DataView, at: number, available: number): number {
  if (available < HEADER_BYTES) return malformed.TRUNCATED;
  const stated = length(view, at);
  if (stated < HEADER_BYTES) return malformed.BAD_LENGTH;
  return stated > available ? malformed.TRUNCATED : 0;
}

/** A datagram in plain values, for tests and tools. */
export interface UdpFields {
  sourcePort: number;
  destinationPort: number;
  payload: Uint8Array;
}

/** A datagram as plain values with a copy of its payload, or null when {@link validateHeader} refuses it. The checksum is not looked at. */
export function decode(view: DataView, at: number, available: number): UdpFields | null {
  if (validateHeader(view, at, available) < 0) return null;
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at, length(view, at));
  return {
    sourcePort: sourcePort(view, at),
    destinationPort: destinationPort(view, at),
    payload: bytes.slice(HEADER_BYTES),
  };
}

/** A datagram from plain values. @param pseudoSum - Of the pseudo header; without it the checksum stays 0. */
export function encode(fields: Partial<UdpFields>, pseudoSum?: number): Uint8Array<ArrayBuffer> {
  const payload = fields.payload ?? new Uint8Array(0);
  const bytes = new Uint8Array(HEADER_BYTES + payload.length);
  const view = new DataView(bytes.buffer);
  writeHeader(view, 0, fields.sourcePort ?? 0, fields.destinationPort ?? 0, bytes.length);
  bytes.set(payload, HEADER_BYTES);
  if (pseudoSum !== undefined) setChecksum(view, 0, finishChecksum(checksumView(view, 0, bytes.length, pseudoSum)));
  return bytes;
}
