/**
 * Ethernet headers: fields in place, and headers as plain values.
 *
 * @module
 */

import { formatMac, MAC_BYTES, parseMac } from './mac.ts';
import * as malformed from './malformed.ts';

/** Bytes of the header: destination, source, type. A VLAN tag is not part of it. */
export const HEADER_BYTES = 14;
/** Smallest frame on a wire without its check sequence. */
export const MIN_FRAME_BYTES = 60;
/** Offset of the receiver's address: six bytes. */
export const DESTINATION_AT = 0;
/** Offset of the sender's address: six bytes. */
export const SOURCE_AT = 6;
/** Offset of the EtherType: two bytes. */
export const TYPE_AT = 12;
/** Bytes of an 802.1Q or 802.1ad tag, between source and type. */
export const VLAN_TAG_BYTES = 4;

/** EtherType of IPv4. */
export const TYPE_IPV4 = 0x0800;
/** EtherType of ARP. */
export const TYPE_ARP = 0x0806;
/** EtherType of an 802.1Q tag; the real one follows it. */
export const TYPE_VLAN = 0x8100;
/** EtherType of IPv6. */
export const TYPE_IPV6 = 0x86dd;
/** EtherType of an 802.1ad outer tag; another follows it. */
export const TYPE_QINQ = 0x88a8;

/** EtherType (host order). */
export function type(view: DataView, at: number): number {
  return view.getUint16(at + TYPE_AT);
}

/** Whether the frame goes to every station. */
export function isBroadcast(view: DataView, at: number): boolean {
  return view.getUint32(at) === 0xffffffff && view.getUint16(at + 4) === 0xffff;
}

/** Whether the destination is a group address, broadcast included. */
export function isMulticast(view: DataView, at: number): boolean {
  return (view.getUint8(at) & 1) !== 0;
}

/** Whether the six bytes at `addressAt` are `mac`. */
export function addressEquals(view: DataView, addressAt: number, mac: Uint8Array): boolean {
  return (
    view.getUint8(addressAt + 5) === mac[5] &&
    view.getUint8(addressAt + 4) === mac[4] &&
    view.getUint8(addressAt + 3) === mac[3] &&
    view.getUint8(addressAt + 2) === mac[2] &&
    view.getUint8(addressAt + 1) === mac[1] &&
    view.getUint8(addressAt) === mac[0]
  );
}

/** Whether the frame is addressed to `mac`. */
export function destinationIs(view: DataView, at: number, mac: Uint8Array): boolean {
  return addressEquals(view, at + DESTINATION_AT, mac);
}

/** Copies the sender's six bytes to `out`. */
export function copySource(view: DataView, at: number, out: Uint8Array, outAt: number = 0): void {
  for (let i = 0; i < MAC_BYTES; i++) out[outAt + i] = view.getUint8(at + SOURCE_AT + i);
}

/** Writes the six bytes of an address. */
export function writeAddress(view: DataView, addressAt: number, mac: Uint8Array): void {
  for (let i = 0; i < MAC_BYTES; i++) view.setUint8(addressAt + i, mac[i]);
}

/** Writes a header. @returns its length, 14. */
export function writeHeader(
  view: DataView,
  at: number,
  destination: Uint8Array,
  source: Uint8Array,
  etherType: number,
): number {
  writeAddress(view, at + DESTINATION_AT, destination);
  writeAddress(view, at + SOURCE_AT, source);
  view.setUint16(at + TYPE_AT, etherType);
  return HEADER_BYTES;
}

/** 0, or {@link malformed.TRUNCATED} when `length` bytes do not hold a header. */
export function validateHeader(_view: DataView, _at: number, length: number): number {
  return length < HEADER_BYTES ? malformed.TRUNCATED : 0;
}

/** A frame in plain values, for tests and tools. */
export interface EthernetFields {
  destination: string;
  source: string;
  type: number;
  payload: Uint8Array;
}

/** A frame as plain values with a copy of its payload, or null when {@link validateHeader} refuses it. */
export function decode(view: DataView, at: number, length: number): EthernetFields | null {
  if (validateHeader(view, at, length) < 0) return null;
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at, length);
  return {
    destination: formatMac(bytes, DESTINATION_AT),
    source: formatMac(bytes, SOURCE_AT),
    type: type(view, at),
    payload: bytes.slice(HEADER_BYTES),
  };
}

/**
 * A frame from plain values. It is not padded to {@link MIN_FRAME_BYTES}.
 *
 * @throws TypeError when an address is none.
 */
export function encode(fields: Partial<EthernetFields>): Uint8Array<ArrayBuffer> {
  const payload = fields.payload ?? new Uint8Array(0);
  const bytes = new Uint8Array(HEADER_BYTES + payload.length);
  const view = new DataView(bytes.buffer);
  const destination = macOf(fields.destination ?? 'ff:ff:ff:ff:ff:ff');
  writeHeader(view, 0, destination, macOf(fields.source ?? '00:00:00:00:00:00'), fields.type ?? TYPE_IPV4);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

function macOf(text: string): Uint8Array {
  const mac = parseMac(text);
  if (mac === null) throw new TypeError(`'${text}' is no Ethernet address`);
  return mac;
}
