// Making packets shorter at either end, splitting them, and moving bytes from fragments to the linear area.

import { KernelBug } from '@netmem/machine';
import type { SkBuff } from './skbuff.ts';
import { copyBits } from './skbuff-bytes.ts';
import {
  FRAG_OFFSET,
  FRAG_SIZE,
  FRAG_WORDS,
  getFragRef,
  putFragRef,
  releaseFragList,
  releaseFragsFrom,
} from './skbuff-frags.ts';

/** @kernel __pskb_pull_tail — net/core/skbuff.c, 7.3 */
export function pullTail(skb: SkBuff, n: number): boolean {
  if (n > skb.dataLen || skb.unreadable || !makeTailroom(skb, n)) {
    skb.pool.pullFailures++;
    return false;
  }
  const tail = skb.tail;
  if (copyBits(skb, skb.headlen, tail, n) < 0) {
    skb.pool.pullFailures++;
    return false;
  }
  eatFront(skb, n);
  skb.dataLen -= n;
  return true;
}

// The kernel reallocates the head. Ours has a fixed size: what helps is to close the gap before the data.
function makeTailroom(skb: SkBuff, n: number): boolean {
  const free = skb.end - skb.tail;
  if (free >= n) return true;
  const by = n - free;
  if (by > skb.data - skb.head || skb.headRef !== 0) return false;
  const from = skb.data;
  skb.pool.move(from - by, from, skb.tail - from);
  skb.data -= by;
  // Headers before `data` were overwritten; those behind it moved along.
  skb.macHeader = skb.macHeader >= from ? skb.macHeader - by : 0;
  skb.networkHeader = skb.networkHeader >= from ? skb.networkHeader - by : 0;
  skb.transportHeader = skb.transportHeader >= from ? skb.transportHeader - by : 0;
  if (skb.csumStart >= from) skb.csumStart -= by;
  return true;
}

/** Drops the first `n` bytes behind the linear area. Lengths are the caller's. */
function eatFront(skb: SkBuff, n: number): void {
  let left = n;
  let gone = 0;
  while (gone < skb.nrFrags && left > 0) {
    const size = skb.fragSize(gone);
    if (size > left) {
      shrinkFront(skb, gone, left);
      left = 0;
    } else {
      putFragRef(skb, skb.fragRef(gone));
      left -= size;
      gone++;
    }
  }
  if (gone > 0) {
    const from = skb.fragBase + gone * FRAG_WORDS;
    skb.pool.frags.copyWithin(skb.fragBase, from, skb.fragBase + skb.nrFrags * FRAG_WORDS);
    skb.nrFrags -= gone;
  }
  while (left > 0 && skb.fragList !== null) {
    const member = skb.fragList;
    if (member.len > left) {
      trimHead(member, left);
      return;
    }
    left -= member.len;
    skb.fragList = member.next;
    member.next = null;
    member.consume();
  }
}

function shrinkFront(skb: SkBuff, i: number, n: number): void {
  const at = skb.fragBase + i * FRAG_WORDS;
  skb.pool.frags[at + FRAG_OFFSET] += n;
  skb.pool.frags[at + FRAG_SIZE] -= n;
}

/** @kernel __pskb_trim_head — net/ipv4/tcp_output.c, 7.3 */
export function trimHead(skb: SkBuff, n: number): void {
  if (n < 0 || n > skb.len) throw new KernelBug('skb-trim-head', `${n} bytes to drop of ${skb.len}`);
  const linear = Math.min(n, skb.headlen);
  skb.data += linear;
  skb.len -= n;
  const paged = n - linear;
  if (paged > 0) {
    skb.dataLen -= paged;
    eatFront(skb, paged);
  }
}

/** @kernel ___pskb_trim — net/core/skbuff.c, 7.3 */
export function trim(skb: SkBuff, n: number): void {
  if (n < 0) throw new KernelBug('skb-trim', 'a negative length');
  if (n >= skb.len) return;
  let end = skb.headlen;
  if (n <= end) {
    releaseFragsFrom(skb, 0);
    releaseFragList(skb);
    skb.len = n;
    skb.dataLen = 0;
    return;
  }
  skb.dataLen -= skb.len - n;
  skb.len = n;
  for (let i = 0; i < skb.nrFrags; i++) {
    const size = skb.fragSize(i);
    if (end + size < n) {
      end += size;
      continue;
    }
    skb.pool.frags[skb.fragBase + i * FRAG_WORDS + FRAG_SIZE] = n - end;
    releaseFragsFrom(skb, i + 1);
    releaseFragList(skb);
    return;
  }
  trimFragList(skb, n - end);
}

function trimFragList(skb: SkBuff, keep: number): void {
  let left = keep;
  for (let member = skb.fragList; member !== null; member = member.next) {
    if (member.len < left) {
      left -= member.len;
      continue;
    }
    trim(member, left);
    // The members behind it go: hang them on as a list of their own that is released as one.
    let gone = member.next;
    member.next = null;
    while (gone !== null) {
      const next = gone.next;
      gone.next = null;
      gone.consume();
      gone = next;
    }
    return;
  }
}

/** @kernel skb_split — net/core/skbuff.c, 7.3 */
export function split(skb: SkBuff, to: SkBuff, n: number): boolean {
  if (skb.fragList !== null) throw new KernelBug('skb-split', 'an skb with a frag list is not split');
  if (to.len !== 0 || to.nrFrags !== 0) throw new KernelBug('skb-split', 'the second half is not empty');
  if (n < 0 || n > skb.len) throw new KernelBug('skb-split', `split at ${n} of ${skb.len} bytes`);
  const headlen = skb.headlen;
  if (n < headlen && headlen - n > to.tailroom) return false;
  to.ppRecycle = skb.ppRecycle;
  to.unreadable = skb.unreadable;
  to.zerocopy = skb.zerocopy;
  if (n < headlen) {
    const moved = headlen - n;
    skb.pool.move(to.put(moved), skb.data + n, moved);
    for (let i = 0; i < skb.nrFrags; i++) to.setFrag(i, skb.fragRef(i), skb.fragOffset(i), skb.fragSize(i));
    to.nrFrags = skb.nrFrags;
    to.dataLen = skb.dataLen;
    to.len += skb.dataLen;
    skb.nrFrags = 0;
    skb.dataLen = 0;
    skb.len = n;
    return true;
  }
  splitFrags(skb, to, n - headlen);
  to.dataLen = skb.len - n;
  to.len = to.dataLen;
  skb.len = n;
  skb.dataLen = n - headlen;
  return true;
}

// `keep` paged bytes stay; the fragment that the cut goes through is held by both halves.
function splitFrags(skb: SkBuff, to: SkBuff, keep: number): void {
  const count = skb.nrFrags;
  let kept = 0;
  let moved = 0;
  let at = 0;
  for (let i = 0; i < count; i++) {
    const size = skb.fragSize(i);
    if (at + size <= keep) {
      kept++;
    } else {
      const inside = Math.max(0, keep - at);
      to.setFrag(moved++, skb.fragRef(i), skb.fragOffset(i) + inside, size - inside);
      if (inside > 0) {
        getFragRef(skb, skb.fragRef(i));
        skb.pool.frags[skb.fragBase + i * FRAG_WORDS + FRAG_SIZE] = inside;
        kept++;
      }
    }
    at += size;
  }
  skb.nrFrags = kept;
  to.nrFrags = moved;
}
