/**
 * ARP for IPv4 over Ethernet: fields in place, and packets as plain values.
 *
 * @module
 */

import { formatAddress4, parseAddress4 } from './address.ts';
import { writeAddress } from './ethernet.ts';
import { formatMac, parseMac } from './mac.ts';
import * as malformed from './malformed.ts';

/** Bytes of an ARP packet for IPv4 over Ethernet. */
export const PACKET_BYTES = 28;
/** Offset of the operation: two bytes. */
export const OPERATION_AT = 6;
/** Offset of the sender's Ethernet address: six bytes. */
export const SENDER_MAC_AT = 8;
/** Offset of the sender's IPv4 address: four bytes. */
export const SENDER_ADDRESS_AT = 14;
/** Offset of the target's Ethernet address: six bytes, zeros in a request. */
export const TARGET_MAC_AT = 18;
/** Offset of the target's IPv4 address: four bytes. */
export const TARGET_ADDRESS_AT = 24;

/** Operation: who has the target address? */
export const REQUEST = 1;
/** Operation: the sender has it. */
export const REPLY = 2;

const HARDWARE_ETHERNET = 1;
const PROTOCOL_IPV4 = 0x0800;

/** {@link REQUEST}, {@link REPLY} or something rarer. */
export function operation(view: DataView, at: number): number {
  return view.getUint16(at + OPERATION_AT);
}

/** The sender's IPv4 address as uint32. */
export function senderAddress(view: DataView, at: number): number {
  return view.getUint32(at + SENDER_ADDRESS_AT);
}

/** The IPv4 address that is asked for, or answered to, as uint32. */
export function targetAddress(view: DataView, at: number): number {
  return view.getUint32(at + TARGET_ADDRESS_AT);
}

/** Writes a packet. @param targetMac - Zeros in a request. @returns 28. */
export function writePacket(
  view: DataView,
  at: number,
  operationCode: number,
  senderMac: Uint8Array,
  sender: number,
  targetMac: Uint8Array,
  target: number,
): number {
  view.setUint16(at, HARDWARE_ETHERNET);
  view.setUint16(at + 2, PROTOCOL_IPV4);
  view.setUint8(at + 4, 6);
  view.setUint8(at + 5, 4);
  view.setUint16(at + OPERATION_AT, operationCode);
  writeAddress(view, at + SENDER_MAC_AT, senderMac);
  view.setUint32(at + SENDER_ADDRESS_AT, sender);
  writeAddress(view, at + TARGET_MAC_AT, targetMac);
  view.setUint32(at + TARGET_ADDRESS_AT, target);
  return PACKET_BYTES;
}

/** @returns 0, or TRUNCATED, UNSUPPORTED (anything but IPv4 over Ethernet). */
export function validatePacket(view: DataView, at: number, length: number): number {
  if (length < PACKET_BYTES) return malformed.TRUNCATED;
  const supported =
    view.getUint16(at) === HARDWARE_ETHERNET &&
    view.getUint16(at + 2) === PROTOCOL_IPV4 &&
    view.getUint8(at + 4) === 6 &&
    view.getUint8(at + 5) === 4;
  return supported ? 0 : malformed.UNSUPPORTED;
}

/** A packet in plain values, for tests and tools. */
export interface ArpFields {
  operation: number;
  senderMac: string;
  senderAddress: string;
  targetMac: string;
  targetAddress: string;
}

/** A packet as plain values, or null when {@link validatePacket} refuses it. */
export function decode(view: DataView, at: number, length: number): ArpFields | null {
  if (validatePacket(view, at, length) < 0) return null;
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at, PACKET_BYTES);
  return {
    operation: operation(view, at),
    senderMac: formatMac(bytes, SENDER_MAC_AT),
    senderAddress: formatAddress4(senderAddress(view, at)),
    targetMac: formatMac(bytes, TARGET_MAC_AT),
    targetAddress: formatAddress4(targetAddress(view, at)),
  };
}

/**
 * A packet from plain values; what is not given is zero, the operation {@link REQUEST}.
 *
 * @throws TypeError when an address is none.
 */
export function encode(fields: Partial<ArpFields>): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(PACKET_BYTES);
  const mac = (text = '00:00:00:00:00:00'): Uint8Array => parsed(parseMac(text), text);
  const address = (text = '0.0.0.0'): number => parsed(parseAddress4(text), text);
  writePacket(
    new DataView(bytes.buffer),
    0,
    fields.operation ?? REQUEST,
    mac(fields.senderMac),
    address(fields.senderAddress),
    mac(fields.targetMac),
    address(fields.targetAddress),
  );
  return bytes;
}

function parsed<T>(value: T | null, text: string): T {
  if (value === null) throw new TypeError(`'${text}' is no address`);
  return value;
}
