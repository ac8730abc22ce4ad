import { DMA_MAPPING_ERROR } from '@netmem/machine';
import { ENOMEM, type ErrPtr } from '@netmem/uapi';
import type { DmaBufEntry } from './exporter.ts';

/** A contiguous run of an exporter's memory: `at` is where it starts in the exporter's own terms. */
export interface MemoryRun {
  readonly at: number;
  /** Byte offset of the run within the dma-buf. */
  readonly offset: number;
  readonly length: number;
}

/** Cuts runs so that none is longer than `limitBytes`: what fragmented memory looks like to an importer. */
export function cutRuns(runs: readonly MemoryRun[], limitBytes: number): MemoryRun[] {
  const out: MemoryRun[] = [];
  for (const run of runs) {
    for (let done = 0; done < run.length; done += limitBytes) {
      out.push({ at: run.at + done, offset: run.offset + done, length: Math.min(limitBytes, run.length - done) });
    }
  }
  return out;
}

/**
 * Maps every run or none.
 *
 * @param mapRun - Maps one run and returns its DMA address or DMA_MAPPING_ERROR.
 * @param unmap - Undoes what is already mapped when a later run fails.
 * @returns one entry per run; `-ENOMEM`: the device's address space is full (a model choice: dma_map_sgtable has three errnos for
 * failure, and this is the one that means "no room").
 */
export function mapRuns(
  runs: readonly MemoryRun[],
  mapRun: (run: MemoryRun) => number,
  unmap: (entries: readonly DmaBufEntry[]) => void,
): ErrPtr<readonly DmaBufEntry[]> {
  const entries: DmaBufEntry[] = [];
  for (const run of runs) {
    const iova = mapRun(run);
    if (iova === DMA_MAPPING_ERROR) {
      unmap(entries);
      return -ENOMEM;
    }
    entries.push({ iova, length: run.length, offset: run.offset });
  }
  return entries;
}
