/**
 * ICMPv6 messages, whose sum covers the pseudo header too.
 *
 * @module
 */

import { checksumView, finishChecksum } from './checksum.ts';
import * as malformed from './malformed.ts';

/** Bytes before the body: type, code, checksum and four bytes whose meaning depends on the type. */
export const HEADER_BYTES = 8;
/** Offset of the code: one byte. */
export const CODE_AT = 1;
/** Offset of the checksum: two bytes. */
export const CHECKSUM_AT = 2;
/** Offset of the four bytes whose meaning depends on the type. */
export const REST_AT = 4;

/** Type: a packet could not be delivered; the code says why. */
export const DESTINATION_UNREACHABLE = 1;
/** Type: a packet did not fit a link. See {@link nextHopMtu}. */
export const PACKET_TOO_BIG = 2;
/** Type: a packet's hop limit, or its reassembly time, ran out. */
export const TIME_EXCEEDED = 3;
/** Type: a field of a packet made no sense. */
export const PARAMETER_PROBLEM = 4;
/** Type: please answer. */
export const ECHO_REQUEST = 128;
/** Type: the answer to an echo request. */
export const ECHO_REPLY = 129;
/** Type: routers, speak up. */
export const ROUTER_SOLICITATION = 133;
/** Type: a router speaks up. */
export const ROUTER_ADVERTISEMENT = 134;
/** Type: who has the target address? */
export const NEIGHBOUR_SOLICITATION = 135;
/** Type: the target address is here. */
export const NEIGHBOUR_ADVERTISEMENT = 136;

/** Code of {@link DESTINATION_UNREACHABLE}: nobody listens on the port. */
export const CODE_PORT_UNREACHABLE = 4;

/** {@link ECHO_REQUEST} and others. */
export function type(view: DataView, at: number): number {
  return view.getUint8(at);
}

/** What kind of the type it is. */
export function code(view: DataView, at: number): number {
  return view.getUint8(at + CODE_AT);
}

/** The checksum as sent, over pseudo header and message. */
export function checksum(view: DataView, at: number): number {
  return view.getUint16(at + CHECKSUM_AT);
}

/** Of an echo request or reply. */
export function identifier(view: DataView, at: number): number {
  return view.getUint16(at + REST_AT);
}

/** Of an echo request or reply. */
export function sequence(view: DataView, at: number): number {
  return view.getUint16(at + REST_AT + 2);
}

/** Of {@link PACKET_TOO_BIG}: the largest packet that would have passed, uint32. */
export function nextHopMtu(view: DataView, at: number): number {
  return view.getUint32(at + REST_AT);
}

/**
 * Writes the header in front of a body that is there already, and the checksum over both.
 *
 * @param rest - The four bytes at offset 4 as uint32: for an echo `identifier << 16 | sequence`.
 * @param messageBytes - Header and body.
 * @param pseudoSum - `pseudoHeaderSum6(…, NEXT_ICMPV6, messageBytes)`. @returns 8.
 */
export function writeHeader(
  view: DataView,
  at: number,
  typeNumber: number,
  codeNumber: number,
  rest: number,
  messageBytes: number,
  pseudoSum: number,
): number {
  view.setUint8(at, typeNumber);
  view.setUint8(at + CODE_AT, codeNumber);
  view.setUint16(at + CHECKSUM_AT, 0);
  view.setInt32(at + REST_AT, rest);
  view.setUint16(at + CHECKSUM_AT, finishChecksum(checksumView(view, at, messageBytes, pseudoSum)));
  return HEADER_BYTES;
}

/** @param length - Bytes of the message. @param pseudoSum - As in {@link writeHeader}. @returns 0, or TRUNCATED, BAD_CHECKSUM. */
export function validateMessage(view: DataView, at: number, length: number, pseudoSum: number): number {
  if (length < HEADER_BYTES) return malformed.TRUNCATED;
  return finishChecksum(checksumView(view, at, length, pseudoSum)) === 0 ? 0 : malformed.BAD_CHECKSUM;
}

/** A message in plain values, for tests and tools. */
export interface Icmpv6Fields {
  type: number;
  code: number;
  /** The four bytes at offset 4 as uint32. */
  rest: number;
  body: Uint8Array;
}

/** A message as plain values with a copy of its body, or null when {@link validateMessage} refuses it. */
export function decode(view: DataView, at: number, length: number, pseudoSum: number): Icmpv6Fields | null {
  if (validateMessage(view, at, length, pseudoSum) < 0) return null;
  return {
    type: type(view, at),
    code: code(view, at),
    rest: view.getUint32(at + REST_AT),
    body: new Uint8Array(view.buffer, view.byteOffset + at + HEADER_BYTES, length - HEADER_BYTES).slice(),
  };
}

/** A message from plain values, with its checksum; the type is {@link ECHO_REQUEST} when not given. */
export function encode(fields: Partial<Icmpv6Fields>, pseudoSum: number): Uint8Array<ArrayBuffer> {
  const body = fields.body ?? new Uint8Array(0);
  const bytes = new Uint8Array(HEADER_BYTES + body.length);
  bytes.set(body, HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  writeHeader(view, 0, fields.type ?? ECHO_REQUEST, fields.code ?? 0, fields.rest ?? 0, bytes.length, pseudoSum);
  return bytes;
}
