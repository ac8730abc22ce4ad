import { type Machine, PAGE_SIZE, type Tracepoint } from '@netmem/machine';
import type { NetmemRef, NetmemTable } from '@netmem/netmem';
import type { Move } from '@netmem/region';
import { createChecksum, type InternetChecksum } from '@netmem/wire';
import type { NetDevice } from './netdevice.ts';
import {
  MAX_SKB_FRAGS,
  SKB_CB_WORDS,
  SKB_DROP_REASON,
  SKB_DROP_REASONS,
  SKB_HEAD_BYTES,
  SKB_HEADROOM,
} from './skb-constants.ts';
import { SkBuff } from './skbuff.ts';
import { SkBuffCursor } from './skbuff-cursor.ts';
import { FRAG_WORDS } from './skbuff-frags.ts';
import { resetSkb } from './skbuff-reset.ts';

/** Skbs that a host can have at once unless told otherwise: a model choice, two full NIC rings and a few open sockets. */
export const DEFAULT_MAX_SKBS = 16384;
/** Heads come from RAM in blocks of so many pages, set aside when first needed: 128 heads. A model choice. */
const HEAD_BLOCK_PAGES = 16;
const HEADS_PER_BLOCK = (PAGE_SIZE * HEAD_BLOCK_PAGES) / SKB_HEAD_BYTES;

/**
 * Where skbs come from: a fixed number of slots, objects made once and used again. A slot's head lies in RAM, so that a device can read it; its
 * fragments are three words each in one slab.
 *
 * Running out is ordinary: {@link SkBuffPool.alloc} answers null and counts.
 */
export class SkBuffPool {
  readonly machine: Machine;
  readonly netmem: NetmemTable;
  readonly capacity: number;
  /** All bytes of the machine; linear addresses are offsets into it. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Moves bytes between linear addresses. */
  readonly move: Move;
  /** Fragments of all skbs. */
  readonly frags: Int32Array;
  /** When packets came, by the host's clock and by their device's: two numbers a slot. */
  readonly stamps: Float64Array;
  /** A packet has been stamped in this pool: slots may have something to clear. */
  stamping = false;
  readonly internetChecksum: InternetChecksum;
  /** The walk that readers of bytes share. */
  readonly cursor: SkBuffCursor = new SkBuffCursor();
  /** Packets thrown away, by {@link SKB_DROP_REASON}. */
  readonly drops: Float64Array = new Float64Array(SKB_DROP_REASONS);
  /** By how much the last successful `tryCoalesce` grew `truesize`. */
  coalesceDelta = 0;
  /** Times that bytes could not be made linear. */
  pullFailures = 0;
  allocFailures = 0;

  readonly #skbs: SkBuff[] = [];
  readonly #free: Int32Array;
  #freeCount = 0;
  #inUse = 0;
  readonly #heads: Int32Array;
  // Group ids are free-list entries too: group g's live members are counted in #groupCount[g].
  readonly #groupCount: Int32Array;
  readonly #freeGroups: Int32Array;
  #freeGroupCount = 0;
  #groups = 0;
  readonly #kfree: Tracepoint;
  readonly #consume: Tracepoint;

  constructor(machine: Machine, netmem: NetmemTable, capacity: number = DEFAULT_MAX_SKBS) {
    this.machine = machine;
    this.netmem = netmem;
    this.capacity = capacity;
    this.bytes = machine.memory.bytes;
    this.view = machine.memory.view;
    this.move = machine.memory.move;
    this.internetChecksum = createChecksum(machine.memory);
    this.stamps = new Float64Array(2 * capacity);
    this.frags = new Int32Array(capacity * MAX_SKB_FRAGS * FRAG_WORDS);
    this.#free = new Int32Array(capacity);
    this.#heads = new Int32Array(capacity);
    this.#groupCount = new Int32Array(capacity + 1);
    this.#freeGroups = new Int32Array(capacity + 1);
    this.#kfree = machine.trace.define('kfree_skb', ['skb', 'protocol', 'reason']);
    this.#consume = machine.trace.define('consume_skb', ['skb']);
  }

  /** Skbs that somebody holds. */
  get inUse(): number {
    return this.#inUse;
  }

