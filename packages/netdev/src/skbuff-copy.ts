// Second skbs for one packet: clones that share memory, copies that do not.

import { PAGE_SIZE } from '@netmem/machine';
import { EFAULT, EINVAL, ENOMEM } from '@netmem/uapi';
import { MAX_SKB_FRAGS, SKB_HEAD_BYTES, SKB_HEADROOM, SKB_OVERHEAD_BYTES } from './skb-constants.ts';
import type { SkBuff } from './skbuff.ts';
import { copyBits } from './skbuff-bytes.ts';
import { getFragRef, releaseFragList, releaseFragsFrom } from './skbuff-frags.ts';
import { pullTail } from './skbuff-resize.ts';

/**
 * A clone has a linear area of its own, so that either side may write headers; the kernel shares it and copies on demand. A head in page memory is shared.
 *
 * @kernel skb_clone — net/core/skbuff.c, 7.3
 */
export function clone(skb: SkBuff): SkBuff | null {
  const copied = cloneHead(skb, true);
  if (copied === null) return null;
  for (let i = 0; i < skb.nrFrags; i++) {
    getFragRef(skb, skb.fragRef(i));
    copied.setFrag(i, skb.fragRef(i), skb.fragOffset(i), skb.fragSize(i));
  }
  copied.nrFrags = skb.nrFrags;
  copied.len = skb.len;
  copied.dataLen = skb.dataLen;
  copied.truesize = skb.truesize;
  copied.unreadable = skb.unreadable;
  copied.ppRecycle = skb.ppRecycle;
  copied.zerocopy = skb.zerocopy;
  skb.pool.joinCloneGroup(skb, copied);
  let last: SkBuff | null = null;
  for (let member = skb.fragList; member !== null; member = member.next) {
    const memberClone = clone(member);
    if (memberClone === null) {
      copied.consume();
      return null;
    }
    if (last === null) copied.fragList = memberClone;
    else last.next = memberClone;
    last = memberClone;
  }
  return copied;
}

// A fresh skb with the same linear bytes, headers and annotations, without fragments.
function cloneHead(skb: SkBuff, shareHead: boolean): SkBuff | null {
  const pool = skb.pool;
  if (skb.headRef !== 0 && !shareHead && skb.headlen > SKB_HEAD_BYTES - SKB_HEADROOM) return null;
  const copied = pool.alloc(skb.dev);
  if (copied === null) return null;
  let moved = copied.head - skb.head;
  if (skb.headRef === 0) {
    pool.move(copied.head, skb.head, skb.tail - skb.head);
  } else if (shareHead) {
    getFragRef(skb, skb.headRef);
    copied.headRef = skb.headRef;
    copied.head = skb.head;
    copied.end = skb.end;
    moved = 0;
  } else {
    // Headers already passed lie before `data`; as many as fit the headroom come along.
    const start = Math.max(skb.head, skb.data - SKB_HEADROOM);
    moved = copied.head + SKB_HEADROOM - skb.data;
    pool.move(start + moved, start, skb.tail - start);
  }
  copied.data = skb.data + moved;
  copied.macHeader = skb.macHeader === 0 ? 0 : skb.macHeader + moved;
  copied.networkHeader = skb.networkHeader === 0 ? 0 : skb.networkHeader + moved;
  copied.transportHeader = skb.transportHeader === 0 ? 0 : skb.transportHeader + moved;
  copied.csumStart = skb.csumStart === 0 ? 0 : skb.csumStart + moved;
  copied.csumOffset = skb.csumOffset;
  copied.csum = skb.csum;
  copied.csumValid = skb.csumValid;
  copied.ipSummed = skb.ipSummed;
  copied.protocol = skb.protocol;
  copied.hash = skb.hash;
  copied.l4Hash = skb.l4Hash;
  copied.queueMapping = skb.queueMapping;
  copied.rxQueue = skb.rxQueue;
  copied.napiId = skb.napiId;
  copied.vlanTci = skb.vlanTci;
  copied.priority = skb.priority;
  copied.mark = skb.mark;
  copied.pktType = skb.pktType;
  copied.gsoSize = skb.gsoSize;
  copied.gsoType = skb.gsoType;
  copied.gsoSegs = skb.gsoSegs;
  if (pool.stamping) copyStamps(copied, skb);
  copied.cb.set(skb.cb);
  return copied;
}

/** `to` came when `from` did. */
export function copyStamps(to: SkBuff, from: SkBuff): void {
  to.tstampNs = from.tstampNs;
  to.hwtstampNs = from.hwtstampNs;
}

/** The paged bytes of the copy are pages of its own; the kernel makes one linear area of everything. @kernel skb_copy — net/core/skbuff.c, 7.3 */
export function copy(skb: SkBuff): SkBuff | null {
  if (skb.unreadable) return null;
  const copied = cloneHead(skb, false);
  if (copied === null) return null;
  copied.len = skb.headlen;
  if (copyPaged(skb, copied) < 0) {
    copied.consume();
    return null;
  }
  return copied;
}

function copyPaged(from: SkBuff, to: SkBuff): number {
  const netmem = from.pool.netmem;
  const headlen = from.headlen;
  const paged = from.dataLen;
  if (paged > MAX_SKB_FRAGS * PAGE_SIZE) return -ENOMEM;
  for (let done = 0; done < paged; done += PAGE_SIZE) {
    const n = Math.min(PAGE_SIZE, paged - done);
    const page = netmem.allocPages(0, -1);
    if (page === 0) return -ENOMEM;
    to.addRxFragNetmem(netmem.pageToNetmem(page), 0, n, PAGE_SIZE);
    const error = copyBits(from, headlen + done, netmem.pageAddress(page), n);
    if (error < 0) return error;
  }
  return 0;
}

/** @kernel skb_copy_ubufs — net/core/skbuff.c, 7.3 */
export function copyUbufs(skb: SkBuff): number {
  if (skb.refs > 1) return -EINVAL;
  if (skb.unreadable) return -EFAULT;
  if (skb.dataLen === 0) return 0;
  const scratch = skb.pool.alloc(skb.dev);
  if (scratch === null) return -ENOMEM;
  const error = copyPaged(skb, scratch);
  if (error === 0) {
    releaseFragsFrom(skb, 0);
    releaseFragList(skb);
    for (let i = 0; i < scratch.nrFrags; i++)
      skb.setFrag(i, scratch.fragRef(i), scratch.fragOffset(i), scratch.fragSize(i));
    skb.nrFrags = scratch.nrFrags;
    scratch.nrFrags = 0;
    skb.zerocopy = false;
  }
  scratch.consume();
  return error;
}

/** @kernel skb_condense — net/core/skbuff.c, 7.3 */
export function condense(skb: SkBuff): void {
  if (skb.dataLen > 0) {
    if (skb.dataLen > skb.end - skb.tail || skb.cloned || skb.unreadable) return;
    if (!pullTail(skb, skb.dataLen)) return;
  }
  skb.truesize = skb.end - skb.head + SKB_OVERHEAD_BYTES;
}
