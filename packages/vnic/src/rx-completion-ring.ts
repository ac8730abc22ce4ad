import type { Region } from '@netmem/region';
import { RX_COMPLETION_DESC_BYTES, RX_COMPLETION_PUBLISHED_WORD } from './abi/index.ts';
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
 * The word with the generation bit is bytes 4 to 7 of a completion. The 32 bytes are written first with that bit as it was
 * a lap ago, which tells a polling driver "not yet", and then that word alone is published with the bit of this lap.
 */
export class RxCompletionRing {
  /** Where the next completion goes. */
  index = 0;
  readonly #dma: DeviceDma;
  readonly #completion: Region;
  #ring = 0;
  #mask = 0;
  #generation = 0;

  /** @param scratch - Room for one completion, all zero. */
  constructor(dma: DeviceDma, scratch: Region) {
    this.#dma = dma;
    this.#completion = scratch;
  }

  create(ring: number, entries: number): void {
    this.#ring = ring;
    this.#mask = entries - 1;
    this.#generation = WORD1_GENERATION;
    this.index = 0;
  }

  /**
   * Writes one completion, its words as above without the generation bit.
   *
   * @param stamp - Low 32 bits of the card's clock, of any sign; used with WORD2_TS_VALID.
   * @returns false when the ring cannot be reached.
   */
  write(word0: number, word1: number, word2: number, word3: number, hash: number, stamp: number): boolean {
    const { view, base } = this.#completion;
    const index = this.index;
    const address = this.#ring + index * RX_COMPLETION_DESC_BYTES;
    view.setInt32(base + WORD0, word0, true);
    view.setInt32(base + WORD1, word1 | (this.#generation ^ WORD1_GENERATION), true);
    view.setInt32(base + WORD2, word2, true);
    view.setInt32(base + WORD3, word3, true);
    view.setInt32(base + WORD4, hash, true);
    if ((word2 & WORD2_TS_VALID) !== 0) view.setInt32(base + WORD7, stamp, true);
    const dma = this.#dma;
    if (
      dma.write(address, this.#completion, 0, RX_COMPLETION_DESC_BYTES) !== RX_COMPLETION_DESC_BYTES ||
      dma.publish32(address + WORD1, word1 | this.#generation) < 0
    ) {
      return false;
    }
    this.index = (index + 1) & this.#mask;
    if (this.index === 0) this.#generation ^= WORD1_GENERATION;
    return true;
  }
}
