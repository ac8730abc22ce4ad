import { DMA_FROM_DEVICE, PAGE_SIZE } from '@netmem/machine';
import {
  type PagePool,
  PP_FLAG_ALLOW_UNREADABLE_NETMEM,
  PP_FLAG_DMA_MAP,
  PP_FLAG_DMA_SYNC_DEV,
} from '@netmem/page-pool';
import { isErr, type NegativeErrno } from '@netmem/uapi';
import { Napi } from '../napi.ts';
import { ethTypeTrans } from '../receive.ts';
import { SKB_DROP_REASON, SKB_HEADROOM } from '../skb-constants.ts';
import type { SkBuff } from '../skbuff.ts';
import type { PacketDriver } from './packet-driver.ts';
import type { WireFrame } from './wire-frame.ts';

/** Ring slots of a queue's pools: the size of a ring. */
const POOL_SIZE = 512;

/** What a receive queue is made of. A restart makes a second one of these beside the first. */
export class PacketQueue {
  readonly driver: PacketDriver;
  readonly index: number;
  readonly napi: Napi;
  /** Payload. Its provider, if the queue has one, decides where payload lands. */
  readonly pool: PagePool;
  /** Headers, when the driver keeps them in pages. Never a provider's: they must be readable (driver rule I-8). */
  readonly headerPool: PagePool | null;

  private constructor(driver: PacketDriver, index: number, napi: Napi, pool: PagePool, headerPool: PagePool | null) {
    this.driver = driver;
    this.index = index;
    this.napi = napi;
    this.pool = pool;
    this.headerPool = headerPool;
  }

  /**
   * Builds a queue with its pools, beside a live one if need be (driver rule I-5).
   *
   * @param napi - The instance to go on with; null for a new one in the queue's place.
   * @returns the errno of a pool that could not be made.
   */
  static build(driver: PacketDriver, index: number, napi: Napi | null): PacketQueue | NegativeErrno {
    const instance = napi ?? new Napi(driver.netdev, (budget) => driver.poll(index, budget), { configIndex: index });
    const made = PacketQueue.#pools(driver, index, instance);
    if (!isErr(made)) return new PacketQueue(driver, index, instance, made.pool, made.headerPool);
    if (napi === null) instance.del();
    return made;
  }

  static #pools(
    driver: PacketDriver,
    index: number,
    napi: Napi,
  ): { pool: PagePool; headerPool: PagePool | null } | NegativeErrno {
    const pools = driver.network.pools;
    // All three flags on the payload pool, the queue it is for, and the device it is found by (driver rules RX-4a to RX-4c). Order 0 and
    // max_len PAGE_SIZE: the device may write all of a page (I-7).
    const pool = pools.create({
      flags: PP_FLAG_DMA_MAP | PP_FLAG_DMA_SYNC_DEV | PP_FLAG_ALLOW_UNREADABLE_NETMEM,
      poolSize: POOL_SIZE,
      dev: driver.device,
      napi,
      dmaDir: DMA_FROM_DEVICE,
      maxLen: PAGE_SIZE,
      netdev: driver.netdev,
      queueIdx: index,
    });
    if (isErr(pool)) return pool;
    if (driver.headers === 'linear') return { pool, headerPool: null };
    const headerPool = pools.create({
      flags: PP_FLAG_DMA_MAP | PP_FLAG_DMA_SYNC_DEV,
      poolSize: POOL_SIZE,
      dev: driver.device,
      napi,
      dmaDir: DMA_FROM_DEVICE,
      maxLen: PAGE_SIZE,
      netdev: driver.netdev,
    });
    if (isErr(headerPool)) {
      pool.destroy();
      return headerPool;
    }
    return { pool, headerPool };
  }

  /** Frees the pools. What is still out in packets comes back later (driver rule I-9). */
  destroyPools(): void {
    this.pool.destroy();
    this.headerPool?.destroy();
  }

  /** One turn: as many waiting frames as the budget allows. */
  poll(budget: number): number {
    const waiting = this.driver.waiting(this.index);
    let work = 0;
    while (work < budget) {
      const frame = waiting.shift();
      if (frame === undefined) break;
      this.#receive(frame);
      work++;
    }
    if (work < budget) this.napi.completeDone(work);
    return work;
  }

  #receive(frame: WireFrame): void {
    const { driver } = this;
    const split = frame.splitAt(driver.netdev.cfg, driver.splitByDefault);
    const skb = this.#head(frame, split);
    if (skb === null || !this.#payload(skb, frame, split)) {
      driver.counters.allocFail++;
      skb?.free(SKB_DROP_REASON.NOMEM);
      return;
    }
    driver.counters.rxPackets++;
    driver.counters.rxBytes += frame.bytes.length;
    skb.rxQueue = this.index;
    frame.annotate(skb);
    skb.protocol = ethTypeTrans(skb, driver.netdev);
    if (skb.protocol === 0) skb.free(SKB_DROP_REASON.DEV_HDR);
    else if (driver.gro) this.napi.groReceive(skb);
    else this.#deliver(skb);
  }

  #deliver(skb: SkBuff): void {
    skb.napiId = this.napi.id;
    this.driver.network.receive(skb);
  }

  // The first `split` bytes, in the skb's own head or in a page of the header pool.
  #head(frame: WireFrame, split: number): SkBuff | null {
    const { network } = this.driver;
    if (this.headerPool === null) {
      const skb = network.skbs.alloc(this.driver.netdev);
      if (skb !== null) network.machine.memory.bytes.set(frame.bytes.subarray(0, split), skb.put(split));
      return skb;
    }
    const ref = this.headerPool.allocNetmems();
    if (ref === 0) return null;
    this.driver.deviceWrites(this.headerPool.getDmaAddrNetmem(ref) + SKB_HEADROOM, frame, 0, split);
    this.headerPool.dmaSyncNetmemForCpu(ref, SKB_HEADROOM, split);
    const skb = network.skbs.build(this.driver.netdev, ref, 0, PAGE_SIZE);
    if (skb === null) {
      this.headerPool.putFullNetmem(ref, true);
      return null;
    }
    skb.markForRecycle();
    skb.reserve(SKB_HEADROOM);
    skb.put(split);
    return skb;
  }

  // The rest, page by page: memory is asked for when the packet is there, not ahead of it.
  #payload(skb: SkBuff, frame: WireFrame, split: number): boolean {
    const { pool, driver } = this;
    for (let at = split; at < frame.bytes.length; at += PAGE_SIZE) {
      const size = Math.min(PAGE_SIZE, frame.bytes.length - at);
      // 0 is ordinary: a provider runs dry whenever user space keeps its tokens (I-6).
      const ref = pool.allocNetmems();
      if (ref === 0) return false;
      skb.markForRecycle();
      driver.deviceWrites(pool.getDmaAddrNetmem(ref), frame, at, size);
      pool.dmaSyncNetmemForCpu(ref, 0, size);
      skb.addRxFragNetmem(ref, 0, size, PAGE_SIZE);
    }
    return true;
  }
}
