import type { CoherentBuffer, DmaDevice, Timer } from '@netmem/machine';
import { DMA_FROM_DEVICE, PAGE_SIZE } from '@netmem/machine';
import type { Napi, NetDevice, Network, SkBuff } from '@netmem/netdev';
import type { NetmemRef, NetmemTable } from '@netmem/netmem';
import {
  type PagePool,
  PP_FLAG_ALLOW_UNREADABLE_NETMEM,
  PP_FLAG_DMA_MAP,
  PP_FLAG_DMA_SYNC_DEV,
} from '@netmem/page-pool';
import type { Move } from '@netmem/region';
import { ENOMEM, type ErrPtr, isErr } from '@netmem/uapi';
import { QUEUE_RESOURCES, RX_BUFFER_DESC_BYTES, RX_COMPLETION_DESC_BYTES } from '@netmem/vnic/abi';
import type { NicClock } from './clock.ts';
import type { RxQueueStats } from './queue-stats.ts';
import type { Registers } from './registers.ts';
import { RX_BUF_THRESH, RX_POOL_RATIO } from './settings.ts';

/** What a receive ring is built from. */
export interface RxRingPlan {
  readonly network: Network;
  readonly netdev: NetDevice;
  readonly dma: DmaDevice;
  readonly registers: Registers;
  readonly napi: Napi;
  readonly stats: RxQueueStats;
  readonly index: number;
  readonly entries: number;
  /** Bytes of a payload buffer, at most PAGE_SIZE. */
  readonly bufferBytes: number;
  /** Bytes of a header buffer; 0: no header split, and then the payload pool must not be unreadable. */
  readonly headerBytes: number;
  /** The card may merge segments of a flow. */
  readonly hwGro: boolean;
  readonly copybreak: number;
  readonly clock: NicClock;
  /** Layer 3 and layer 4 of packet type t at 2t and 2t + 1. */
  readonly ptypes: Uint8Array;
}

/**
 * Everything that one receive queue owns, made without touching the live queue (I-5): descriptor rings, header buffers, payload pool.
 * Columns are indexed by buffer id, which a descriptor carries and its completion echoes.
 *
 * Header buffers are one coherent array beside the pool (I-8): the card writes header `id` there, the CPU copies it out, and the payload
 * buffer stays untouched by the CPU.
 */
export class RxRing {
  readonly index: number;
  readonly entries: number;
  readonly mask: number;
  /** The card is told of this many buffers at a time; with fewer in its hands it is close to running dry. */
  readonly threshold: number;
  readonly bufferBytes: number;
  readonly headerBytes: number;
  readonly hwGro: boolean;
  readonly copybreak: number;
  readonly clock: NicClock;
  readonly network: Network;
  readonly netdev: NetDevice;
  readonly netmem: NetmemTable;
  readonly registers: Registers;
  readonly napi: Napi;
  readonly stats: RxQueueStats;
  readonly ptypes: Uint8Array;
  readonly pool: PagePool;
  readonly buffers: CoherentBuffer;
  readonly completions: CoherentBuffer;
  readonly resources: CoherentBuffer;
  readonly headers: CoherentBuffer | null;
  /** The machine's bytes: descriptors are read and written by linear address. */
  readonly view: DataView;
  /** Moves bytes between linear addresses. */
  readonly move: Move;

  /** The netmem posted under each buffer id; 0: the id is free. */
  readonly posted: Int32Array;
  /** Free buffer ids, a stack. */
  readonly freeIds: Int32Array;
  freeCount = 0;
  /** Next buffer descriptor to write, masked; how far the card has been told; what the card has consumed, by count. */
  tail = 0;
  announced = 0;
  completionHead = 0;
  /** Generation bit of a fresh completion: 1 on the first lap, then flipping. */
  generation = 1;
  /** Buffers that the card was told of and has not completed. */
  visible = 0;
  doorbell = 0;
  /** Wakes a queue that ran dry; see rx-refill.ts. */
  readonly starvation: Timer;

  /** The packet being put together: its first skb and the one that takes the next fragment. */
  skbHead: SkBuff | null = null;
  skbTail: SkBuff | null = null;
  /** The rest of the current packet is thrown away: something went wrong in the middle of it. */
  skipping = false;

  constructor(plan: RxRingPlan, pool: PagePool, memory: RxRingMemory) {
    this.index = plan.index;
    this.entries = plan.entries;
    this.mask = plan.entries - 1;
    this.threshold = Math.min(RX_BUF_THRESH, plan.entries >> 1);
    this.bufferBytes = plan.bufferBytes;
    this.headerBytes = plan.headerBytes;
    this.hwGro = plan.hwGro;
    this.copybreak = plan.copybreak;
    this.clock = plan.clock;
    this.network = plan.network;
    this.netdev = plan.netdev;
    this.netmem = plan.network.netmem;
    this.registers = plan.registers;
    this.napi = plan.napi;
    this.stats = plan.stats;
    this.ptypes = plan.ptypes;
    this.pool = pool;
    this.buffers = memory.buffers;
    this.completions = memory.completions;
    this.resources = memory.resources;
    this.headers = memory.headers;
    this.view = plan.network.machine.memory.view;
    this.move = plan.network.machine.memory.move;
    this.posted = new Int32Array(plan.entries);
    this.freeIds = new Int32Array(plan.entries);
    this.starvation = plan.network.machine.clock.createTimer(() => {
      this.stats.starvationKicks++;
      this.napi.schedule();
    }, 'softirq');
    this.reset();
  }

