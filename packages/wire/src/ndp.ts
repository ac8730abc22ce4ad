/**
 * Neighbour discovery of IPv6: solicitations, advertisements, and their link-layer address option.
 *
 * @module
 */

import { writeAddress as writeMac } from './ethernet.ts';
import * as icmpv6 from './icmpv6.ts';
import { writeAddress } from './ipv6.ts';
import * as malformed from './malformed.ts';

/** Bytes of a neighbour message without options: 8, and the target. */
export const NEIGHBOUR_BYTES = 24;
/** Bytes of a router solicitation without options. */
export const ROUTER_SOLICITATION_BYTES = 8;
/** Bytes of an option with an Ethernet address. */
export const LINK_LAYER_OPTION_BYTES = 8;
/** Where the target address is in a neighbour message. */
export const TARGET_AT = 8;

/** The only hop limit with which a message counts: it was not routed (RFC 4861, 7.1). */
export const HOP_LIMIT = 255;

/** Option: the sender's Ethernet address, in solicitations and router advertisements. */
export const OPTION_SOURCE_LINK_LAYER = 1;
/** Option: the target's Ethernet address, in neighbour advertisements. */
export const OPTION_TARGET_LINK_LAYER = 2;

/** Flag of an advertisement, in the four bytes at offset 4: the sender is a router. */
export const FLAG_ROUTER = 0x80000000;
/** Flag of an advertisement: it answers a solicitation. */
export const FLAG_SOLICITED = 0x40000000;
/** Flag of an advertisement: forget another Ethernet address that you know. */
export const FLAG_OVERRIDE = 0x20000000;

/** {@link FLAG_ROUTER}, {@link FLAG_SOLICITED} and {@link FLAG_OVERRIDE} of an advertisement, uint32. */
export function flags(view: DataView, at: number): number {
  return (view.getUint32(at + icmpv6.REST_AT) & 0xe0000000) >>> 0;
}

/**
 * Checks a neighbour or router message as RFC 4861 asks (6.1, 7.1), after `icmpv6.validateMessage` accepted it.
 *
 * @param length - Bytes of the ICMPv6 message. @param hopLimit - Of the IPv6 header that it came in.
 * @returns 0, or BAD_FIELD (routed, code not 0, multicast target), TRUNCATED, BAD_OPTION (length 0, or runs out of the message), UNSUPPORTED (not NDP).
 */
export function validateMessage(view: DataView, at: number, length: number, hopLimit: number): number {
  if (length < icmpv6.HEADER_BYTES) return malformed.TRUNCATED;
  const optionsAt = optionsOffset(icmpv6.type(view, at));
  if (optionsAt < 0) return malformed.UNSUPPORTED;
  if (hopLimit !== HOP_LIMIT || icmpv6.code(view, at) !== 0) return malformed.BAD_FIELD;
  if (length < optionsAt) return malformed.TRUNCATED;
  if (optionsAt === NEIGHBOUR_BYTES && view.getUint8(at + TARGET_AT) === 0xff) return malformed.BAD_FIELD;
  for (let here = at + optionsAt; here < at + length; ) {
    if (at + length - here < 2) return malformed.BAD_OPTION;
    const size = view.getUint8(here + 1) << 3;
    if (size === 0 || size > at + length - here) return malformed.BAD_OPTION;
    here += size;
  }
  return 0;
}

/**
 * Where the Ethernet address of a link-layer option starts, or 0 when the message has none.
 *
 * @param option - {@link OPTION_SOURCE_LINK_LAYER} or {@link OPTION_TARGET_LINK_LAYER}. The message must have passed {@link validateMessage}.
 */
export function linkLayerAddressAt(view: DataView, at: number, length: number, option: number): number {
  const end = at + length;
  let here = at + optionsOffset(icmpv6.type(view, at));
  while (end - here >= LINK_LAYER_OPTION_BYTES) {
    const size = view.getUint8(here + 1) << 3;
    if (view.getUint8(here) === option && size === LINK_LAYER_OPTION_BYTES) return here + 2;
    if (size === 0) return 0;
    here += size;
  }
  return 0;
}

function optionsOffset(type: number): number {
  if (type === icmpv6.NEIGHBOUR_SOLICITATION || type === icmpv6.NEIGHBOUR_ADVERTISEMENT) return NEIGHBOUR_BYTES;
  if (type === icmpv6.ROUTER_SOLICITATION) return ROUTER_SOLICITATION_BYTES;
  return type === icmpv6.ROUTER_ADVERTISEMENT ? 16 : -1;
}

/**
 * Writes "who has `target`?".
 *
 * @param sourceMac - Goes into a link-layer option; null for duplicate address detection, which sends from `::` and must not carry one.
 * @param pseudoSum - For 32 bytes, or 24 without the option. @returns bytes of the message.
 */
export function writeNeighbourSolicitation(
  view: DataView,
  at: number,
  target: Uint8Array,
  sourceMac: Uint8Array | null,
  pseudoSum: number,
): number {
  return writeNeighbour(view, at, icmpv6.NEIGHBOUR_SOLICITATION, 0, target, 1, sourceMac, pseudoSum);
}

/** Writes "`target` is at `targetMac`". @param flagBits - Of the {@link FLAG_SOLICITED} kind. @returns bytes of the message. */
export function writeNeighbourAdvertisement(
  view: DataView,
  at: number,
  target: Uint8Array,
  targetMac: Uint8Array | null,
  flagBits: number,
  pseudoSum: number,
): number {
  return writeNeighbour(view, at, icmpv6.NEIGHBOUR_ADVERTISEMENT, flagBits, target, 2, targetMac, pseudoSum);
}

function writeNeighbour(
  view: DataView,
  at: number,
  type: number,
  rest: number,
  target: Uint8Array,
  option: number,
  mac: Uint8Array | null,
  pseudoSum: number,
): number {
  writeAddress(view, at + TARGET_AT, target);
  const length = NEIGHBOUR_BYTES + writeLinkLayerOption(view, at + NEIGHBOUR_BYTES, option, mac);
  icmpv6.writeHeader(view, at, type, 0, rest, length, pseudoSum);
  return length;
}

/** Writes "routers, speak up". @param sourceMac - Null when the sender has no address yet. @returns bytes of the message: 16, or 8 without the option. */
export function writeRouterSolicitation(
  view: DataView,
  at: number,
  sourceMac: Uint8Array | null,
  pseudoSum: number,
): number {
  const body = at + ROUTER_SOLICITATION_BYTES;
  const length = ROUTER_SOLICITATION_BYTES + writeLinkLayerOption(view, body, OPTION_SOURCE_LINK_LAYER, sourceMac);
  icmpv6.writeHeader(view, at, icmpv6.ROUTER_SOLICITATION, 0, 0, length, pseudoSum);
  return length;
}

function writeLinkLayerOption(view: DataView, at: number, option: number, mac: Uint8Array | null): number {
  if (mac === null) return 0;
  view.setUint8(at, option);
  view.setUint8(at + 1, 1);
  writeMac(view, at + 2, mac);
  return LINK_LAYER_OPTION_BYTES;
}
