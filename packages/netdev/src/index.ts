/**
 * The network core of a Linux host: devices, NAPI, receive queues, sk_buff, GRO, and the slots that memory providers go into.
 *
 * What a driver registers with, and what a protocol hears from: a `NetDevice` with its instance lock, queues and configuration; `Napi` polled from
 * NET_RX softirq with budget and GRO; `SkBuff`s whose fragments may be memory that no CPU reads, with every refusal the stack has for them; the
 * restart of one receive queue and the installation of a memory provider, with Linux 7.3's order of checks and texts; queue statistics. The
 * subpath `./testing` has a driver for tests.
 *
 * Use it to write a driver or a protocol stack against, or to see what happens to a packet whose payload nobody may look at.
 *
 * It is not a protocol stack (`@netmem/tcp` is), not ethtool (`@netmem/ethtool`), and it names no card: it hands packets on by ethertype and knows a
 * device by its operations.
 *
 * @example
 * ```ts
 * import { Machine } from '@netmem/machine';
 * import { ethTypeTrans, Napi, NetDevice, Network } from '@netmem/netdev';
 *
 * const machine = new Machine();
 * const network = new Network({ machine });
 * const dev = new NetDevice({
 *   address: Uint8Array.of(2, 0, 0, 0, 0, 1),
 *   numRxQueues: 1,
 *   numTxQueues: 1,
 *   ops: { open: () => 0, stop: () => 0, startXmit: (skb) => (skb.consume(), 0) },
 * });
 * network.registerDevice(dev);
 * dev.open();
 *
 * const frame = Uint8Array.of(2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5, 42);
 * const napi = new Napi(dev, () => {
 *   const skb = network.skbs.alloc(dev);
 *   if (skb === null) return 0;
 *   machine.memory.bytes.set(frame, skb.put(frame.length));
 *   skb.protocol = ethTypeTrans(skb, dev);
 *   napi.groReceive(skb);
 *   napi.completeDone(1);
 *   return 1;
 * });
 * napi.enable();
 *
 * network.addPacketType(0x88b5, {
 *   receive(skb) {
 *     console.log(skb.dev?.name, skb.len, machine.memory.bytes[skb.data]); // eth0 1 42
 *     skb.consume();
 *   },
 * });
 * napi.schedule();
 * machine.run();
 * console.log(network.audit()); // []
 * ```
 *
 * @packageDocumentation
 */
export { BUSY_POLL_BUDGET, BUSY_POLL_RELAX_NS, type BusyPollOptions } from './busy-poll.ts';
export type {
  NetDeviceOps,
  NetDeviceStats,
  NetdevQueueMgmtOps,
  NetdevStatOps,
  QueueConfig,
  XdpProgram,
} from './device-ops.ts';
export type { HdsConfig, NetDeviceOptions } from './device-options.ts';
export {
  FEATURE_NAMES,
  featureBit,
  featureNames,
  NETIF_F,
  NETIF_F_ALL_TSO,
  NETIF_F_CSUM_MASK,
  NETIF_F_NEVER_CHANGE,
  NETIF_F_SOFT_FEATURES,
} from './features.ts';
export { GRO_HASH_BUCKETS, GRO_NORMAL_BATCH, MAX_GRO_SKBS } from './gro.ts';
export { groHeader, groLength, skbGroReceive } from './gro-merge.ts';
export { devGetHwtstamp, devSetHwtstamp, type HwtstampConfig, hwtstampValidate } from './hwtstamp.ts';
export { LOOPBACK_IFINDEX } from './loopback.ts';
export {
  devGetMinMpChannelCount,
  netdevQueueGetDmaDev,
  netifMpCloseRxq,
  netifMpOpenRxq,
  netifRxqHasUnreadableMp,
} from './memory-provider.ts';
export { NAPI_POLL_WEIGHT, Napi, type NapiOptions } from './napi.ts';
export { DEFAULT_TX_QUEUE_LEN, GRO_MAX_SIZE, NetDevice } from './netdevice.ts';
export { Network, type NetworkOptions } from './network.ts';
export { PhcIndexes } from './phc.ts';
export type { GroOffload, NetdevEvent, NetdevListener, PacketHandler, PacketTap } from './protocols.ts';
export {
  deviceStats,
  NETDEV_STAT_NOT_SET,
  type PerQueueStats,
  type QueueStatsReply,
  type QueueStatsRx,
  type QueueStatsTx,
  queueStats,
} from './qstats.ts';
export { netdevQueueConfig, netdevQueueConfigValidate } from './queue-config.ts';
export { netdevRxQueueReconfig, netdevRxQueueRestart, pagePoolCheckMemoryProvider } from './queue-restart.ts';
export { ETH_P_802_2, ethTypeTrans } from './receive.ts';
export type { NetdevRxQueue } from './rx-queue.ts';
export * from './skb-constants.ts';
export { SkBuff } from './skbuff.ts';
export { SkBuffCursor } from './skbuff-cursor.ts';
export { skbFragDmaMap } from './skbuff-dma.ts';
export { DEFAULT_MAX_SKBS, SkBuffPool } from './skbuff-pool.ts';
export { SkBuffQueue } from './skbuff-queue.ts';
export { NETDEV_BUDGET, NETDEV_MAX_BACKLOG, SoftNet } from './softnet.ts';
export type { DevmemOwner } from './transmit.ts';
export { NetdevTxQueue, TX_RETRY_NS } from './tx-queue.ts';
export { devXdpAttach, devXdpPropagate, devXskAttach } from './xdp.ts';
