import type { SkBuff } from './skbuff.ts';

/**
 * Walks the readable bytes of a packet, one contiguous span after another: linear area, fragments, frag list. One per pool, reused, so that a walk
 * allocates nothing; a walk must therefore end before the next begins.
 *
 * @kernel skb_seq_read — net/core/skbuff.c, 7.3
 */
export class SkBuffCursor {
  /** Linear address and length of the span that {@link SkBuffCursor.next} found. */
  address = 0;
  length = 0;
  /** Whether the walk ended at memory that no CPU can read. */
  fault = false;
  #root: SkBuff | null = null;
  #member: SkBuff | null = null;
  /** -1 for the linear area, else the fragment. */
  #piece = 0;
  #skip = 0;

  /** Starts a walk at byte `offset`. */
  seek(skb: SkBuff, offset: number): void {
    this.#root = skb;
    this.#member = skb;
    this.#piece = -1;
    this.#skip = offset;
    this.fault = false;
  }

  /** The next span; false at the end of the packet or, with `fault` set, where it stops being readable. */
  next(): boolean {
    for (let skb = this.#member; skb !== null; skb = this.#enter(skb)) {
      if (this.#piece < 0) {
        this.#piece = 0;
        const headlen = skb.len - skb.dataLen;
        if (this.#skip < headlen) return this.#found(skb.data, headlen);
        this.#skip -= headlen;
      }
      // The kernel refuses an unreadable skb as soon as it would look behind its linear area; members of a frag list only if bytes of theirs are wanted.
      if (skb.unreadable && (skb === this.#root || this.#skip < skb.dataLen)) return this.#stop();
      for (; this.#piece < skb.nrFrags; this.#piece++) {
        const size = skb.fragSize(this.#piece);
        if (this.#skip < size) {
          const address = skb.fragAddress(this.#piece++);
          return address === null ? this.#stop() : this.#found(address, size);
        }
        this.#skip -= size;
      }
    }
    this.#member = null;
    return false;
  }

  #enter(skb: SkBuff): SkBuff | null {
    this.#piece = -1;
    this.#member = skb === this.#root ? skb.fragList : skb.next;
    return this.#member;
  }

  #found(address: number, size: number): boolean {
    this.address = address + this.#skip;
    this.length = size - this.#skip;
    this.#skip = 0;
    return true;
  }

  #stop(): boolean {
    this.fault = true;
    this.#member = null;
    return false;
  }
}
