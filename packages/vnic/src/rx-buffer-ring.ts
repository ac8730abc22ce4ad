import type { Region } from '@netmem/region';
import { RX_BUFFER_DESC_BYTES } from './abi/index.ts';
import { RX_DESC_BATCH } from './choices.ts';
import type { DeviceDma } from './host.ts';

/**
 * The card's end of a ring of posted buffers: descriptors are used strictly in ring order and fetched a few at a time.
 */
export class RxBufferRing {
  readonly #dma: DeviceDma;
  readonly #descs: Region;
  #ring = 0;
  #mask = 0;
  #head = 0;
  #tail = 0;
  /** Descriptors fetched ahead: the next one is at #cachedAt in the scratch, #cached are left. */
  #cached = 0;
  #cachedAt = 0;
  #epoch = -1;

  /** @param scratch - Room for RX_DESC_BATCH descriptors. */
  constructor(dma: DeviceDma, scratch: Region) {
    this.#dma = dma;
    this.#descs = scratch;
  }

  /** Where {@link take}'s positions point into. */
  get view(): DataView {
    return this.#descs.view;
  }

  /** Buffers posted and not used yet. */
  get posted(): number {
    return (this.#tail - this.#head) & this.#mask;
  }

  create(ring: number, entries: number): void {
    this.#ring = ring;
    this.#mask = entries - 1;
    this.#head = 0;
    this.#tail = 0;
    this.#cached = 0;
  }

  /** Takes up the doorbell. Masked, because one driver counts on without end and the others write an index. */
  takeUp(tail: number): void {
    this.#tail = tail & this.#mask;
  }

  /**
   * Uses the next buffer; one has to be posted.
   *
   * @returns position of its descriptor in {@link view}, good until the next call; -1 when the ring cannot be read.
   */
  take(): number {
    // What was fetched while other mappings were live may be another's memory by now.
    const { epoch } = this.#dma;
    if (epoch !== this.#epoch) {
      this.#epoch = epoch;
      this.#cached = 0;
    }
    if (this.#cached === 0 && !this.#fetch()) return -1;
    const desc = this.#cachedAt;
    this.#cached--;
    this.#cachedAt = desc + RX_BUFFER_DESC_BYTES;
    this.#head = (this.#head + 1) & this.#mask;
    return desc;
  }

  #fetch(): boolean {
    const toRingEnd = this.#mask + 1 - this.#head;
    let count = Math.min((this.#tail - this.#head) & this.#mask, toRingEnd);
    if (count > RX_DESC_BATCH) count = RX_DESC_BATCH;
    const bytes = count * RX_BUFFER_DESC_BYTES;
    const address = this.#ring + this.#head * RX_BUFFER_DESC_BYTES;
    if (this.#dma.read(address, this.#descs, 0, bytes) !== bytes) return false;
    this.#cached = count;
    this.#cachedAt = this.#descs.base;
    return true;
  }
}