  /** Back to an empty ring, as before its first start. Whatever was posted must have been returned. */
  reset(): void {
    const { entries, network } = this;
    const { bytes } = network.machine.memory;
    bytes.fill(0, this.buffers.address, this.buffers.address + this.buffers.length);
    // Zeroes, because a completion of generation 0 must read as "not written yet" on the first lap.
    bytes.fill(0, this.completions.address, this.completions.address + this.completions.length);
    for (let i = 0; i < entries; i++) this.freeIds[i] = entries - 1 - i;
    this.freeCount = entries;
    this.tail = 0;
    this.announced = 0;
    this.completionHead = 0;
    this.generation = 1;
    this.visible = 0;
    this.skipping = false;
  }

  /** After CREATE_RX_QUEUE: the doorbell that the card chose. */
  readDoorbell(): void {
    this.doorbell = this.view.getUint32(this.resources.address + QUEUE_RESOURCES.dbIndex);
  }
}

interface RxRingMemory {
  readonly buffers: CoherentBuffer;
  readonly completions: CoherentBuffer;
  readonly resources: CoherentBuffer;
  readonly headers: CoherentBuffer | null;
}

/**
 * Builds a ring. Called with the instance lock held, because creating a pool that may be unreadable looks at the queue's provider.
 *
 * @returns the ring; `-ENOMEM`; or the pool's errno, which carries the provider's (E2BIG, EINVAL).
 */
export function allocRxRing(plan: RxRingPlan): ErrPtr<RxRing> {
  const pool = createPayloadPool(plan);
  if (isErr(pool)) return pool;
  const { dma, entries } = plan;
  const buffers = dma.allocCoherent(entries * RX_BUFFER_DESC_BYTES);
  const completions = dma.allocCoherent(entries * RX_COMPLETION_DESC_BYTES);
  const resources = dma.allocCoherent(QUEUE_RESOURCES.$.sizeBytes);
  const headers = plan.headerBytes === 0 ? null : dma.allocCoherent(entries * plan.headerBytes);
  if (buffers === null || completions === null || resources === null || (plan.headerBytes > 0 && headers === null)) {
    for (const buffer of [buffers, completions, resources, headers]) if (buffer !== null) dma.freeCoherent(buffer);
    pool.destroy();
    return -ENOMEM;
  }
  return new RxRing(plan, pool, { buffers, completions, resources, headers });
}

/** RX-1: payload buffers come from a page pool, one per queue. */
function createPayloadPool(plan: RxRingPlan): ErrPtr<PagePool> {
  let flags = PP_FLAG_DMA_MAP /* RX-4a */ | PP_FLAG_DMA_SYNC_DEV; /* RX-4b */
  // RX-4c: unreadable memory is welcome exactly while headers go elsewhere. Without a provider on the queue the flag changes nothing.
  if (plan.headerBytes > 0) flags |= PP_FLAG_ALLOW_UNREADABLE_NETMEM;
  return plan.network.pools.create({
    flags,
    order: 0,
    poolSize: RX_POOL_RATIO * plan.entries,
    nid: -1,
    dev: plan.dma,
    // Given when the ring starts: a ring that is built beside the live one must not recycle into a cache that a poll uses, and may be
    // thrown away while that poll runs (I-9).
    napi: null,
    netdev: plan.netdev,
    queueIdx: plan.index,
    // I-11: the other direction is for XDP, which this driver does not have and which no provider goes with.
    dmaDir: DMA_FROM_DEVICE,
    // I-7: covers all that the card can write.
    maxLen: PAGE_SIZE,
    offset: 0,
  });
}

/**
 * Takes every posted buffer back. The card must not know them any more (I-9), and no poll may run.
 */
export function drainRxRing(ring: RxRing): void {
  ring.starvation.del();
  ring.skbHead?.free();
  ring.skbHead = null;
  ring.skbTail = null;
  for (let id = 0; id < ring.entries; id++) {
    const ref = ring.posted[id] as NetmemRef;
    if (ref === 0) continue;
    ring.posted[id] = 0;
    // I-3: not the poll of this queue, so not direct.
    ring.pool.putFullNetmem(ref, false);
  }
  ring.reset();
}

/** Frees a drained ring. The pool may live on until the stack and the user return what they hold. */
export function freeRxRing(ring: RxRing, dma: DmaDevice): void {
  drainRxRing(ring);
  ring.pool.destroy();
  dma.freeCoherent(ring.buffers);
  dma.freeCoherent(ring.completions);
  dma.freeCoherent(ring.resources);
  if (ring.headers !== null) dma.freeCoherent(ring.headers);
}
