import type { Region } from '@netmem/region';
import { RX_COMPLETION_DESC_BYTES, RX_COMPLETION_PUBLISHED_WORD } from './abi/index.ts';
import { RX_COMPLETION_BATCH } from './choices.ts';
import type { DeviceDma } from './host.ts';

// Completion fields as they lie in 32-bit words: one store per word, not one per field.
const WORD0 = 0;
const WORD1 = RX_COMPLETION_PUBLISHED_WORD;
const WORD2 = 8;
const WORD3 = 12;
const WORD4 = 16;
const WORD7 = 28;
const WORD1_GENERATION = 1 << 14;
/** header_len in the second word. */
export const WORD1_HEADER_LEN_SHIFT = 16;
/** rsc in the second word. */
export const WORD1_RSC: number = 1 << 26;
/** split_header in the second word. */
export const WORD1_SPLIT_HEADER: number = 1 << 27;
/** end_of_packet in the third word. */
export const WORD2_END_OF_PACKET: number = 1 << 1;
/** header_buffer_overflow in the third word. */
export const WORD2_HEADER_OVERFLOW: number = 1 << 2;
/** Bit 0 of ts_sub_nsecs_low in the third word: the last word is when the packet came. */
export const WORD2_TS_VALID: number = 1 << 24;
/** rsc_seg_len in the fourth word, above buf_id. */
export const WORD3_RSC_SEG_LEN_SHIFT = 16;

/**
 * The card's end of a ring of receive completions.
 *
 * The word with the generation bit is bytes 4 to 7 of a completion. Completions are collected and written with one write, the
 * first one's bit as it was a lap ago, which tells a polling driver "not yet", those behind it with the bit of this lap; then the
 * first one's word alone is published with the bit of this lap. Drivers look at completions one after the other, so none
 * of a batch is seen before that: the first holds the gate for all.
 */
export class RxCompletionRing {
  /** Where the next completion goes. */
  index = 0;
  readonly #dma: DeviceDma;
  readonly #batch: Region;
  #ring = 0;
  #mask = 0;
  #generation = 0;
  /** Completions collected, and the ring index of the first. They never go over the end of the ring. */
  #count = 0;
  #first = 0;
  #firstWord1 = 0;

  /** @param scratch - Room for RX_COMPLETION_BATCH completions, all zero. */
  constructor(dma: DeviceDma, scratch: Region) {
    this.#dma = dma;
    this.#batch = scratch;
  }

  create(ring: number, entries: number): void {
    this.#ring = ring;
    this.#mask = entries - 1;
    this.#generation = WORD1_GENERATION;
    this.index = 0;
    this.#first = 0;
    this.#count = 0;
  }

  /**
   * Adds one completion, its words as above without the generation bit. The driver sees it after the next {@link flush}, if
   * not before.
   *
   * @param stamp - Low 32 bits of the card's clock, of any sign; used with WORD2_TS_VALID.
   * @returns false when the ring cannot be reached.
   */
  write(word0: number, word1: number, word2: number, word3: number, hash: number, stamp: number): boolean {
    const { view, base } = this.#batch;
    const at = base + this.#count * RX_COMPLETION_DESC_BYTES;
    const seen = word1 | this.#generation;
    if (this.#count === 0) this.#firstWord1 = seen;
    view.setInt32(at + WORD0, word0, true);
    view.setInt32(at + WORD1, this.#count === 0 ? seen ^ WORD1_GENERATION : seen, true);
    view.setInt32(at + WORD2, word2, true);
    view.setInt32(at + WORD3, word3, true);
    view.setInt32(at + WORD4, hash, true);
    view.setInt32(at + WORD7, (word2 & WORD2_TS_VALID) !== 0 ? stamp : 0, true);
    this.#count++;
    this.index = (this.index + 1) & this.#mask;
    if (this.index === 0) this.#generation ^= WORD1_GENERATION;
    return this.#count < RX_COMPLETION_BATCH && this.index !== 0 ? true : this.flush();
  }

  /** Shows the driver what was collected. False: the ring cannot be reached. */
  flush(): boolean {
    if (this.#count === 0) return true;
    const address = this.#ring + this.#first * RX_COMPLETION_DESC_BYTES;
    const bytes = this.#count * RX_COMPLETION_DESC_BYTES;
    this.#count = 0;
    this.#first = this.index;
    const dma = this.#dma;
    return dma.write(address, this.#batch, 0, bytes) === bytes && dma.publish32(address + WORD1, this.#firstWord1) >= 0;
  }
}
