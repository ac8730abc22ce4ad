/** The device reads and writes. */
export const DMA_BIDIRECTIONAL = 0;
/** The device reads. */
export const DMA_TO_DEVICE = 1;
/** The device writes. */
export const DMA_FROM_DEVICE = 2;
/** Nobody moves anything: only for debugging in Linux, never a legal mapping. */
export const DMA_NONE = 3;

/** What a map call returns when it fails; the only failure value. */
export const DMA_MAPPING_ERROR = -1;

/** Reads and writes of the device may pass each other. Accepted and without effect here: one thread moves everything. */
export const DMA_ATTR_WEAK_ORDERING: number = 1 << 1;
/** Map and unmap do not make the bytes coherent; the caller syncs the parts it needs. */
export const DMA_ATTR_SKIP_CPU_SYNC: number = 1 << 5;
/** A map call that fails for want of bounce slots says nothing in the log. */
export const DMA_ATTR_NO_WARN: number = 1 << 8;

/** Names of the directions, by number. */
export const DMA_DIRECTION_NAMES: readonly string[] = ['BIDIRECTIONAL', 'TO_DEVICE', 'FROM_DEVICE', 'NONE'];

/**
 * How the CPU's and the device's view of RAM relate.
 *
 * - `'coherent'`: one memory; syncs do nothing.
 * - `'non-coherent'`: the CPU's cache stands between; syncs move whole cache lines.
 * - `'swiotlb'`: the device sees a bounce buffer, never the page (`swiotlb=force`); syncs copy exactly what they name.
 */
export type DmaMode = 'coherent' | 'non-coherent' | 'swiotlb';
