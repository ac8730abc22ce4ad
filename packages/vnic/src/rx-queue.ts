import type { Region } from '@netmem/region';
import {
  RX_BUFFER_DESC,
  RX_BUFFER_DESC_BYTES,
  RX_COMPLETION_DESC_BYTES,
  RX_COMPLETION_PUBLISHED_WORD,
  readU64le,
} from './abi/index.ts';
import { RX_DESC_BATCH } from './choices.ts';
import type { QueueContext } from './queue-context.ts';
import { RxQueueStats } from './stats.ts';

// Completion fields as they lie in 32-bit words: one store per word, not one per field.
const WORD0 = 0;
const WORD1 = RX_COMPLETION_PUBLISHED_WORD;
const WORD2 = 8;
const WORD3 = 12;
const WORD4 = 16;
const WORD1_GENERATION = 1 << 14;
const WORD1_HEADER_LEN_SHIFT = 16;
const WORD1_SPLIT_HEADER = 1 << 27;
/** end_of_packet in the third word. */
export const WORD2_END_OF_PACKET: number = 1 << 1;
/** header_buffer_overflow in the third word. */
export const WORD2_HEADER_OVERFLOW: number = 1 << 2;

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
 *
 * The word with the generation bit is bytes 4 to 7 of a completion. The 32 bytes are written first with that bit as it was
 * a lap ago, which tells a polling driver "not yet", and then that word alone is published with the bit of this lap.
 */
export class RxQueue {
  readonly id: number;
  readonly stats: RxQueueStats = new RxQueueStats();
  active = false;
  stopped = false;
  headerBufferBytes = 0;
  enableRsc = false;

  readonly #card: QueueContext;
  readonly #descs: Region;
  readonly #completion: Region;
  #block = -1;
  #completionRing = 0;
  #completionMask = 0;
  #bufferRing = 0;
  #bufferMask = 0;
  #packetBufferBytes = 0;
  #head = 0;
  #tail = 0;
  #completionIndex = 0;
  #generation = 0;
  /** Descriptors fetched ahead: the one at #head is at #cachedAt in #descs, #cached are left. */
  #cached = 0;
  #cachedAt = 0;
  #epoch = -1;

  constructor(card: QueueContext, id: number) {
    this.#card = card;
    this.id = id;
    this.#descs = card.carve(RX_DESC_BATCH * RX_BUFFER_DESC_BYTES);
    this.#completion = card.carve(RX_COMPLETION_DESC_BYTES);
  }

  create(params: RxQueueParams): void {
    this.#block = params.block;
    this.#completionRing = params.completionRing;
    this.#completionMask = params.completionEntries - 1;
    this.#bufferRing = params.bufferRing;
    this.#bufferMask = params.bufferEntries - 1;
    this.#packetBufferBytes = params.packetBufferBytes;
    this.headerBufferBytes = params.headerBufferBytes;
    this.enableRsc = params.enableRsc;
    this.#head = 0;
    this.#tail = 0;
    this.#completionIndex = 0;
    this.#generation = WORD1_GENERATION;
    this.#cached = 0;
    this.stopped = false;
    this.active = true;
  }

  destroy(): void {
    this.active = false;
    this.stopped = false;
  }

  /** Takes up the doorbell. Masked, because one driver counts on without end and the others write an index. */
  takeUp(tail: number): void {
    this.#tail = tail & this.#bufferMask;
    const epoch = this.#card.dma.epoch;
    if (epoch !== this.#epoch) {
      this.#epoch = epoch;
      this.#cached = 0;
    }
  }

