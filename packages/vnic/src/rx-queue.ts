import type { Region } from '@netmem/region';
import { RX_BUFFER_DESC, RX_BUFFER_DESC_BYTES, RX_COMPLETION_DESC_BYTES, readU64le } from './abi/index.ts';
import { RX_COMPLETION_BATCH, RX_DESC_BATCH } from './choices.ts';
import type { QueueContext } from './queue-context.ts';
import { MERGE_HEADER_BYTES, type MergeQueue, RscMerge } from './rsc-merge.ts';
import { RxBufferRing } from './rx-buffer-ring.ts';
import {
  RxCompletionRing,
  WORD1_HEADER_LEN_SHIFT,
  WORD1_RSC,
  WORD1_SPLIT_HEADER,
  WORD2_END_OF_PACKET,
  WORD3_RSC_SEG_LEN_SHIFT,
} from './rx-completion-ring.ts';
import { RxQueueStats } from './stats.ts';

/** What CREATE_RX_QUEUE says, checked. */
export interface RxQueueParams {
  readonly block: number;
  readonly completionRing: number;
  readonly completionEntries: number;
  readonly bufferRing: number;
  readonly bufferEntries: number;
  readonly packetBufferBytes: number;
  /** 0 = do not split. */
  readonly headerBufferBytes: number;
  readonly enableRsc: boolean;
}

/**
 * A receive queue: a ring of posted buffers that the driver fills, a ring of completions that the card fills.
 *
 * Buffers are used strictly in ring order and completions written in the same order, one for each buffer, so that the n-th
 * completion belongs to the n-th buffer (Linux before mid-2026 finds its header slots that way).
 */
export class RxQueue implements MergeQueue {
  readonly id: number;
  readonly stats: RxQueueStats = new RxQueueStats();
  readonly buffers: RxBufferRing;
  /** The packet that segments are being merged into; used when `enableRsc`. */
  readonly merge: RscMerge;
  active = false;
  stopped = false;
  packetBufferBytes = 0;
  headerBufferBytes = 0;
  enableRsc = false;
  /** When the frame that is being placed came: low 32 bits of the card's clock, on a card that stamps. */
  stamp = 0;

  readonly #card: QueueContext;
  readonly #completions: RxCompletionRing;
  #block = -1;

  constructor(card: QueueContext, id: number) {
    this.#card = card;
    this.id = id;
    this.buffers = new RxBufferRing(card.dma, card.carve(RX_DESC_BATCH * RX_BUFFER_DESC_BYTES));
    this.#completions = new RxCompletionRing(card.dma, card.carve(RX_COMPLETION_BATCH * RX_COMPLETION_DESC_BYTES));
    this.merge = new RscMerge(this, card.dma, card.carve(MERGE_HEADER_BYTES));
  }

  create(params: RxQueueParams): void {
    this.#block = params.block;
    this.#completions.create(params.completionRing, params.completionEntries);
    this.buffers.create(params.bufferRing, params.bufferEntries);
    this.packetBufferBytes = params.packetBufferBytes;
    this.headerBufferBytes = params.headerBufferBytes;
    this.enableRsc = params.enableRsc;
    this.stopped = false;
    this.active = true;
  }

  /** Forgets everything, an open packet included. */
  destroy(): void {
    this.merge.abandon();
    this.active = false;
    this.stopped = false;
  }

  /** Takes up the doorbell. */
  takeUp(tail: number): void {
    this.buffers.takeUp(tail);
  }

  /** Buffers posted and not used yet. */
  get buffersPosted(): number {
    return this.buffers.posted;
  }

  get completionIndex(): number {
    return this.#completions.index;
  }

  /**
   * Puts one packet into posted buffers and completes them.
   *
   * @param from - Memory that holds the frame, at `at`, `length` bytes long.
   * @param headerLength - Bytes to split off, 0 to keep the packet whole.
   * @param word0 - rxdid, flags and packet type; `word2` status without end_of_packet; `hash`: for all its completions.
   * @param overflow - WORD2_HEADER_OVERFLOW when the headers did not fit, else 0: for the first completion.
   * @param segmentBytes - Payload of each segment that the packet stands for; 0 for a packet as it came from the wire.
   * @returns false when it was dropped for want of buffers, or the queue stopped.
   */
  deliver(
    from: Region,
    at: number,
    length: number,
    headerLength: number,
    word0: number,
    word2: number,
    overflow: number,
    hash: number,
    segmentBytes: number,
  ): boolean {
    const size = this.packetBufferBytes;
    let remaining = length - headerLength;
    const buffers = remaining <= size ? 1 : ((remaining + size - 1) / size) | 0;
    if (buffers > this.buffers.posted) {
      this.stats.noBuffers++;
      return false;
    }
    const dma = this.#card.dma;
    const descs = this.buffers.view;
    const rsc = segmentBytes === 0 ? 0 : WORD1_RSC;
    const segmentWord = segmentBytes << WORD3_RSC_SEG_LEN_SHIFT;
    let payloadAt = at + headerLength;
    let splitBits = 0;
    for (let i = 0; i < buffers; i++) {
      const desc = this.buffers.take();
      if (desc < 0) return this.fail('buffer ring');
      if (i === 0 && headerLength > 0) {
        const headerAddress = readU64le(descs, desc + RX_BUFFER_DESC.headerBufAddr);
        if (dma.write(headerAddress, from, at, headerLength) !== headerLength) return this.fail('header buffer');
        splitBits = (headerLength << WORD1_HEADER_LEN_SHIFT) | WORD1_SPLIT_HEADER;
      } else {
        splitBits = 0;
      }
      const bytes = Math.min(remaining, size);
      if (bytes > 0) {
        const address = readU64le(descs, desc + RX_BUFFER_DESC.bufAddr);
        if (dma.write(address, from, payloadAt, bytes) !== bytes) return this.fail('packet buffer');
      }
      payloadAt += bytes;
      remaining -= bytes;
      const bufId = descs.getUint16(desc + RX_BUFFER_DESC.bufId, true);
      const status = word2 | (i === 0 ? overflow : 0) | (i === buffers - 1 ? WORD2_END_OF_PACKET : 0);
      if (!this.complete(word0, splitBits | rsc | bytes, status, bufId | segmentWord, hash, this.stamp)) return false;
    }
    this.stats.packets++;
    this.stats.bytes += length;
    if (headerLength > 0) this.stats.split++;
    else if (overflow !== 0) this.stats.headerOverflow++;
    return true;
  }

  /** Writes one completion, which the driver sees when the round of the card ends. False: the queue has stopped. */
  complete(word0: number, word1: number, word2: number, word3: number, hash: number, stamp: number): boolean {
    if (!this.#completions.write(word0, word1, word2, word3, hash, stamp)) return this.fail('completion ring');
    this.stats.completions++;
    this.#card.interrupts.touch(this.#block);
    return true;
  }

  /** Shows the driver the completions that were written. The interrupt must not come before. */
  flush(): void {
    if (!this.stopped && !this.#completions.flush()) this.fail('completion ring');
  }

  /** Stops the queue, behind what was completed before. Always false, for callers that stop with it. */
  fail(what: string): false {
    this.stopped = true;
    this.#completions.flush();
    this.#card.fault('rx-queue-stopped', `receive queue ${this.id}: the card cannot reach its ${what}`);
    return false;
  }
}
