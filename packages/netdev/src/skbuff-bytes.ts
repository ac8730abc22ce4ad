// Reading and writing a packet's bytes, and what each reader answers when there are bytes that no CPU can read.

import { EFAULT, EINVAL } from '@netmem/uapi';
import { combineChecksum, finishChecksum } from '@netmem/wire';
import { CHECKSUM_COMPLETE, CHECKSUM_NONE } from './skb-constants.ts';
import type { SkBuff } from './skbuff.ts';

/** @kernel skb_copy_bits — net/core/skbuff.c, 7.3 */
export function copyBits(skb: SkBuff, offset: number, toAddress: number, length: number): number {
  if (offset < 0 || length < 0 || offset > skb.len - length) return -EFAULT;
  const { cursor, move } = skb.pool;
  cursor.seek(skb, offset);
  let to = toAddress;
  let left = length;
  while (left > 0) {
    if (!cursor.next()) return -EFAULT;
    const n = Math.min(left, cursor.length);
    move(to, cursor.address, n);
    to += n;
    left -= n;
  }
  return 0;
}

/** @kernel skb_store_bits — net/core/skbuff.c, 7.3 */
export function storeBits(skb: SkBuff, offset: number, fromAddress: number, length: number): number {
  if (offset < 0 || length < 0 || offset > skb.len - length) return -EFAULT;
  const { cursor, move } = skb.pool;
  cursor.seek(skb, offset);
  let from = fromAddress;
  let left = length;
  while (left > 0) {
    if (!cursor.next()) return -EFAULT;
    const n = Math.min(left, cursor.length);
    move(cursor.address, from, n);
    from += n;
    left -= n;
  }
  return 0;
}

/** @kernel __skb_datagram_iter — net/core/datagram.c, 7.3 */
export function copyDatagram(skb: SkBuff, offset: number, to: Uint8Array, toAt: number, length: number): number {
  const { bytes, cursor, move } = skb.pool;
  cursor.seek(skb, offset);
  let copied = 0;
  while (copied < length && cursor.next()) {
    const n = Math.min(length - copied, cursor.length);
    if (to === bytes) move(toAt + copied, cursor.address, n);
    else to.set(bytes.subarray(cursor.address, cursor.address + n), toAt + copied);
    copied += n;
  }
  return copied;
}

/** @kernel __skb_checksum — net/core/skbuff.c, 7.3 */
export function checksum(skb: SkBuff, offset: number, length: number, sum: number): number {
  const pool = skb.pool;
  const cursor = pool.cursor;
  cursor.seek(skb, offset);
  let total = sum;
  let done = 0;
  while (done < length && cursor.next()) {
    const n = Math.min(length - done, cursor.length);
    total = combineChecksum(total, pool.internetChecksum.sum(cursor.address, n), (done & 1) === 1);
    done += n;
  }
  if (!cursor.fault) return total;
  pool.machine.log.warnOnce('skb_checksum', 'skb_checksum: the checksum of unreadable fragments was asked for');
  return 0;
}

/** @kernel skb_copy_and_csum_bits — net/core/skbuff.c, 7.3 */
export function copyAndChecksumBits(skb: SkBuff, offset: number, toAddress: number, length: number): number {
  if (copyBits(skb, offset, toAddress, length) < 0) return 0;
  return skb.pool.internetChecksum.sum(toAddress, length);
}

/** @kernel skb_checksum_help — net/core/dev.c, 7.3 */
export function checksumHelp(skb: SkBuff): number {
  if (skb.ipSummed !== CHECKSUM_COMPLETE) {
    if (skb.gsoSize !== 0) {
      skb.pool.machine.log.warn('skb_checksum_help: a packet that is to be segmented has no checksum of its own');
      return -EINVAL;
    }
    if (skb.unreadable) return -EFAULT;
    const start = skb.csumStart - skb.data;
    const headlen = skb.headlen;
    if (start < 0 || start >= headlen || start + skb.csumOffset + 2 > headlen) return -EINVAL;
    // Zero on the wire means "no checksum" to UDP; its ones-complement twin is sent instead.
    const value = finishChecksum(checksum(skb, start, skb.len - start, 0)) || 0xffff;
    skb.pool.view.setUint16(skb.csumStart + skb.csumOffset, value);
  }
  skb.ipSummed = CHECKSUM_NONE;
  return 0;
}
