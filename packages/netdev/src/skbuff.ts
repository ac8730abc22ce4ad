import { KernelBug } from '@netmem/machine';
import type { NetmemRef } from '@netmem/netmem';
import { tryCoalesce } from './coalesce.ts';
import type { NetDevice } from './netdevice.ts';
import { SKB_DROP_REASON } from './skb-constants.ts';
import { checksum, checksumHelp, copyAndChecksumBits, copyBits, copyDatagram, storeBits } from './skbuff-bytes.ts';
import { clone, condense, copy, copyUbufs } from './skbuff-copy.ts';
import { addRxFragNetmem, FRAG_OFFSET, FRAG_REF, FRAG_SIZE, FRAG_WORDS, releaseData } from './skbuff-frags.ts';
import type { SkBuffPool } from './skbuff-pool.ts';
import type { SkBuffQueue } from './skbuff-queue.ts';
import { pullTail, split, trim, trimHead } from './skbuff-resize.ts';

/**
 * A packet. Pooled: comes from {@link SkBuffPool.alloc} and goes back with {@link SkBuff.free} or {@link SkBuff.consume}; never made by hand.
 *
 * Bytes are in two places. The linear area, `headlen` bytes at linear address `data`, is always readable. Behind it come up to `MAX_SKB_FRAGS`
 * fragments, each (netmem, offset, size) in the pool's slab, and behind those the skbs of `fragList`. `len` counts all of them, `dataLen` what is
 * not linear. Fragments may be memory that no CPU can read; `unreadable` then stays set for the life of the skb.
 *
 * @kernel struct sk_buff — include/linux/skbuff.h, 7.3 (partial: no extensions, conntrack, routing or encapsulation fields)
 */
export class SkBuff {
  readonly pool: SkBuffPool;
  /** Index in the pool, from 0. */
  readonly slot: number;
  /** First word of this skb's fragments in `pool.frags`. */
  readonly fragBase: number;
  /** Free for the layer that owns the skb. */
  readonly cb: Int32Array;

  dev: NetDevice | null = null;
  next: SkBuff | null = null;
  prev: SkBuff | null = null;
  /** The list it is on. */
  list: SkBuffQueue | null = null;
  /** Further skbs whose bytes belong to this packet, chained by `next`. */
  fragList: SkBuff | null = null;
  /** The socket that is charged for it. */
  owner: object | null = null;
  /** Called once when the skb goes. One function for all packets of a kind, never a closure per packet. */
  destructor: ((skb: SkBuff) => void) | null = null;
  refs = 0;

  /** Linear addresses of the head's first byte and of the byte behind its last. */
  head = 0;
  end = 0;
  /** Linear address of the first linear byte. */
  data = 0;
  len = 0;
  dataLen = 0;
  truesize = 0;
  nrFrags = 0;
  /** Memory that the head lies in when it is not the skb's own; 0 otherwise. @kernel head_frag — include/linux/skbuff.h, 7.3 */
  headRef: NetmemRef = 0 as NetmemRef;

  /** Ethertype, host order. */
  protocol = 0;
  /** Linear addresses of the headers; 0 when not known. */
  macHeader = 0;
  networkHeader = 0;
  transportHeader = 0;
  hash = 0;
  l4Hash = false;
  ipSummed = 0;
  /** Whether a software check found the checksum good. */
  csumValid = false;
  csum = 0;
  /** Linear address where the sum starts, and where it goes relative to that (CHECKSUM_PARTIAL). */
  csumStart = 0;
  csumOffset = 0;
  /** Transmit queue, or -1 for "the core picks". */
  queueMapping = -1;
  /** Receive queue it came from, or -1. */
  rxQueue = -1;
  napiId = 0;
  vlanTci = 0;
  priority = 0;
  mark = 0;
  pktType = 0;
  gsoSize = 0;
  gsoType = 0;
  gsoSegs = 0;
  ppRecycle = false;
  unreadable = false;
  /** Its fragments belong to a sender that waits for a completion. */
  zerocopy = false;
  /** Group of skbs that were cloned from one another; 0 none. */
  cloneGroup = 0;

