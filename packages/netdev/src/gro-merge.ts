import { E2BIG, ETOOMANYREFS } from '@netmem/uapi';
import { appendFrags, appendHead } from './coalesce.ts';
import { MAX_SKB_FRAGS, SK_BUFF_BYTES, SKB_OVERHEAD_BYTES } from './skb-constants.ts';
import type { SkBuff } from './skbuff.ts';

/**
 * Linear address of the `bytes` header bytes at `skb.groOffset`, made linear if they are not.
 *
 * @returns 0 when the packet is shorter or the bytes are unreadable: the packet is then not for GRO.
 * @kernel skb_gro_header — include/net/gro.h, 7.3
 */
export function groHeader(skb: SkBuff, bytes: number): number {
  return skb.mayPull(skb.groOffset + bytes) ? skb.data + skb.groOffset : 0;
}

/** Bytes behind the headers passed so far. @kernel skb_gro_len — include/net/gro.h, 7.3 */
export function groLength(skb: SkBuff): number {
  return skb.len - skb.groOffset;
}

/**
 * Merges the bytes behind `skb`'s headers into the held packet `held`: as fragments of its last skb while they fit, on its frag list otherwise.
 * On success `held` says so in `groCount`, and `skb.groSameFlow` is set.
 *
 * As in the kernel there is no test whether both are readable: equal recycling is all that is asked.
 *
 * A packet that the device merged goes in only where its segments are as long as those that are there, and not if it has a frag list: neither could
 * be told apart afterwards. (The kernel sees to both before it gets here, in tcp_gro_receive and dev_gro_receive.)
 *
 * @returns 0; `-ETOOMANYREFS` when only one of the two is a page pool's; `-E2BIG` when the aggregate would reach `groMaxSize`, `skb.groFlush` is set, or
 * a device's merging stands in the way.
 * @kernel skb_gro_receive — net/core/gro.c, 7.3
 */
export function skbGroReceive(held: SkBuff, skb: SkBuff): number {
  const length = groLength(skb);
  if (held.ppRecycle !== skb.ppRecycle) return -ETOOMANYREFS;
  const max = held.dev === null ? 65536 : held.dev.groMaxSize;
  if (held.len + length >= max || skb.groFlush !== 0 || length <= 0) return -E2BIG;
  if (skb.fragList !== null || (skb.gsoSize !== 0 && skb.gsoSize !== held.gsoSize)) return -E2BIG;

  const segments = skb.groCount;
  let last = held.groLast ?? held;
  const headlen = skb.headlen;
  let delta: number;
  if (headlen <= skb.groOffset && last.nrFrags + skb.nrFrags <= MAX_SKB_FRAGS) {
    delta = mergeFrags(last, skb);
  } else if (headlen > skb.groOffset && skb.headRef !== 0 && last.nrFrags + 1 + skb.nrFrags <= MAX_SKB_FRAGS) {
    delta = skb.truesize - SK_BUFF_BYTES;
    appendHead(last, skb, skb.data + skb.groOffset, headlen - skb.groOffset);
    appendFrags(last, skb);
    skb.groFree = true;
  } else {
    delta = skb.truesize;
    chain(held, last, skb);
    last = held;
  }

  held.groCount += segments;
  held.dataLen += length;
  held.truesize += delta;
  held.len += length;
  if (last !== held) {
    last.dataLen += length;
    last.truesize += delta;
    last.len += length;
  }
  skb.groSameFlow = true;
  return 0;
}

// All of the payload is in fragments: they change owner. Header bytes at the start of the first one stay behind.
function mergeFrags(last: SkBuff, skb: SkBuff): number {
  if (skb.groOffset > skb.headlen) skb.trimHead(skb.groOffset);
  appendFrags(last, skb);
  const own = skb.end - skb.head + SKB_OVERHEAD_BYTES;
  const delta = skb.truesize - own;
  skb.truesize = own;
  skb.len -= skb.dataLen;
  skb.dataLen = 0;
  skb.groFree = true;
  return delta;
}

// The skb itself, without its headers, becomes a member of the held packet's frag list.
function chain(held: SkBuff, last: SkBuff, skb: SkBuff): void {
  skb.destructor = null;
  skb.owner = null;
  skb.trimHead(skb.groOffset);
  skb.groOffset = 0;
  if (last === held) held.fragList = skb;
  else last.next = skb;
  held.groLast = skb;
}
