// Fragments: how they are laid out in the pool's slab, and who holds a reference on what.

import { KernelBug } from '@netmem/machine';
import type { NetmemRef } from '@netmem/netmem';
import { MAX_SKB_FRAGS } from './skb-constants.ts';
import type { SkBuff } from './skbuff.ts';

/** Words of one fragment in {@link SkBuffPool.frags}: netmem, first byte in it, bytes. */
export const FRAG_WORDS = 3;
export const FRAG_REF = 0;
export const FRAG_OFFSET = 1;
export const FRAG_SIZE = 2;

/** @kernel skb_add_rx_frag_netmem — net/core/skbuff.c, 7.3 */
export function addRxFragNetmem(skb: SkBuff, ref: NetmemRef, offset: number, size: number, truesize: number): void {
  const i = skb.nrFrags;
  if (i >= MAX_SKB_FRAGS) throw new KernelBug('skb-frags', `an skb takes ${MAX_SKB_FRAGS} fragments at most`, ref);
  skb.setFrag(i, ref, offset, size);
  skb.nrFrags = i + 1;
  skb.len += size;
  skb.dataLen += size;
  skb.truesize += truesize;
  if (skb.pool.netmem.isNetIov(ref)) skb.unreadable = true;
}

/**
 * One reference more on memory that `skb` holds: counted by its page pool when it came from one, by the memory itself otherwise.
 *
 * @kernel skb_pp_frag_ref — net/core/skbuff.c, 7.3
 */
export function getFragRef(skb: SkBuff, ref: NetmemRef): void {
  const netmem = skb.pool.netmem;
  if (skb.ppRecycle) {
    const head = netmem.compoundHead(ref);
    if (netmem.isPp(head)) {
      netmem.refNetmem(head);
      return;
    }
  }
  netmem.get(ref);
}

/**
 * Drops one reference on memory that `skb` holds. Page-pool memory goes back to the pool that owns it now, which after a queue restart is not the
 * queue's current one (driver rule I-4).
 *
 * @kernel skb_page_unref — include/linux/skbuff_ref.h, 7.3
 */
export function putFragRef(skb: SkBuff, ref: NetmemRef): void {
  const netmem = skb.pool.netmem;
  if (skb.ppRecycle) {
    const head = netmem.compoundHead(ref);
    const pool = netmem.isPp(head) ? netmem.pool(head) : null;
    if (pool !== null) {
      pool.putFullNetmem(head, false);
      return;
    }
  }
  netmem.put(ref);
}

/** Lets go of fragments `from` and up. Lengths are the caller's. */
export function releaseFragsFrom(skb: SkBuff, from: number): void {
  for (let i = from; i < skb.nrFrags; i++) putFragRef(skb, skb.fragRef(i));
  skb.nrFrags = Math.min(skb.nrFrags, from);
}

/** Frees the skbs of the frag list. */
export function releaseFragList(skb: SkBuff): void {
  let member = skb.fragList;
  skb.fragList = null;
  while (member !== null) {
    const next = member.next;
    member.next = null;
    member.consume();
    member = next;
  }
}

/** Everything an skb holds besides itself. @kernel skb_release_data — net/core/skbuff.c, 7.3 */
export function releaseData(skb: SkBuff): void {
  if (skb.nrFrags > 0) releaseFragsFrom(skb, 0);
  if (skb.fragList !== null) releaseFragList(skb);
  if (skb.headRef !== 0) {
    putFragRef(skb, skb.headRef);
    skb.headRef = 0 as NetmemRef;
  }
  if (skb.cloneGroup !== 0) skb.pool.leaveCloneGroup(skb);
}