  // GRO's control block. @kernel napi_gro_cb — include/net/gro.h, 7.3
  /** Bytes of headers passed so far, from `data`. */
  groOffset = 0;
  /** Packets merged into this one, itself included. */
  groCount = 0;
  /** When it was held, in jiffies. */
  groAge = 0;
  groFlush = 0;
  groFlushId = 0;
  groSameFlow = false;
  groIsAtomic = false;
  /** Its bytes were taken into another packet: what is left of it goes back to the pool. */
  groFree = false;
  /** The skb at the end of the aggregate, to which fragments are added. */
  groLast: SkBuff | null = null;

  constructor(pool: SkBuffPool, slot: number, fragBase: number, cb: Int32Array) {
    this.pool = pool;
    this.slot = slot;
    this.fragBase = fragBase;
    this.cb = cb;
  }

  /** When it came, by the host's clock; 0: not stamped. Like the one below a column of the pool, since most hosts never stamp. */
  get tstampNs(): number {
    return this.pool.stamps[2 * this.slot];
  }

  set tstampNs(ns: number) {
    this.pool.stamping = true;
    this.pool.stamps[2 * this.slot] = ns;
  }

  /** When it came, by the device's clock; 0: not stamped. @kernel skb_hwtstamps — include/linux/skbuff.h, 7.3 */
  get hwtstampNs(): number {
    return this.pool.stamps[2 * this.slot + 1];
  }

  set hwtstampNs(ns: number) {
    this.pool.stamping = true;
    this.pool.stamps[2 * this.slot + 1] = ns;
  }

  /** Linear bytes. @kernel skb_headlen — include/linux/skbuff.h, 7.3 */
  get headlen(): number {
    return this.len - this.dataLen;
  }

  /** Free bytes before `data`. */
  get headroom(): number {
    return this.data - this.head;
  }

  /** Free bytes behind the linear data; 0 when there are fragments. @kernel skb_tailroom — include/linux/skbuff.h, 7.3 */
  get tailroom(): number {
    return this.dataLen === 0 ? this.end - this.data - this.len : 0;
  }

  /** Linear address behind the last linear byte. */
  get tail(): number {
    return this.data + this.len - this.dataLen;
  }

  /** Whether a CPU may look at the fragments. @kernel skb_frags_readable — include/linux/skbuff.h, 7.3 */
  get readable(): boolean {
    return !this.unreadable;
  }

  /** Whether another live skb was cloned from this one or it from another. @kernel skb_cloned — include/linux/skbuff.h, 7.3 */
  get cloned(): boolean {
    return this.cloneGroup !== 0 && this.pool.cloneCount(this.cloneGroup) > 1;
  }

  /** Moves the empty linear area `n` bytes up. @kernel skb_reserve — include/linux/skbuff.h, 7.3 */
  reserve(n: number): void {
    if (this.len !== 0) throw new KernelBug('skb-reserve', 'reserve on an skb that holds bytes');
    this.data += n;
  }

  /**
   * Adds `n` linear bytes at the end.
   *
   * @returns the linear address of the first new byte.
   * @kernel skb_put — net/core/skbuff.c, 7.3
   */
  put(n: number): number {
    const at = this.data + this.len;
    if (this.dataLen !== 0 || at + n > this.end) {
      throw new KernelBug('skb-over', `put of ${n} bytes: ${this.tailroom} bytes of tail room`);
    }
    this.len += n;
    return at;
  }

  /**
   * Adds `n` linear bytes at the front.
   *
   * @returns the new `data`.
   * @kernel skb_push — net/core/skbuff.c, 7.3
   */
  push(n: number): number {
    if (this.data - n < this.head) {
      throw new KernelBug('skb-under', `push of ${n} bytes: ${this.headroom} bytes of headroom`);
    }
    this.data -= n;
    this.len += n;
    return this.data;
  }

  /**
   * Takes `n` linear bytes off the front.
   *
   * @returns the new `data`, or null (nothing changed) when fewer than `n` bytes are linear: `mayPull` first.
   * @kernel skb_pull — net/core/skbuff.c, 7.3
   */
  pull(n: number): number | null {
    if (n > this.len - this.dataLen) return null;
    this.len -= n;
    this.data += n;
    return this.data;
  }

