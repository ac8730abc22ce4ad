import type { DmaDevice } from '@netmem/machine';
import { type NetDevice, netdevQueueGetDmaDev } from '@netmem/netdev';
import { EOPNOTSUPP, type ErrPtr, type Extack } from '@netmem/uapi';

/**
 * The DMA device that all queues share.
 *
 * @returns the device; `-EOPNOTSUPP`: two queues differ (compared with their neighbour, and only once one was found), or there is none.
 * @kernel netdev_nl_get_dma_dev — net/core/netdev-genl.c, 7.3
 */
export function sharedDmaDevice(dev: NetDevice, queues: readonly number[], extack: Extack | null): ErrPtr<DmaDevice> {
  let found: DmaDevice | null = null;
  let previous = 0;
  for (const idx of queues) {
    const own = netdevQueueGetDmaDev(dev, idx);
    if (found !== null && own !== found) {
      extack?.set(`DMA device mismatch between queue ${idx} and ${previous} (multi-PF device?)`);
      return -EOPNOTSUPP;
    }
    found = own;
    previous = idx;
  }
  if (found === null) {
    extack?.set("Device doesn't support DMA");
    return -EOPNOTSUPP;
  }
  return found;
}
