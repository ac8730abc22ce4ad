/**
 * Why a packet was refused. A `validate…` function returns 0 or one of these, never throws: bytes from a wire are not the program's error.
 *
 * @module
 */

/** The bytes end before the header does. */
export const TRUNCATED = -1;
/** The IP version nibble is not the one asked for. */
export const BAD_VERSION = -2;
/** A header length field is smaller than the smallest header, or larger than the packet. */
export const BAD_HEADER_LENGTH = -3;
/** A length field contradicts the bytes that are there. */
export const BAD_LENGTH = -4;
/** The checksum does not match. */
export const BAD_CHECKSUM = -5;
/** An address space or hardware type that this codec does not speak. */
export const UNSUPPORTED = -6;
/** An option, or an option's length, runs out of its header. */
export const BAD_OPTION = -7;
/** More IPv6 extension headers than {@link "ipv6".MAX_EXTENSION_HEADERS}. */
export const TOO_DEEP = -8;
/** A field has a value that its protocol forbids (an NDP message that was routed, a multicast target). */
export const BAD_FIELD = -9;

const NAMES: readonly string[] = [
  'ok',
  'truncated',
  'bad version',
  'bad header length',
  'bad length',
  'bad checksum',
  'unsupported',
  'bad option',
  'too many extension headers',
  'bad field',
];

/** A reason in words, for logs and counters: `malformed.name(malformed.BAD_CHECKSUM)` is `'bad checksum'`. */
export function name(reason: number): string {
  return NAMES[-reason] ?? `unknown reason ${reason}`;
}