  /**
   * Makes the first `n` bytes linear.
   *
   * @returns false when the packet is shorter, when the bytes are unreadable, or when they do not fit the linear area.
   * @kernel pskb_may_pull — include/linux/skbuff.h, 7.3
   */
  mayPull(n: number): boolean {
    const headlen = this.len - this.dataLen;
    if (n <= headlen) return true;
    return n <= this.len && pullTail(this, n - headlen);
  }

  /**
   * Moves the next `n` bytes from the fragments into the linear area.
   *
   * @returns false, with nothing changed, when the skb is unreadable, shorter, or when the fixed linear area is full.
   * @kernel __pskb_pull_tail — net/core/skbuff.c, 7.3
   */
  pullTail(n: number): boolean {
    return pullTail(this, n);
  }

  /** Cuts the packet to `n` bytes; a longer `n` changes nothing. Never looks at bytes. @kernel ___pskb_trim — net/core/skbuff.c, 7.3 */
  trim(n: number): void {
    trim(this, n);
  }

  /** Drops the first `n` bytes wherever they are. Never looks at bytes. @kernel __pskb_trim_head — net/ipv4/tcp_output.c, 7.3 */
  trimHead(n: number): void {
    trimHead(this, n);
  }

  /**
   * Moves everything behind the first `n` bytes to `to`, which is fresh and empty. Whether the skb is readable goes along.
   *
   * @returns false, with nothing changed, when linear bytes do not fit `to`.
   * @kernel skb_split — net/core/skbuff.c, 7.3
   */
  split(to: SkBuff, n: number): boolean {
    return split(this, to, n);
  }

  /**
   * Adds received memory as a fragment. The skb takes over the caller's reference. Memory without a CPU address makes the skb unreadable.
   *
   * @param truesize - Bytes of memory that the fragment pins, for socket accounting.
   * @kernel skb_add_rx_frag_netmem — net/core/skbuff.c, 7.3
   */
  addRxFragNetmem(ref: NetmemRef, offset: number, size: number, truesize: number): void {
    addRxFragNetmem(this, ref, offset, size, truesize);
  }

  /** Netmem of fragment `i`. */
  fragRef(i: number): NetmemRef {
    return this.pool.frags[this.fragBase + i * FRAG_WORDS + FRAG_REF] as NetmemRef;
  }

  /** First byte of fragment `i` in its netmem. */
  fragOffset(i: number): number {
    return this.pool.frags[this.fragBase + i * FRAG_WORDS + FRAG_OFFSET];
  }

  /** Bytes of fragment `i`. */
  fragSize(i: number): number {
    return this.pool.frags[this.fragBase + i * FRAG_WORDS + FRAG_SIZE];
  }

  /** Writes fragment `i` and nothing else: no length, no reference, no readability. @kernel __skb_fill_netmem_desc — include/linux/skbuff.h, 7.3 */
  setFrag(i: number, ref: NetmemRef, offset: number, size: number): void {
    const frags = this.pool.frags;
    const at = this.fragBase + i * FRAG_WORDS;
    frags[at + FRAG_REF] = ref;
    frags[at + FRAG_OFFSET] = offset;
    frags[at + FRAG_SIZE] = size;
  }

  /** Linear address of fragment `i`'s first byte; null when no CPU can read it. @kernel skb_frag_address_safe — include/linux/skbuff.h, 7.3 */
  fragAddress(i: number): number | null {
    const address = this.pool.netmem.address(this.fragRef(i));
    return address === null ? null : address + this.fragOffset(i);
  }

  /** Copies `length` bytes from `offset` to a linear address: 0, or `-EFAULT` when the range leaves the packet or touches unreadable fragments. @kernel skb_copy_bits — net/core/skbuff.c, 7.3 */
  copyBits(offset: number, toAddress: number, length: number): number {
    return copyBits(this, offset, toAddress, length);
  }

  /** The reverse of {@link SkBuff.copyBits}, with the same results. @kernel skb_store_bits — net/core/skbuff.c, 7.3 */
  storeBits(offset: number, fromAddress: number, length: number): number {
    return storeBits(this, offset, fromAddress, length);
  }

