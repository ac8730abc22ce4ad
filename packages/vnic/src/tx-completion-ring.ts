import type { Region } from '@netmem/region';
import { TX_COMPLETION_DESC_BYTES, TX_COMPLETION_TYPE_SHIFT } from './abi/index.ts';
import { TX_COMPLETION_BATCH } from './choices.ts';
import type { DeviceDma } from './host.ts';

const GENERATION = 1 << 15;
const VALUE_SHIFT = 16;

/**
 * The card's end of a ring of transmit completions.
 *
 * A completion's first word says everything and holds the generation bit; the second word is reserved and 0. Completions are
 * collected: all behind the first go with one write, and then the first one's word is published. Drivers look at them
 * one after the other, so none of a batch is seen before that: the first holds the gate for all.
 */
export class TxCompletionRing {
  /** Where the next completion goes. */
  index = 0;
  readonly #dma: DeviceDma;
  readonly #batch: Region;
  readonly #queueId: number;
  #ring = 0;
  #mask = 0;
  #generation = 0;
  /** Completions collected, and the ring index of the first. They never go over the end of the ring. */
  #count = 0;
  #first = 0;
  #firstWord = 0;

  /** @param scratch - Room for TX_COMPLETION_BATCH completions, all zero. */
  constructor(dma: DeviceDma, scratch: Region, queueId: number) {
    this.#dma = dma;
    this.#batch = scratch;
    this.#queueId = queueId;
  }

  create(ring: number, entries: number): void {
    this.#ring = ring;
    this.#mask = entries - 1;
    this.#generation = GENERATION;
    this.index = 0;
    this.#first = 0;
    this.#count = 0;
  }

  /**
   * Adds a completion. The driver sees it after the next {@link flush}, if not before.
   *
   * @param type - TX_COMPLETION_TYPE_*.
   * @param value - The packet's tag, or the ring index up to which descriptors are free.
   * @returns false when the ring cannot be reached.
   */
  write(type: number, value: number): boolean {
    const word = this.#queueId | (type << TX_COMPLETION_TYPE_SHIFT) | this.#generation | (value << VALUE_SHIFT);
    if (this.#count === 0) this.#firstWord = word;
    const { view, base } = this.#batch;
    view.setInt32(base + this.#count * TX_COMPLETION_DESC_BYTES, word, true);
    this.#count++;
    this.index = (this.index + 1) & this.#mask;
    if (this.index === 0) this.#generation ^= GENERATION;
    return this.#count < TX_COMPLETION_BATCH && this.index !== 0 ? true : this.flush();
  }

  /** Shows the driver what was collected. False: the ring cannot be reached. */
  flush(): boolean {
    const count = this.#count;
    if (count === 0) return true;
    const address = this.#ring + this.#first * TX_COMPLETION_DESC_BYTES;
    this.#count = 0;
    this.#first = this.index;
    const dma = this.#dma;
    if (count > 1) {
      const bytes = (count - 1) * TX_COMPLETION_DESC_BYTES;
      const behind = address + TX_COMPLETION_DESC_BYTES;
      if (dma.write(behind, this.#batch, TX_COMPLETION_DESC_BYTES, bytes) !== bytes) return false;
    }
    return dma.publish32(address, this.#firstWord) >= 0;
  }
}
