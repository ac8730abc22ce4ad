import type { Machine } from '@netmem/machine';
import { NETIF_F } from './features.ts';
import type { GroOffload } from './protocols.ts';
import { SKB_DROP_REASON } from './skb-constants.ts';
import type { SkBuff } from './skbuff.ts';
import { SkBuffQueue } from './skbuff-queue.ts';

/** Buckets of held packets, by flow hash. @kernel GRO_HASH_BUCKETS — include/linux/netdevice.h, 7.3 */
export const GRO_HASH_BUCKETS = 8;
/** Packets held per bucket. @kernel MAX_GRO_SKBS — net/core/gro.c, 7.3 */
export const MAX_GRO_SKBS = 8;
/** Finished packets that are handed up in one go. @kernel net.core.gro_normal_batch — net/core/hotdata.c, 7.3 */
export const GRO_NORMAL_BATCH = 8;
/** Length of a jiffy, the unit of a held packet's age. A model choice: HZ = 1000. */
export const JIFFY_NS = 1_000_000;

const ETHERNET_HEADER_BYTES = 14;

/** What a GRO node hands packets to. */
export interface GroDelivery {
  offload(ethertype: number): GroOffload | null;
  receive(skb: SkBuff): void;
}

/**
 * The packets one NAPI instance holds back to merge with what follows. Names no protocol: an ethertype's {@link GroOffload} compares headers and
 * calls `skbGroReceive`.
 *
 * @kernel struct gro_node — include/net/gro.h, 7.3
 */
export class GroNode {
  /** Packets that went into a held one, for statistics. */
  merged = 0;
  readonly #machine: Machine;
  readonly #delivery: GroDelivery;
  readonly #buckets: SkBuffQueue[] = Array.from({ length: GRO_HASH_BUCKETS }, () => new SkBuffQueue());
  readonly #normal: SkBuffQueue = new SkBuffQueue();
  #normalSegments = 0;
  #held = 0;

  constructor(machine: Machine, delivery: GroDelivery) {
    this.#machine = machine;
    this.#delivery = delivery;
  }

  /** Packets held, or finished and not handed up yet. */
  get pending(): number {
    return this.#held + this.#normal.length;
  }

  /** Whether packets are held back for merging. */
  get holding(): boolean {
    return this.#held > 0;
  }

  /** Takes a packet whose `data` is its network header. @kernel gro_receive_skb — net/core/gro.c, 7.3 (partial: headers in a page are pulled, not read in place) */
  receive(skb: SkBuff): void {
    const offload = (skb.dev?.features ?? 0) & NETIF_F.GRO ? this.#delivery.offload(skb.protocol) : null;
    if (offload === null) {
      this.#deliver(skb, 1);
      return;
    }
    const bucket = this.#buckets[skb.hash & (GRO_HASH_BUCKETS - 1)];
    prepareList(bucket, skb);
    this.#prepare(skb);
    const finished = offload.groReceive(bucket, skb);
    if (finished !== null) {
      bucket.unlink(finished);
      this.#held--;
      this.#complete(finished);
    }
    if (skb.groSameFlow) {
      this.merged++;
      if (skb.groFree) skb.consume();
    } else if (skb.groFlush !== 0 || skb.fragList !== null) {
      // A frag list of the device's making must not become the held packet's: what came later would be chained over it.
      this.#deliver(skb, 1);
    } else {
      this.#hold(bucket, skb);
    }
  }

  /** Finishes held packets: all, or those of an earlier jiffy. @kernel napi_gro_flush — net/core/gro.c, 7.3 */
  flush(onlyOld: boolean): void {
    if (this.#held === 0) return;
    const now = this.#jiffies();
    for (let i = 0; i < GRO_HASH_BUCKETS; i++) {
      const bucket = this.#buckets[i];
      for (let skb = bucket.last; skb !== null; skb = bucket.last) {
        if (onlyOld && skb.groAge === now) break;
        bucket.unlink(skb);
        this.#held--;
        this.#complete(skb);
      }
    }
  }

  /** Hands up what is finished. @kernel gro_normal_list — include/net/gro.h, 7.3 */
  flushNormal(): void {
    this.#normalSegments = 0;
    // Handing up can make no new entry: receive handlers never call GRO.
    for (let skb = this.#normal.pop(); skb !== null; skb = this.#normal.pop()) this.#delivery.receive(skb);
  }

  /** Throws everything away. @kernel gro_cleanup — net/core/gro.c, 7.3 */
  purge(): void {
    for (const bucket of this.#buckets) bucket.purge();
    this.#normal.purge();
    this.#held = 0;
    this.#normalSegments = 0;
  }

  #prepare(skb: SkBuff): void {
    skb.networkHeader = skb.data;
    skb.groOffset = 0;
    skb.groFlush = skb.fragList === null ? 0 : 1;
    skb.groFlushId = 0;
    skb.groIsAtomic = false;
    skb.groFree = false;
    skb.groSameFlow = false;
    skb.groLast = null;
    // A packet that the device aggregated already counts as the packets it was made of.
    skb.groCount = skb.gsoSize !== 0 ? Math.max(1, skb.gsoSegs) : 1;
  }

  #hold(bucket: SkBuffQueue, skb: SkBuff): void {
    if (bucket.length >= MAX_GRO_SKBS) {
      const oldest = bucket.last!;
      bucket.unlink(oldest);
      this.#held--;
      this.#complete(oldest);
    }
    skb.groAge = this.#jiffies();
    skb.groLast = skb;
    if (skb.gsoSize === 0) skb.gsoSize = skb.len - skb.groOffset;
    bucket.unshift(skb);
    this.#held++;
  }

  #complete(skb: SkBuff): void {
    const segments = skb.groCount;
    if (segments === 1) {
      skb.gsoSize = 0;
    } else {
      const offload = this.#delivery.offload(skb.protocol);
      if (offload === null || offload.groComplete(skb, 0) < 0) {
        skb.free(SKB_DROP_REASON.GRO_COMPLETE);
        return;
      }
    }
    this.#deliver(skb, segments);
  }

  #deliver(skb: SkBuff, segments: number): void {
    this.#normal.push(skb);
    this.#normalSegments += segments;
    if (this.#normalSegments >= GRO_NORMAL_BATCH) this.flushNormal();
  }

  #jiffies(): number {
    return Math.floor(this.#machine.clock.nowNs / JIFFY_NS);
  }
}

/** Marks which held packets may be of `skb`'s flow: same hash, device and link-layer header. @kernel gro_list_prepare — net/core/gro.c, 7.3 */
function prepareList(bucket: SkBuffQueue, skb: SkBuff): void {
  for (let held = bucket.first; held !== null; held = held.next) {
    held.groFlush = 0;
    held.groSameFlow =
      held.hash === skb.hash &&
      held.dev === skb.dev &&
      held.vlanTci === skb.vlanTci &&
      held.protocol === skb.protocol &&
      sameLinkHeader(held, skb);
  }
}

function sameLinkHeader(a: SkBuff, b: SkBuff): boolean {
  if (a.macHeader === 0 || b.macHeader === 0) return a.macHeader === b.macHeader;
  const bytes = a.pool.bytes;
  for (let i = 0; i < ETHERNET_HEADER_BYTES; i++) {
    if (bytes[a.macHeader + i] !== bytes[b.macHeader + i]) return false;
  }
  return true;
}