  /**
   * Copies up to `length` bytes from `offset` into anybody's memory.
   *
   * @returns the bytes copied; fewer than asked means a fault at the first unreadable byte.
   * @kernel skb_copy_datagram_iter — net/core/datagram.c, 7.3
   */
  copyDatagram(offset: number, to: Uint8Array, toAt: number, length: number): number {
    return copyDatagram(this, offset, to, toAt, length);
  }

  /**
   * Folded 16-bit ones-complement sum over a range, not inverted. On an unreadable range: a WARN once, the linear part is walked, the result is 0.
   *
   * @kernel skb_checksum — net/core/skbuff.c, 7.3
   */
  checksum(offset: number, length: number, sum: number): number {
    return checksum(this, offset, length, sum);
  }

  /** Copies and sums in one; 0 when the range is unreadable. @kernel skb_copy_and_csum_bits — net/core/skbuff.c, 7.3 */
  copyAndChecksumBits(offset: number, toAddress: number, length: number): number {
    return copyAndChecksumBits(this, offset, toAddress, length);
  }

  /** Completes a CHECKSUM_PARTIAL packet in software: 0, `-EFAULT` when unreadable, `-EINVAL` when the field is outside the linear area. @kernel skb_checksum_help — net/core/dev.c, 7.3 */
  checksumHelp(): number {
    return checksumHelp(this);
  }

  /**
   * A second skb for the same packet: its own headers, the same fragments with a reference more each.
   *
   * @returns null when no skb is left.
   * @kernel skb_clone — net/core/skbuff.c, 7.3
   */
  clone(): SkBuff | null {
    return clone(this);
  }

  /** A packet of its own with copied bytes; null when unreadable or out of memory. @kernel skb_copy — net/core/skbuff.c, 7.3 */
  copy(): SkBuff | null {
    return copy(this);
  }

  /** Replaces the fragments by copies of this host's own: 0, `-EFAULT` when unreadable, `-ENOMEM`. @kernel skb_copy_ubufs — net/core/skbuff.c, 7.3 */
  copyUbufs(): number {
    return copyUbufs(this);
  }

  /** Pulls a short tail of fragments into the linear area to pin less memory; does nothing to an unreadable skb. @kernel skb_condense — net/core/skbuff.c, 7.3 */
  condense(): void {
    condense(this);
  }

  /**
   * Appends `from`'s bytes to this skb if the rules allow. On success `from` holds nothing any more, the caller frees it, and
   * `pool.coalesceDelta` says by how much `truesize` grew.
   *
   * @kernel skb_try_coalesce — net/core/skbuff.c, 7.3
   */
  tryCoalesce(from: SkBuff): boolean {
    return tryCoalesce(this, from);
  }

  /** Says that the fragments come from page pools and go back there. @kernel skb_mark_for_recycle — include/linux/skbuff.h, 7.3 */
  markForRecycle(): void {
    this.ppRecycle = true;
  }

  /** One more holder. @kernel skb_get — include/linux/skbuff.h, 7.3 */
  get(): this {
    this.refs++;
    return this;
  }

  /** Drops the destructor's charge now instead of when the skb goes. @kernel skb_orphan — include/linux/skbuff.h, 7.3 */
  orphan(): void {
    const destructor = this.destructor;
    if (destructor !== null) {
      this.destructor = null;
      destructor(this);
    }
    this.owner = null;
  }

  /**
   * Throws the packet away, counted under `reason`, one of {@link SKB_DROP_REASON}. The last holder's call gives fragments and skb back.
   *
   * @kernel kfree_skb_reason — net/core/skbuff.c, 7.3
   */
  free(reason: number = SKB_DROP_REASON.NOT_SPECIFIED): void {
    if (!this.#last()) return;
    this.pool.noteDrop(this, reason);
    this.#destroy();
  }

  /** The packet has served its purpose. @kernel consume_skb — net/core/skbuff.c, 7.3 */
  consume(): void {
    if (!this.#last()) return;
    this.pool.noteConsume(this);
    this.#destroy();
  }

  #last(): boolean {
    if (this.refs <= 0) throw new KernelBug('skb-use-after-free', `skb ${this.slot} is freed twice`);
    return --this.refs === 0;
  }

  #destroy(): void {
    if (this.list !== null) throw new KernelBug('skb-list', 'an skb is freed while it is on a list');
    this.orphan();
    releaseData(this);
    this.pool.release(this);
  }
}
