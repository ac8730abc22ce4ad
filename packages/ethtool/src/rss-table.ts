// Tables of receive-side scaling, as the ethtool program and drivers make them.

import { EINVAL, KernelError } from '@netmem/uapi';

/** The table a driver starts with: entry i is queue i modulo `rings`. @kernel ethtool_rxfh_indir_default — include/linux/ethtool.h, 7.3 */
export function rssDefault(entries: number, rings: number): Uint32Array {
  return rssEqual(entries, rings, 0);
}

/**
 * `ethtool -X dev equal N start S`: entry i is queue S + i modulo N.
 *
 * @throws KernelError EINVAL unless there is at least one ring.
 */
export function rssEqual(entries: number, rings: number, start: number = 0): Uint32Array {
  if (!(rings >= 1)) throw new KernelError(EINVAL, 'ethtool', 'At least one ring is needed');
  return Uint32Array.from({ length: entries }, (_, i) => start + (i % rings));
}

/**
 * `ethtool -X dev weight W0 W1 … start S`: queue S + j gets a contiguous run of entries in proportion to its weight.
 *
 * @throws KernelError EINVAL when the weights are all 0, or together larger than the table.
 */
export function rssWeight(entries: number, weights: readonly number[], start: number = 0): Uint32Array {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  if (sum === 0) throw new KernelError(EINVAL, 'ethtool', 'At least one weight must be non-zero');
  if (sum > entries) throw new KernelError(EINVAL, 'ethtool', 'Total weight exceeds the size of the indirection table');
  const table = new Uint32Array(entries);
  let queue = -1;
  let partial = 0;
  for (let i = 0; i < entries; i++) {
    while (i >= Math.floor((entries * partial) / sum)) partial += weights[++queue];
    table[i] = start + queue;
  }
  return table;
}
