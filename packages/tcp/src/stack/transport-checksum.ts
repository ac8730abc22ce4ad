/** Transport checksums: the pseudo header from address words, and the check of what arrived. */
import { CHECKSUM_COMPLETE, CHECKSUM_NONE, CHECKSUM_PARTIAL, CHECKSUM_UNNECESSARY, type SkBuff } from '@netmem/netdev';
import type { InetAddress } from './inet-address.ts';

/**
 * Ones-complement sum of both addresses and the protocol, folded. The same for both families: the two `ffff` words of mapped IPv4 addresses are zero in
 * ones-complement arithmetic.
 */
export function pseudoHeaderSum(a: InetAddress, b: InetAddress, protocol: number): number {
  const sum = halves(a.w0) + halves(a.w1) + halves(a.w2) + halves(a.w3);
  return fold(sum + halves(b.w0) + halves(b.w1) + halves(b.w2) + halves(b.w3) + protocol);
}

function halves(word: number): number {
  return (word >>> 16) + (word & 0xffff);
}

/** Folds a sum below 2^31 to 16 bits. */
export function fold(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16);
  return (once & 0xffff) + (once >>> 16);
}

/**
 * Whether the transport checksum of `skb` (its `data` at the transport header) is good. A verdict of the device is trusted; without one the bytes are
 * summed, which an unreadable skb does not allow: it counts as bad.
 *
 * @param pseudo - folded sum of the pseudo header without the length.
 * @kernel __skb_checksum_validate — include/linux/skbuff.h, 7.3
 */
export function transportChecksumOk(skb: SkBuff, pseudo: number): boolean {
  const how = skb.ipSummed;
  if (how === CHECKSUM_UNNECESSARY || how === CHECKSUM_PARTIAL) return true;
  const initial = fold(pseudo + (skb.len & 0xffff) + (skb.len >>> 16));
  if (how === CHECKSUM_COMPLETE && fold(skb.csum + initial) === 0xffff) {
    skb.csumValid = true;
    return true;
  }
  // A wrong device sum is not proof: Linux looks itself before it drops.
  if (skb.unreadable && skb.dataLen > 0) return false;
  if (skb.checksum(0, skb.len, initial) !== 0xffff) return false;
  skb.ipSummed = CHECKSUM_UNNECESSARY;
  skb.csumValid = true;
  return true;
}

/** The IP layer cut or skipped bytes that a CHECKSUM_COMPLETE sum covers: forget the sum. */
export function forgetSum(skb: SkBuff): void {
  if (skb.ipSummed === CHECKSUM_COMPLETE) skb.ipSummed = CHECKSUM_NONE;
}