  /**
   * A fresh skb with {@link SKB_HEADROOM} bytes of headroom.
   *
   * @returns null when no slot or no RAM is left.
   * @kernel napi_alloc_skb — net/core/skbuff.c, 7.3
   */
  alloc(dev: NetDevice | null): SkBuff | null {
    const skb = this.#take();
    if (skb === null) return null;
    resetSkb(skb, dev, this.#heads[skb.slot], SKB_HEAD_BYTES);
    skb.data += SKB_HEADROOM;
    return skb;
  }

  /**
   * An skb whose head is `bytes` bytes of page memory at `offset` of `ref`, such as a buffer that a device wrote headers to. The skb takes over the
   * caller's reference; `markForRecycle` it when the memory is a page pool's. `reserve` and `put` say where the data are.
   *
   * @returns null when no slot is left, or when no CPU can read the memory; the caller then keeps its reference.
   * @kernel napi_build_skb — net/core/skbuff.c, 7.3
   */
  build(dev: NetDevice | null, ref: NetmemRef, offset: number, bytes: number): SkBuff | null {
    const address = this.netmem.address(ref);
    if (address === null) return null;
    const skb = this.#take();
    if (skb === null) return null;
    resetSkb(skb, dev, address + offset, bytes);
    skb.headRef = ref;
    return skb;
  }

  /** Packets dropped for `reason`; all of them without one. */
  dropped(reason?: keyof typeof SKB_DROP_REASON): number {
    if (reason !== undefined) return this.drops[SKB_DROP_REASON[reason]];
    return this.drops.reduce((sum, n) => sum + n, 0);
  }

  /** Live skbs, as sentences; empty when there are none. */
  audit(): string[] {
    if (this.#inUse === 0) return [];
    const owners = new Map<string, number>();
    for (const skb of this.#skbs) {
      if (skb.refs === 0) continue;
      const where = `${skb.dev?.name ?? 'no device'}${skb.owner === null ? '' : ', owned by a socket'}${skb.list === null ? '' : ', on a list'}`;
      owners.set(where, (owners.get(where) ?? 0) + 1);
    }
    return [...owners].map(([where, count]) => `${count} skb(s) in use (${where})`);
  }

  /** @internal */
  release(skb: SkBuff): void {
    skb.dev = null;
    skb.next = null;
    skb.prev = null;
    skb.groLast = null;
    this.#inUse--;
    this.#free[this.#freeCount++] = skb.slot;
  }

  /** @internal */
  noteDrop(skb: SkBuff, reason: number): void {
    this.drops[reason]++;
    if (this.#kfree.enabled) this.#kfree.emit(skb.slot, skb.protocol, reason);
  }

  /** @internal */
  noteConsume(skb: SkBuff): void {
    if (this.#consume.enabled) this.#consume.emit(skb.slot);
  }

  /** Live skbs that were cloned from one another. @internal */
  cloneCount(group: number): number {
    return this.#groupCount[group];
  }

  /** @internal */
  joinCloneGroup(skb: SkBuff, copied: SkBuff): void {
    if (skb.cloneGroup === 0) {
      skb.cloneGroup = this.#freeGroupCount > 0 ? this.#freeGroups[--this.#freeGroupCount] : ++this.#groups;
      this.#groupCount[skb.cloneGroup] = 1;
    }
    copied.cloneGroup = skb.cloneGroup;
    this.#groupCount[skb.cloneGroup]++;
  }

  /** @internal */
  leaveCloneGroup(skb: SkBuff): void {
    const group = skb.cloneGroup;
    skb.cloneGroup = 0;
    if (--this.#groupCount[group] === 0) this.#freeGroups[this.#freeGroupCount++] = group;
  }

  #take(): SkBuff | null {
    if (this.#freeCount === 0 && !this.#grow()) {
      this.allocFailures++;
      return null;
    }
    this.#inUse++;
    return this.#skbs[this.#free[--this.#freeCount]];
  }

  // The next block of heads and the skbs for it. Happens while a host warms up, not per packet.
  #grow(): boolean {
    const first = this.#skbs.length;
    const count = Math.min(HEADS_PER_BLOCK, this.capacity - first);
    if (count <= 0) return false;
    const frame = this.machine.ram.reserveFrames(HEAD_BLOCK_PAGES);
    if (frame < 0) return false;
    const address = this.machine.ram.address(frame);
    for (let i = 0; i < count; i++) {
      const slot = first + i;
      this.#heads[slot] = address + i * SKB_HEAD_BYTES;
      this.#skbs.push(new SkBuff(this, slot, slot * MAX_SKB_FRAGS * FRAG_WORDS, new Int32Array(SKB_CB_WORDS)));
    }
    // Last in, first out: the lowest slot of the block is used first.
    for (let i = count - 1; i >= 0; i--) this.#free[this.#freeCount++] = first + i;
    return true;
  }
}
