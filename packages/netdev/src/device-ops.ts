// What a driver implements.

import type { DmaDevice } from '@netmem/machine';
import type { Extack, NegativeErrno } from '@netmem/uapi';
import type { HwtstampConfig } from './hwtstamp.ts';
import type { QueueStatsRx, QueueStatsTx } from './qstats.ts';
import type { SkBuff } from './skbuff.ts';

/** Counters of a device as a whole. @kernel struct rtnl_link_stats64 — include/uapi/linux/if_link.h, 7.3 */
export interface NetDeviceStats {
  rxPackets: number;
  rxBytes: number;
  txPackets: number;
  txBytes: number;
  rxErrors: number;
  txErrors: number;
  rxDropped: number;
  txDropped: number;
  /** Packets of an ethertype that nobody handles. */
  rxNohandler: number;
  multicast: number;
}

/**
 * A driver's operations. `open`, `stop`, `setFeatures`, `changeMtu`, `setXdp`, `hwtstampSet` and `setMacAddress` run with the device's instance lock held, in
 * process context; `startXmit` and `selectQueue` run in any context and must not wait.
 *
 * @kernel struct net_device_ops — include/linux/netdevice.h, 7.3
 */
export interface NetDeviceOps {
  /** Brings the interface up: 0 or a negative errno, with everything undone. */
  open(): number;
  /** Takes it down. */
  stop(): number;
  /**
   * Sends one packet on transmit queue `queue`.
   *
   * @returns NETDEV_TX_OK: the skb is the driver's, also when it dropped it. NETDEV_TX_BUSY: the skb stays the core's, the queue should be stopped.
   */
  startXmit(skb: SkBuff, queue: number): number;
  /** Switches to the feature set: 0 or a negative errno with nothing changed. */
  setFeatures?(features: number): number;
  /** Takes away features that do not go together. */
  fixFeatures?(features: number): number;
  /** 0 or a negative errno. The core writes the new MTU. */
  changeMtu?(mtu: number): number;
  selectQueue?(skb: SkBuff): number;
  /** Adds the driver's counters. */
  getStats64?(out: NetDeviceStats): void;
  /** Flags such as promiscuity changed. */
  setRxMode?(): void;
  /** Writes which packets are stamped. */
  hwtstampGet?(out: HwtstampConfig): number;
  /** Changes which packets are stamped, and writes into `config` what it came to: 0 or a negative errno. Absent: the device has no clock. */
  hwtstampSet?(config: HwtstampConfig, extack: Extack | null): number;
  setMacAddress?(address: Uint8Array): number;
  /** Attaches or (null) detaches an XDP program. Absent: the driver has no XDP. */
  setXdp?(prog: XdpProgram | null, extack: Extack | null): number;
}

/** An XDP program, as far as anybody here asks about one. */
export interface XdpProgram {
  /** It can handle packets in several buffers. */
  readonly hasFrags: boolean;
}

/** What a receive queue is built with. @kernel struct netdev_queue_config — include/net/netdev_queues.h, 7.3 */
export interface QueueConfig {
  /** Bytes of a receive buffer, 0 for "the driver's choice". */
  rxPageSize: number;
}

/**
 * Rebuilding one receive queue while the others carry traffic. `M` is whatever the driver keeps of a queue. All run with the instance lock held.
 *
 * @kernel struct netdev_queue_mgmt_ops — include/net/netdev_queues.h, 7.3
 */
export interface NetdevQueueMgmtOps<M = object> {
  /** Builds everything for the queue, page pools included, and does not touch the live queue. Also called while the interface is down. */
  memAlloc(idx: number, qcfg: QueueConfig): M | NegativeErrno;
  /** Frees what memAlloc built or what stop handed out. Also called while the interface is down. */
  memFree(mem: M): void;
  /** Puts `mem` to work. Only while the interface is up; also to go back to a queue that was stopped. */
  start(idx: number, qcfg: QueueConfig, mem: M): number;
  /** Takes the queue out of work and hands out its state, such that `start` can bring it back. Only while the interface is up. */
  stop(idx: number): M | NegativeErrno;
  /** DMA device of the queue, when it is not the device's parent. */
  getDmaDev?(idx: number): DmaDevice | null;
  /** QCFG bits of configuration that the driver understands. */
  readonly supportedParams?: number;
  defaultQcfg?(qcfg: QueueConfig): void;
  /** 0, or the errno that a queue with this configuration would fail with. */
  validateQcfg?(idx: number, qcfg: QueueConfig, extack: Extack | null): number;
}

/** Counters of queues. What is not written stays "not set". @kernel struct netdev_stat_ops — include/net/netdev_queues.h, 7.3 */
export interface NetdevStatOps {
  getQueueStatsRx?(idx: number, out: QueueStatsRx): void;
  getQueueStatsTx?(idx: number, out: QueueStatsTx): void;
  /** Counters of queues that are gone; write 0 to have a counter summed, leave it to have it omitted from the device's sum. */
  getBaseStats?(rx: QueueStatsRx, tx: QueueStatsTx): void;
}
