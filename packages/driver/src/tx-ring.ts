import { type CoherentBuffer, DMA_TO_DEVICE, type DmaDevice } from '@netmem/machine';
import {
  MAX_SKB_FRAGS,
  type Napi,
  type NetDevice,
  type NetdevTxQueue,
  type Network,
  type SkBuff,
} from '@netmem/netdev';
import type { NetmemTable } from '@netmem/netmem';
import { ENOMEM, type ErrPtr } from '@netmem/uapi';
import { QUEUE_RESOURCES, TX_COMPLETION_DESC_BYTES, TX_DESC_BYTES } from '@netmem/vnic/abi';
import type { TxQueueStats } from './queue-stats.ts';
import type { Registers } from './registers.ts';
import { TX_RESERVED_SLOTS } from './settings.ts';

/** Buffers of one packet at most: the linear part and every fragment. */
export const TX_BUFFERS_MAX: number = MAX_SKB_FRAGS + 1;
/** Context descriptors in front of a packet: TSO and general. */
export const TX_CONTEXTS_MAX = 2;
/** A queue with fewer free slots than this is stopped: the next packet might not fit. */
export const TX_STOP_SLOTS: number = TX_BUFFERS_MAX + TX_CONTEXTS_MAX + TX_RESERVED_SLOTS;

/** What a transmit ring is built from. */
export interface TxRingPlan {
  readonly network: Network;
  readonly netdev: NetDevice;
  readonly dma: DmaDevice;
  readonly registers: Registers;
  readonly napi: Napi;
  readonly stats: TxQueueStats;
  readonly index: number;
  readonly entries: number;
}

/**
 * Everything that one transmit queue owns. A packet has a completion tag from being queued to being completed; columns are indexed by tag,
 * and the buffers of tag t are at t · TX_BUFFERS_MAX and behind.
 */
export class TxRing {
  readonly index: number;
  readonly entries: number;
  readonly mask: number;
  readonly network: Network;
  readonly netdev: NetDevice;
  readonly netmem: NetmemTable;
  readonly dma: DmaDevice;
  readonly registers: Registers;
  readonly napi: Napi;
  readonly queue: NetdevTxQueue;
  readonly stats: TxQueueStats;
  readonly slots: CoherentBuffer;
  readonly completions: CoherentBuffer;
  readonly resources: CoherentBuffer;
  readonly view: DataView;

  /** Tags there are: so few that completions, two per packet, cannot overrun their ring. */
  readonly tags: number;
  /** Free tags, a stack. */
  readonly freeTags: Int32Array;
  freeTagCount = 0;
  /** The packet under each tag; null: the tag is free. */
  readonly packets: (SkBuff | null)[];
  readonly bufferCount: Uint8Array;
  /** TX-1: addresses to unmap, set through the netmem helper, so that 0 means "not ours to unmap". */
  readonly unmapAddress: Float64Array;
  readonly unmapLength: Int32Array;
  /** Where the card finds the buffers of the packet being queued. Apart from the former, because that one may be 0. */
  readonly descriptorAddress: Float64Array = new Float64Array(TX_BUFFERS_MAX);

  /** Next slot to write; the card has fetched up to `head`; both masked. */
  tail = 0;
  head = 0;
  /** Tail at the last packet that asked for a completion of the ring. */
  reportedTail = 0;
  completionHead = 0;
  generation = 1;
  doorbell = 0;

  constructor(plan: TxRingPlan, memory: TxRingMemory) {
    this.index = plan.index;
    this.entries = plan.entries;
    this.mask = plan.entries - 1;
    this.network = plan.network;
    this.netdev = plan.netdev;
    this.netmem = plan.network.netmem;
    this.dma = plan.dma;
    this.registers = plan.registers;
    this.napi = plan.napi;
    this.queue = plan.netdev.txQueues[plan.index];
    this.stats = plan.stats;
    this.slots = memory.slots;
    this.completions = memory.completions;
    this.resources = memory.resources;
    this.view = plan.network.machine.memory.view;
    this.tags = (plan.entries - plan.entries / 32) >> 1;
    this.freeTags = new Int32Array(this.tags);
    this.packets = new Array<SkBuff | null>(this.tags).fill(null);
    this.bufferCount = new Uint8Array(this.tags);
    this.unmapAddress = new Float64Array(this.tags * TX_BUFFERS_MAX);
    this.unmapLength = new Int32Array(this.tags * TX_BUFFERS_MAX);
    for (let tag = 0; tag < this.tags; tag++) this.freeTags[tag] = this.tags - 1 - tag;
    this.freeTagCount = this.tags;
  }

  /** Slots that a packet may use now. */
  get room(): number {
    return this.mask - ((this.tail - this.head) & this.mask) - TX_RESERVED_SLOTS;
  }

  /** After CREATE_TX_QUEUE: the doorbell that the card chose. */
  readDoorbell(): void {
    this.doorbell = this.view.getUint32(this.resources.address + QUEUE_RESOURCES.dbIndex);
  }
}

interface TxRingMemory {
  readonly slots: CoherentBuffer;
  readonly completions: CoherentBuffer;
  readonly resources: CoherentBuffer;
}

/** Builds a ring, or returns `-ENOMEM`. */
export function allocTxRing(plan: TxRingPlan): ErrPtr<TxRing> {
  const { dma, entries } = plan;
  const slots = dma.allocCoherent(entries * TX_DESC_BYTES);
  const completions = dma.allocCoherent(entries * TX_COMPLETION_DESC_BYTES);
  const resources = dma.allocCoherent(QUEUE_RESOURCES.$.sizeBytes);
  if (slots === null || completions === null || resources === null) {
    for (const buffer of [slots, completions, resources]) if (buffer !== null) dma.freeCoherent(buffer);
    return -ENOMEM;
  }
  return new TxRing(plan, { slots, completions, resources });
}

/** Unmaps the buffers of a tag and frees the tag. TX-1: through the netmem helper, which passes over what was never mapped here. */
export function releaseTag(ring: TxRing, tag: number): void {
  const base = tag * TX_BUFFERS_MAX;
  const count = ring.bufferCount[tag];
  for (let i = 0; i < count; i++) {
    ring.netmem.dmaUnmapPageAttrs(ring.dma, ring.unmapAddress[base + i], ring.unmapLength[base + i], DMA_TO_DEVICE);
  }
  ring.bufferCount[tag] = 0;
  ring.packets[tag] = null;
  ring.freeTags[ring.freeTagCount++] = tag;
}

/** Frees a ring that the card has forgotten, with the packets that it never completed. */
export function freeTxRing(ring: TxRing): void {
  for (let tag = 0; tag < ring.tags; tag++) {
    const skb = ring.packets[tag];
    if (skb === null || skb === undefined) continue;
    releaseTag(ring, tag);
    skb.free();
  }
  ring.dma.freeCoherent(ring.slots);
  ring.dma.freeCoherent(ring.completions);
  ring.dma.freeCoherent(ring.resources);
}
