/**
 * net_device, NAPI, receive queues, sk_buff, GRO and the memory-provider slots of Linux.
 *
 * @packageDocumentation
 */
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
export { skbFragDmaMap } from './skbuff-dma.ts';
export { DEFAULT_MAX_SKBS, SkBuffPool } from './skbuff-pool.ts';
export { SkBuffQueue } from './skbuff-queue.ts';
export { NETDEV_BUDGET, NETDEV_MAX_BACKLOG, SoftNet } from './softnet.ts';
export {
  createPacketDriver,
  createTestNetwork,
  type FrameMeta,
  type PacketChannels,
  type PacketCounters,
  PacketDriver,
  type PacketDriverEthtool,
  type PacketDriverOptions,
  type PacketRings,
  type TestNetworkOptions,
} from './testing/index.ts';
export type { DevmemOwner } from './transmit.ts';
export { NetdevTxQueue, TX_RETRY_NS } from './tx-queue.ts';
export { devXdpAttach, devXdpPropagate, devXskAttach } from './xdp.ts';
