import type { NetmemRef } from '@netmem/netmem';
import { MAX_SKB_FRAGS, SK_BUFF_BYTES, SKB_OVERHEAD_BYTES } from './skb-constants.ts';
import type { SkBuff } from './skbuff.ts';
import { copyBits } from './skbuff-bytes.ts';

/**
 * Appends `from` to `to`, in the kernel's order of questions: a cloned `to`, unequal recycling, unequal readability, room to copy, frag lists,
 * zerocopy, linear bytes that would need a fragment, number of fragments.
 *
 * Two unreadable skbs with linear payload left can so become one unreadable skb that contains a host page; whoever reads it has to notice.
 *
 * @kernel skb_try_coalesce — net/core/skbuff.c, 7.3
 */
export function tryCoalesce(to: SkBuff, from: SkBuff): boolean {
  const pool = to.pool;
  const length = from.len;
  if (to.cloned) return false;
  if (to.ppRecycle !== from.ppRecycle) return false;
  if (to.unreadable !== from.unreadable) return false;
  if (length <= to.tailroom && !from.unreadable) {
    if (length > 0) copyBits(from, 0, to.put(length), length);
    pool.coalesceDelta = 0;
    return true;
  }
  if (to.fragList !== null || from.fragList !== null) return false;
  if (to.zerocopy || from.zerocopy) return false;

  const headlen = from.headlen;
  let delta: number;
  if (headlen !== 0) {
    if (to.nrFrags + from.nrFrags >= MAX_SKB_FRAGS) return false;
    if (from.headRef === 0 || from.cloned) return false;
    delta = from.truesize - SK_BUFF_BYTES;
    appendHead(to, from, from.data, headlen);
  } else {
    if (to.nrFrags + from.nrFrags > MAX_SKB_FRAGS) return false;
    delta = from.truesize - (from.end - from.head) - SKB_OVERHEAD_BYTES;
  }
  if (delta < length) pool.machine.log.warnOnce('skb_try_coalesce', 'skb_try_coalesce: truesize is below length');
  appendFrags(to, from);
  to.truesize += delta;
  to.len += length;
  to.dataLen += length;
  from.len = 0;
  from.dataLen = 0;
  pool.coalesceDelta = delta;
  return true;
}

/** Turns `length` linear bytes of `from`, at linear address `data`, into a fragment of `to`, which takes over the head's reference. */
export function appendHead(to: SkBuff, from: SkBuff, data: number, length: number): void {
  const start = from.pool.netmem.address(from.headRef) ?? 0;
  to.setFrag(to.nrFrags++, from.headRef, data - start, length);
  from.headRef = 0 as NetmemRef;
}

/** Moves `from`'s fragments, references and all, behind those of `to`. */
export function appendFrags(to: SkBuff, from: SkBuff): void {
  const count = from.nrFrags;
  for (let i = 0; i < count; i++) to.setFrag(to.nrFrags++, from.fragRef(i), from.fragOffset(i), from.fragSize(i));
  from.nrFrags = 0;
}
