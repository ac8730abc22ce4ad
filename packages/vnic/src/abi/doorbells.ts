/**
 * Doorbells: BAR2 is an array of little-endian 32-bit words; the card hands out the indexes (Linux: gve_register.h).
 * A queue's doorbell takes the new tail; a notification block's takes the bits below.
 */

/** Distance from one doorbell to the next. */
export const DOORBELL_BYTES = 4;

/** Arms the block. */
export const IRQ_DOORBELL_ENABLE: number = 1 << 0;
/** Drops the block's pending bit. */
export const IRQ_DOORBELL_CLEAR_PBA: number = 1 << 1;
/** Interval index: this value keeps the interval as it is, 0 sets it. */
export const IRQ_DOORBELL_ITR_NO_UPDATE: number = 3 << 3;
/** Mask of the interval index. */
export const IRQ_DOORBELL_ITR_INDEX: number = 3 << 3;
/** Lowest bit of the interval. */
export const IRQ_DOORBELL_INTERVAL_SHIFT = 5;
/** Largest interval, in units, before shifting. */
export const IRQ_DOORBELL_INTERVAL = 0xfff;
/** The interval counts in this many microseconds. */
export const IRQ_DOORBELL_INTERVAL_UNIT_US = 2;
/** Longest interval that twelve bits can say. */
export const IRQ_INTERVAL_MAX_US = 8190;
/** Completions are written back, the block never interrupts. Bit 30. */
export const IRQ_DOORBELL_NO_INT_MODE = 0x4000_0000;

/** The word that arms a block and sets its moderation interval (rounded down to the unit). */
export function irqDoorbellWithInterval(microseconds: number): number {
  const units = Math.min(IRQ_INTERVAL_MAX_US, microseconds) >>> 1;
  return IRQ_DOORBELL_ENABLE | (units << IRQ_DOORBELL_INTERVAL_SHIFT);
}

/** The word that arms a block and keeps its interval: what a driver writes after every poll. */
export const IRQ_DOORBELL_REARM: number = IRQ_DOORBELL_ENABLE | IRQ_DOORBELL_ITR_NO_UPDATE;
