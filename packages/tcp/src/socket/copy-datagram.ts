import type { SkBuff } from '@netmem/netdev';
import { EFAULT } from '@netmem/uapi';
import type { IovCursor } from './msghdr.ts';

/**
 * Copies `length` bytes of a readable skb, from `offset` on, into an iovec: linear part, frags, frag_list.
 *
 * @returns 0, or -EFAULT when the iovec is too short or a frag has no CPU address.
 * @kernel skb_copy_datagram_iter — net/core/datagram.c, 7.3
 */
export function copyDatagram(bytes: Uint8Array, skb: SkBuff, offset: number, length: number, to: IovCursor): number {
  let at = offset;
  let left = length;
  const linear = skb.headlen - at;
  if (linear > 0) {
    const n = Math.min(linear, left);
    if (to.copyTo(bytes, skb.data + at, n) !== n) return -EFAULT;
    at += n;
    left -= n;
  }
  let start = skb.headlen;
  for (let i = 0; left > 0 && i < skb.nrFrags; i++) {
    const end = start + skb.fragSize(i);
    if (at < end) {
      const address = skb.fragAddress(i);
      const n = Math.min(end - at, left);
      if (address === null || to.copyTo(bytes, address + (at - start), n) !== n) return -EFAULT;
      at += n;
      left -= n;
    }
    start = end;
  }
  for (let member = skb.fragList; left > 0 && member !== null; member = member.next) {
    const end = start + member.len;
    if (at < end) {
      const n = Math.min(end - at, left);
      const error = copyDatagram(bytes, member, at - start, n, to);
      if (error < 0) return error;
      at += n;
      left -= n;
    }
    start = end;
  }
  return left === 0 ? 0 : -EFAULT;
}
