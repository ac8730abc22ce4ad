/**
 * ICMP messages: echo, unreachable, time exceeded.
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

/** Type: the answer to an echo request. */
export const ECHO_REPLY = 0;
/** Type: a packet could not be delivered; the code says why. */
export const DESTINATION_UNREACHABLE = 3;
/** Type: please answer. */
export const ECHO_REQUEST = 8;
/** Type: a packet's time to live, or its reassembly time, ran out. */
export const TIME_EXCEEDED = 11;

/** Code of {@link DESTINATION_UNREACHABLE}: nobody listens on the port. */
export const CODE_PORT_UNREACHABLE = 3;
/** Code of {@link DESTINATION_UNREACHABLE}: too large, and must not be fragmented. See {@link nextHopMtu}. */
export const CODE_FRAGMENTATION_NEEDED = 4;

/** {@link ECHO_REQUEST} and others. */
export function type(view: DataView, at: number): number {
  return view.getUint8(at);
}

/** What kind of the type it is. */
export function code(view: DataView, at: number): number {
  return view.getUint8(at + CODE_AT);
}

/** The checksum as sent, over the whole message. */
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

/** Of {@link CODE_FRAGMENTATION_NEEDED}: the largest packet that would have passed (RFC 1191); 0 from an old router. */
export function nextHopMtu(view: DataView, at: number): number {
  return view.getUint16(at + REST_AT + 2);
}

/**
 * Writes the header in front of a body that is there already, and the checksum over both.
 *
 * @param rest - The four bytes at offset 4 as uint32: for an echo `identifier << 16 | sequence`.
 * @param messageBytes - Header and body. @returns 8.
 */
export function writeHeader(
  view: DataView,
  at: number,
  typeNumber: number,
  codeNumber: number,
  rest: number,
  messageBytes: number,
): number {
  view.setUint8(at, typeNumber);
  view.setUint8(at + CODE_AT, codeNumber);
  view.setUint16(at + CHECKSUM_AT, 0);
  view.setInt32(at + REST_AT, rest);
  view.setUint16(at + CHECKSUM_AT, finishChecksum(checksumView(view, at, messageBytes)));
  return HEADER_BYTES;
}

/** @param length - Bytes of the message. @returns 0, or TRUNCATED, BAD_CHECKSUM. */
export function validateMessage(view: DataView, at: number, length: number): number {
  if (length < HEADER_BYTES) return malformed.TRUNCATED;
  return finishChecksum(checksumView(view, at, length)) === 0 ? 0 : malformed.BAD_CHECKSUM;
}

/** A message in plain values, for tests and tools. */
export interface IcmpFields {
  type: number;
  code: number;
  /** The four bytes at offset 4 as uint32. */
  rest: number;
  body: Uint8Array;
}

/** A message as plain values with a copy of its body, or null when {@link validateMessage} refuses it. */
export function decode(view: DataView, at: number, length: number): IcmpFields | null {
  if (validateMessage(view, at, length) < 0) return null;
  return {
    type: type(view, at),
    code: code(view, at),
    rest: view.getUint32(at + REST_AT),
    body: new Uint8Array(view.buffer, view.byteOffset + at + HEADER_BYTES, length - HEADER_BYTES).slice(),
  };
}

/** A message from plain values, with its checksum; the type is {@link ECHO_REQUEST} when not given. */
export function encode(fields: Partial<IcmpFields>): Uint8Array<ArrayBuffer> {
  const body = fields.body ?? new Uint8Array(0);
  const bytes = new Uint8Array(HEADER_BYTES + body.length);
  bytes.set(body, HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  writeHeader(view, 0, fields.type ?? ECHO_REQUEST, fields.code ?? 0, fields.rest ?? 0, bytes.length);
  return bytes;
}