  /** Buffers posted and not used yet. */
  get buffersPosted(): number {
    return (this.#tail - this.#head) & this.#bufferMask;
  }

  get completionIndex(): number {
    return this.#completionIndex;
  }

  /**
   * Puts one packet into posted buffers and completes them.
   *
   * @param from - Memory that holds the frame, at `at`, `length` bytes long.
   * @param headerLength - Bytes to split off, 0 to keep the packet whole.
   * @param word0 - rxdid, flags and packet type; `word2` status without end_of_packet; `hash`: for all its completions.
   * @param overflow - WORD2_HEADER_OVERFLOW when the headers did not fit, else 0: for the first completion.
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
  ): boolean {
    const size = this.#packetBufferBytes;
    let remaining = length - headerLength;
    const buffers = remaining <= size ? 1 : ((remaining + size - 1) / size) | 0;
    if (buffers > ((this.#tail - this.#head) & this.#bufferMask)) {
      this.stats.noBuffers++;
      return false;
    }
    const dma = this.#card.dma;
    const descs = this.#descs.view;
    let payloadAt = at + headerLength;
    let splitBits = 0;
    for (let i = 0; i < buffers; i++) {
      if (this.#cached === 0 && !this.#fetch()) return false;
      const desc = this.#cachedAt;
      if (i === 0 && headerLength > 0) {
        const headerAddress = readU64le(descs, desc + RX_BUFFER_DESC.headerBufAddr);
        if (dma.write(headerAddress, from, at, headerLength) !== headerLength) return this.#stop('header buffer');
        splitBits = (headerLength << WORD1_HEADER_LEN_SHIFT) | WORD1_SPLIT_HEADER;
      } else {
        splitBits = 0;
      }
      const bytes = Math.min(remaining, size);
      if (bytes > 0) {
        const address = readU64le(descs, desc + RX_BUFFER_DESC.bufAddr);
        if (dma.write(address, from, payloadAt, bytes) !== bytes) return this.#stop('packet buffer');
      }
      payloadAt += bytes;
      remaining -= bytes;
      const bufId = descs.getUint16(desc + RX_BUFFER_DESC.bufId, true);
      const status = word2 | (i === 0 ? overflow : 0) | (i === buffers - 1 ? WORD2_END_OF_PACKET : 0);
      if (!this.#complete(word0, splitBits | bytes, status, bufId, hash)) return false;
      this.#head = (this.#head + 1) & this.#bufferMask;
      this.#cached--;
      this.#cachedAt = desc + RX_BUFFER_DESC_BYTES;
    }
    this.stats.packets++;
    this.stats.bytes += length;
    if (headerLength > 0) this.stats.split++;
    else if (overflow !== 0) this.stats.headerOverflow++;
    return true;
  }

  #fetch(): boolean {
    const posted = (this.#tail - this.#head) & this.#bufferMask;
    const toRingEnd = this.#bufferMask + 1 - this.#head;
    let count = Math.min(posted, toRingEnd);
    if (count > RX_DESC_BATCH) count = RX_DESC_BATCH;
    const bytes = count * RX_BUFFER_DESC_BYTES;
    const address = this.#bufferRing + this.#head * RX_BUFFER_DESC_BYTES;
    if (this.#card.dma.read(address, this.#descs, 0, bytes) !== bytes) {
      return this.#stop('buffer ring');
    }
    this.#cached = count;
    this.#cachedAt = this.#descs.base;
    return true;
  }

  #complete(word0: number, word1: number, word2: number, bufId: number, hash: number): boolean {
    const { view, base } = this.#completion;
    const index = this.#completionIndex;
    const address = this.#completionRing + index * RX_COMPLETION_DESC_BYTES;
    view.setInt32(base + WORD0, word0, true);
    view.setInt32(base + WORD1, word1 | (this.#generation ^ WORD1_GENERATION), true);
    view.setInt32(base + WORD2, word2, true);
    view.setInt32(base + WORD3, bufId, true);
    view.setInt32(base + WORD4, hash, true);
    const dma = this.#card.dma;
    if (
      dma.write(address, this.#completion, 0, RX_COMPLETION_DESC_BYTES) !== RX_COMPLETION_DESC_BYTES ||
      dma.publish32(address + RX_COMPLETION_PUBLISHED_WORD, word1 | this.#generation) < 0
    ) {
      return this.#stop('completion ring');
    }
    this.stats.completions++;
    this.#completionIndex = (index + 1) & this.#completionMask;
    if (this.#completionIndex === 0) this.#generation ^= WORD1_GENERATION;
    this.#card.interrupts.touch(this.#block);
    return true;
  }

  /** Always false, for callers that stop with it. */
  #stop(what: string): false {
    this.stopped = true;
    this.#card.fault('rx-queue-stopped', `receive queue ${this.id}: the card cannot reach its ${what}`);
    return false;
  }
}
