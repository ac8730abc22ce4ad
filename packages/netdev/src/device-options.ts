import type { DmaDevice } from '@netmem/machine';
import type { NetDeviceOps, NetdevQueueMgmtOps, NetdevStatOps } from './device-ops.ts';

/** Header-data split as the user configured it. @kernel struct netdev_config — include/net/netdev_queues.h, 7.3 */
export interface HdsConfig {
  /** `TCP_DATA_SPLIT.UNKNOWN` (auto), `DISABLED` or `ENABLED`. */
  hdsConfig: number;
  /** Frames up to this many bytes are left whole; 0 splits every frame. */
  hdsThresh: number;
}

/** How a {@link NetDevice} is made. */
export interface NetDeviceOptions {
  /** A name, or a pattern whose `%d` becomes the lowest free number: `eth%d` by default. */
  name?: string;
  mtu?: number;
  minMtu?: number;
  /** 0: no limit. */
  maxMtu?: number;
  /** Six bytes; copied. */
  address: Uint8Array;
  numRxQueues: number;
  numTxQueues: number;
  ops: NetDeviceOps;
  queueMgmtOps?: NetdevQueueMgmtOps;
  /** The driver wants its operations under the instance lock although it has no queue management. */
  requestOpsLock?: boolean;
  /** The device that does its DMA; null for a virtual one. */
  parent?: DmaDevice | null;
  /** Features that are on from the start, and those that the user may switch. */
  features?: number;
  hwFeatures?: number;
  statOps?: NetdevStatOps;
  /** The driver can send fragments that no CPU can read (driver rule TX-2). */
  netmemTx?: boolean;
  /** `xdp-features` as netlink reports it. */
  xdpFeatures?: number;
  txQueueLen?: number;
  groMaxSize?: number;
  /** Additional device flags, such as `IFF.LOOPBACK`. */
  flags?: number;
}
