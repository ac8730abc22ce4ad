import {
  IRQ_DOORBELL_CLEAR_PBA,
  IRQ_DOORBELL_ENABLE,
  IRQ_DOORBELL_INTERVAL,
  IRQ_DOORBELL_INTERVAL_SHIFT,
  IRQ_DOORBELL_ITR_INDEX,
  IRQ_DOORBELL_NO_INT_MODE,
} from './abi/index.ts';
import { DOORBELL_FIRST_INDEX } from './choices.ts';
import { PendingSet } from './pending-set.ts';

/** A block's recorded interval when none of the writes changed it. */
export const INTERVAL_KEPT = -1;

/**
 * BAR2. Layout of the index space: notification blocks, then transmit queues, then receive queues.
 *
 * A queue's doorbell keeps its last value. A block's doorbell is a command, so several writes before the card looks must
 * not swallow each other: the interval of one and the enable bit of the next are kept apart and merged.
 */
export class Doorbells {
  readonly txTail: Int32Array;
  readonly rxTail: Int32Array;
  /** Doorbells that were written since they were last taken up. */
  readonly txWritten: PendingSet;
  readonly rxWritten: PendingSet;
  readonly blocksWritten: PendingSet;
  readonly blockEnable: Uint8Array;
  readonly blockClear: Uint8Array;
  readonly blockQuiet: Uint8Array;
  /** In units of the doorbell, or INTERVAL_KEPT. */
  readonly blockInterval: Int32Array;
  /** Writes that hit no doorbell. */
  strayWrites = 0;

  readonly #queues: number;
  readonly #blocks: number;

  constructor(maxQueues: number) {
    this.#queues = maxQueues;
    this.#blocks = 2 * maxQueues;
    this.txTail = new Int32Array(maxQueues);
    this.rxTail = new Int32Array(maxQueues);
    this.txWritten = new PendingSet(maxQueues);
    this.rxWritten = new PendingSet(maxQueues);
    this.blocksWritten = new PendingSet(this.#blocks);
    this.blockEnable = new Uint8Array(this.#blocks);
    this.blockClear = new Uint8Array(this.#blocks);
    this.blockQuiet = new Uint8Array(this.#blocks);
    this.blockInterval = new Int32Array(this.#blocks).fill(INTERVAL_KEPT);
  }

  blockIndex(block: number): number {
    return DOORBELL_FIRST_INDEX + block;
  }

  txIndex(queue: number): number {
    return DOORBELL_FIRST_INDEX + this.#blocks + queue;
  }

  rxIndex(queue: number): number {
    return DOORBELL_FIRST_INDEX + this.#blocks + this.#queues + queue;
  }

  write(offset: number, size: number, value: number): void {
    const index = offset / 4 - DOORBELL_FIRST_INDEX;
    if (size !== 4 || !Number.isInteger(index) || index < 0 || index >= this.#blocks + 2 * this.#queues) {
      this.strayWrites++;
      return;
    }
    const queue = index - this.#blocks;
    if (queue < 0) this.#writeBlock(index, value | 0);
    else if (queue < this.#queues) {
      this.txTail[queue] = value;
      this.txWritten.add(queue);
    } else {
      this.rxTail[queue - this.#queues] = value;
      this.rxWritten.add(queue - this.#queues);
    }
  }

  /** A block's writes have been taken up. */
  taken(block: number): void {
    this.blockClear[block] = 0;
    this.blockInterval[block] = INTERVAL_KEPT;
  }

  clear(): void {
    this.txTail.fill(0);
    this.rxTail.fill(0);
    this.blockClear.fill(0);
    this.blockInterval.fill(INTERVAL_KEPT);
    this.txWritten.clear();
    this.rxWritten.clear();
    this.blocksWritten.clear();
  }

  #writeBlock(block: number, bits: number): void {
    this.blocksWritten.add(block);
    this.blockEnable[block] = (bits & IRQ_DOORBELL_ENABLE) !== 0 ? 1 : 0;
    this.blockQuiet[block] = (bits & IRQ_DOORBELL_NO_INT_MODE) !== 0 ? 1 : 0;
    if ((bits & IRQ_DOORBELL_CLEAR_PBA) !== 0) this.blockClear[block] = 1;
    if ((bits & IRQ_DOORBELL_ITR_INDEX) === 0) {
      this.blockInterval[block] = (bits >>> IRQ_DOORBELL_INTERVAL_SHIFT) & IRQ_DOORBELL_INTERVAL;
    }
  }
}
