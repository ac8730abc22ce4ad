import { KernelBug } from '@netmem/machine';
import type { SkBuff } from './skbuff.ts';

/**
 * A doubly linked list of skbs that lives in the skbs' own `next` and `prev`: nothing is allocated per packet. An skb is on one list at most.
 *
 * @kernel struct sk_buff_head — include/linux/skbuff.h, 7.3
 */
export class SkBuffQueue {
  first: SkBuff | null = null;
  last: SkBuff | null = null;
  length = 0;

  /** Adds at the end. @kernel __skb_queue_tail — include/linux/skbuff.h, 7.3 */
  push(skb: SkBuff): void {
    this.#claim(skb);
    const last = this.last;
    skb.prev = last;
    skb.next = null;
    if (last === null) this.first = skb;
    else last.next = skb;
    this.last = skb;
    this.length++;
  }

  /** Adds at the front. @kernel __skb_queue_head — include/linux/skbuff.h, 7.3 */
  unshift(skb: SkBuff): void {
    this.#claim(skb);
    const first = this.first;
    skb.next = first;
    skb.prev = null;
    if (first === null) this.last = skb;
    else first.prev = skb;
    this.first = skb;
    this.length++;
  }

  /** Takes the first skb; null when empty. @kernel __skb_dequeue — include/linux/skbuff.h, 7.3 */
  pop(): SkBuff | null {
    const skb = this.first;
    if (skb !== null) this.unlink(skb);
    return skb;
  }

  /** The first skb, left where it is. */
  peek(): SkBuff | null {
    return this.first;
  }

  /** Takes `skb` out. Taking out an skb of another list is a programmer's error. @kernel __skb_unlink — include/linux/skbuff.h, 7.3 */
  unlink(skb: SkBuff): void {
    if (skb.list !== this) throw new KernelBug('skb-list', 'unlink of an skb that is not on this list');
    const prev = skb.prev;
    const next = skb.next;
    if (prev === null) this.first = next;
    else prev.next = next;
    if (next === null) this.last = prev;
    else next.prev = prev;
    skb.prev = null;
    skb.next = null;
    skb.list = null;
    this.length--;
  }

  /** Puts `skb` behind `after`, which is on this list; at the front when `after` is null. @kernel __skb_queue_after — include/linux/skbuff.h, 7.3 */
  insertAfter(after: SkBuff | null, skb: SkBuff): void {
    if (after === null) {
      this.unshift(skb);
      return;
    }
    if (after.list !== this) throw new KernelBug('skb-list', 'insertAfter behind an skb that is not on this list');
    if (after.next === null) {
      this.push(skb);
      return;
    }
    this.#claim(skb);
    skb.prev = after;
    skb.next = after.next;
    after.next.prev = skb;
    after.next = skb;
    this.length++;
  }

  /** Frees everything on the list. @kernel __skb_queue_purge_reason — net/core/skbuff.c, 7.3 */
  purge(reason?: number): void {
    for (let skb = this.pop(); skb !== null; skb = this.pop()) skb.free(reason);
  }

  #claim(skb: SkBuff): void {
    if (skb.list !== null) throw new KernelBug('skb-list', 'an skb is put on a second list');
    skb.list = this;
  }
}
