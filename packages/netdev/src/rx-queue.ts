import type { MemoryProviderParams } from '@netmem/page-pool';
import type { Napi } from './napi.ts';

/** One receive queue of a device, as the core sees it. @kernel struct netdev_rx_queue — include/net/netdev_rx_queue.h, 7.3 */
export interface NetdevRxQueue {
  readonly index: number;
  /** Where the queue's payload memory comes from; null for ordinary pages. Outlives going down and up. */
  mpParams: MemoryProviderParams | null;
  /** The instance that polls it. */
  napi: Napi | null;
  /** An AF_XDP socket's buffer pool, when one is attached. */
  xskPool: object | null;
}
