/**
 * net_device, NAPI, receive queues, sk_buff, GRO and the memory-provider slots of Linux.
 *
 * @packageDocumentation
 */
import type { DmaDevice, InstanceLock, Machine } from '@netmem/machine';
import type { NetmemRef, NetmemTable } from '@netmem/netmem';
import type { MemoryProviderParams, PagePool, PagePools, PoolDevice, PoolNapi } from '@netmem/page-pool';
import type { Extack, NegativeErrno } from '@netmem/uapi';

export * from './features.ts';
export * from './skb-constants.ts';

export interface NetworkOptions {
  machine: Machine;
  netmem?: NetmemTable;
  pools?: PagePools;
  maxSkbs?: number;
  /** Add the loopback device, ifindex 1. Default true. */
  loopback?: boolean;
}
export interface PacketHandler {
  /** Owns `skb`. `data` is the network header; `protocol`, `pktType`, `macHeader`, `networkHeader` are set. */
  receive(skb: SkBuff): void;
}
export interface GroOffload {
  /** Compares `skb` with the held packets of its bucket (those with `groSameFlow`); merges it (`skbGroReceive`) or not. Returns a held packet that is finished, or null. */
  groReceive(held: SkBuffQueue, skb: SkBuff): SkBuff | null;
  /** Writes lengths and checksums of the aggregate; `offset` is the network header's distance from `skb.data`. 0, or negative to drop it. */
  groComplete(skb: SkBuff, offset: number): number;
  /** Cuts a gsoSize packet for a device without TSO: segments chained by `next`, owns `skb` on success; null: cannot. */
  gsoSegment?(skb: SkBuff, features: number): SkBuff | null;
}
export type NetdevEvent =
  | 'register'
  | 'unregister'
  | 'up'
  | 'going-down'
  | 'down'
  | 'change'
  | 'change-mtu'
  | 'carrier'
  | 'features';
export type NetdevListener = (event: NetdevEvent, dev: NetDevice) => void;
export type PacketTap = (skb: SkBuff, outgoing: boolean, snapLength: number) => void;
export declare class Network {
  constructor(options: NetworkOptions);
  readonly machine: Machine;
  readonly netmem: NetmemTable;
  readonly pools: PagePools;
  readonly skbs: SkBuffPool;
  readonly devices: readonly NetDevice[];
  readonly loopback: NetDevice | null;
  registerDevice(dev: NetDevice): number;
  unregisterDevice(dev: NetDevice): void;
  device(nameOrIndex: string | number): NetDevice | null;
  napi(id: number): Napi | null;
  addPacketType(ethertype: number, handler: PacketHandler): void;
  addOffload(ethertype: number, offload: GroOffload): void;
  addTap(tap: PacketTap): () => void;
  subscribe(listener: NetdevListener): () => void;
  receive(skb: SkBuff): void;
  transmit(skb: SkBuff): number;
  audit(): string[];
}
export declare class SkBuff {
  readonly pool: SkBuffPool;
  readonly slot: number;
  readonly cb: Int32Array;
  dev: NetDevice | null;
  next: SkBuff | null;
  prev: SkBuff | null;
  list: SkBuffQueue | null;
  fragList: SkBuff | null;
  owner: object | null;
  destructor: ((skb: SkBuff) => void) | null;
  refs: number;
  head: number;
  end: number;
  data: number;
  len: number;
  dataLen: number;
  truesize: number;
  nrFrags: number;
  headRef: NetmemRef;
  protocol: number;
  macHeader: number;
  networkHeader: number;
  transportHeader: number;
  hash: number;
  l4Hash: boolean;
  ipSummed: number;
  csumValid: boolean;
  csum: number;
  csumStart: number;
  csumOffset: number;
  queueMapping: number;
  rxQueue: number;
  napiId: number;
  vlanTci: number;
  priority: number;
  mark: number;
  pktType: number;
  gsoSize: number;
  gsoType: number;
  gsoSegs: number;
  tstampNs: number;
  ppRecycle: boolean;
  unreadable: boolean;
  zerocopy: boolean;
  groOffset: number;
  groCount: number;
  groAge: number;
  groFlush: number;
  groFlushId: number;
  groSameFlow: boolean;
  groIsAtomic: boolean;
  groFree: boolean;
  groLast: SkBuff | null;
  get headlen(): number;
  get headroom(): number;
  get tailroom(): number;
  get tail(): number;
  get readable(): boolean;
  get cloned(): boolean;
  reserve(n: number): void;
  put(n: number): number;
  push(n: number): number;
  pull(n: number): number | null;
  mayPull(n: number): boolean;
  pullTail(n: number): boolean;
  trim(n: number): void;
  trimHead(n: number): void;
  split(to: SkBuff, n: number): boolean;
  addRxFragNetmem(ref: NetmemRef, offset: number, size: number, truesize: number): void;
  fragRef(i: number): NetmemRef;
  fragOffset(i: number): number;
  fragSize(i: number): number;
  setFrag(i: number, ref: NetmemRef, offset: number, size: number): void;
  fragAddress(i: number): number | null;
  copyBits(offset: number, toAddress: number, length: number): number;
  storeBits(offset: number, fromAddress: number, length: number): number;
  copyDatagram(offset: number, to: Uint8Array, toAt: number, length: number): number;
  checksum(offset: number, length: number, sum: number): number;
  copyAndChecksumBits(offset: number, toAddress: number, length: number): number;
  checksumHelp(): number;
  clone(): SkBuff | null;
  copy(): SkBuff | null;
  copyUbufs(): number;
  condense(): void;
  tryCoalesce(from: SkBuff): boolean;
  markForRecycle(): void;
  get(): this;
  orphan(): void;
  free(reason?: number): void;
  consume(): void;
}
export declare class SkBuffPool {
  readonly netmem: NetmemTable;
  readonly frags: Int32Array;
  readonly drops: Float64Array;
  readonly inUse: number;
  readonly capacity: number;
  coalesceDelta: number;
  alloc(dev: NetDevice | null): SkBuff | null;
  /** An skb whose head is pool or page memory: `napi_build_skb`. The skb takes over the reference. */
  build(dev: NetDevice | null, ref: NetmemRef, offset: number, bytes: number): SkBuff | null;
}
export declare class SkBuffQueue {
  first: SkBuff | null;
  last: SkBuff | null;
  length: number;
  push(skb: SkBuff): void;
  unshift(skb: SkBuff): void;
  pop(): SkBuff | null;
  peek(): SkBuff | null;
  unlink(skb: SkBuff): void;
  insertAfter(after: SkBuff | null, skb: SkBuff): void;
  purge(reason?: number): void;
}
export interface NapiOptions {
  weight?: number;
}
export declare class Napi implements PoolNapi {
  constructor(dev: NetDevice, poll: (budget: number) => number, options?: NapiOptions);
  readonly dev: NetDevice;
  readonly id: number;
  readonly ownerCpu: number;
  readonly enabled: boolean;
  readonly scheduled: boolean;
  deferHardIrqs: number;
  groFlushTimeoutNs: number;
  schedule(): boolean;
  completeDone(work: number): boolean;
  enable(): void;
  disable(): void;
  /** napi_gro_receive: owns skb. */
  groReceive(skb: SkBuff): void;
  /** netif_napi_del */
  del(): void;
}
/** Linear address of the next `bytes` header bytes at `skb.groOffset`, made linear if they can be; 0 if not. */
export declare function groHeader(skb: SkBuff, bytes: number): number;
/** Bytes behind `skb.groOffset`. */
export declare function groLength(skb: SkBuff): number;
/** Merges `skb`'s bytes behind `skb.groOffset` into the held packet `held`: 0, -ETOOMANYREFS, -E2BIG. */
export declare function skbGroReceive(held: SkBuff, skb: SkBuff): number;
/** eth_type_trans: sets macHeader, pktType and data; returns the ethertype (0: no header). */
export declare function ethTypeTrans(skb: SkBuff, dev: NetDevice): number;

export interface NetDeviceStats {
  rxPackets: number;
  rxBytes: number;
  txPackets: number;
  txBytes: number;
  rxErrors: number;
  txErrors: number;
  rxDropped: number;
  txDropped: number;
  rxNohandler: number;
  multicast: number;
}
export interface NetDeviceOps {
  open(): number;
  stop(): number;
  startXmit(skb: SkBuff, queue: number): number;
  setFeatures?(features: number): number;
  fixFeatures?(features: number): number;
  changeMtu?(mtu: number): number;
  selectQueue?(skb: SkBuff): number;
  getStats64?(out: NetDeviceStats): void;
  setRxMode?(): void;
  setMacAddress?(address: Uint8Array): number;
  /** ndo_bpf XDP setup. Absent: XDP is not supported. */
  setXdp?(prog: XdpProgram | null, extack: Extack | null): number;
}
export interface QueueConfig {
  rxPageSize: number;
}
export interface NetdevQueueMgmtOps<M = object> {
  memAlloc(idx: number, qcfg: QueueConfig): M | NegativeErrno;
  memFree(mem: M): void;
  start(idx: number, qcfg: QueueConfig, mem: M): number;
  stop(idx: number): M | NegativeErrno;
  getDmaDev?(idx: number): DmaDevice | null;
  supportedParams?: number;
  defaultQcfg?(qcfg: QueueConfig): void;
  validateQcfg?(idx: number, qcfg: QueueConfig, extack: Extack | null): number;
}
export interface QueueStatsRx {
  packets: number;
  bytes: number;
  allocFail: number;
  hwDrops: number;
  hwDropOverruns: number;
  csumComplete: number;
  csumUnnecessary: number;
  csumNone: number;
  csumBad: number;
  hwGroPackets: number;
  hwGroBytes: number;
  hwGroWirePackets: number;
  hwGroWireBytes: number;
  hwDropRatelimits: number;
}
export interface QueueStatsTx {
  packets: number;
  bytes: number;
  hwDrops: number;
  hwDropErrors: number;
  csumNone: number;
  needsCsum: number;
  hwGsoPackets: number;
  hwGsoBytes: number;
  hwGsoWirePackets: number;
  hwGsoWireBytes: number;
  hwDropRatelimits: number;
  stop: number;
  wake: number;
}
/** A counter left at this value is "not set" and omitted. */
export declare const NETDEV_STAT_NOT_SET: -1;
export interface NetdevStatOps {
  getQueueStatsRx?(idx: number, out: QueueStatsRx): void;
  getQueueStatsTx?(idx: number, out: QueueStatsTx): void;
  getBaseStats?(rx: QueueStatsRx, tx: QueueStatsTx): void;
}
/** Counters by their ynl name (`rx-packets`), only those that are set. */
export type QueueStatsReply = Readonly<Record<string, number>>;
export interface PerQueueStats {
  readonly type: 'rx' | 'tx';
  readonly id: number;
  readonly stats: QueueStatsReply;
}
export declare function queueStats(dev: NetDevice): PerQueueStats[] | NegativeErrno;
export declare function deviceStats(dev: NetDevice): QueueStatsReply | null | NegativeErrno;

export interface XdpProgram {
  readonly hasFrags: boolean;
}
export interface NetdevRxQueue {
  readonly index: number;
  mpParams: MemoryProviderParams | null;
  napi: Napi | null;
  xskPool: object | null;
}
export declare class NetdevTxQueue {
  readonly dev: NetDevice;
  readonly index: number;
  napi: Napi | null;
  readonly stopped: boolean;
  readonly qlen: number;
  stop(): void;
  wake(): void;
}
export interface HdsConfig {
  /** TCP_DATA_SPLIT.UNKNOWN (auto), DISABLED or ENABLED: what the user configured. */
  hdsConfig: number;
  hdsThresh: number;
}
export interface NetDeviceOptions {
  name?: string;
  mtu?: number;
  minMtu?: number;
  maxMtu?: number;
  address: Uint8Array;
  numRxQueues: number;
  numTxQueues: number;
  ops: NetDeviceOps;
  queueMgmtOps?: NetdevQueueMgmtOps;
  requestOpsLock?: boolean;
  parent?: DmaDevice | null;
  features?: number;
  hwFeatures?: number;
  statOps?: NetdevStatOps;
  netmemTx?: boolean;
  xdpFeatures?: number;
  txQueueLen?: number;
  groMaxSize?: number;
  type?: 'ethernet' | 'loopback';
}
export declare class NetDevice implements PoolDevice {
  constructor(options: NetDeviceOptions);
  readonly network: Network | null;
  readonly ifindex: number;
  readonly name: string;
  readonly address: Uint8Array;
  readonly flags: number;
  readonly lock: InstanceLock;
  readonly ops: NetDeviceOps;
  readonly queueMgmtOps: NetdevQueueMgmtOps | null;
  readonly statOps: NetdevStatOps | null;
  readonly netmemTx: boolean;
  readonly parent: DmaDevice | null;
  readonly xdpFeatures: number;
  readonly pools: Set<PagePool>;
  readonly rxQueues: readonly NetdevRxQueue[];
  readonly txQueues: readonly NetdevTxQueue[];
  readonly napis: readonly Napi[];
  readonly realNumRxQueues: number;
  readonly realNumTxQueues: number;
  readonly mtu: number;
  readonly minMtu: number;
  readonly maxMtu: number;
  readonly groMaxSize: number;
  readonly features: number;
  hwFeatures: number;
  wantedFeatures: number;
  /** ndo_open succeeded and the interface is up. */
  readonly running: boolean;
  /** Whether the core serialises the driver's ops with the instance lock: netdev_need_ops_lock. */
  readonly needsOpsLock: boolean;
  /** Carrier. */
  readonly operUp: boolean;
  /** Not detached, not gone. */
  present: boolean;
  readonly registered: boolean;
  readonly cfg: HdsConfig;
  cfgPending: HdsConfig;
  readonly xdpProg: XdpProgram | null;
  readonly ethtoolOps: object | null;
  attachEthtool(ops: object | null): void;
  open(): number;
  close(): number;
  /** The same with the instance lock held by the caller: netif_open, netif_close. */
  openLocked(): number;
  closeLocked(): void;
  carrierOn(): void;
  carrierOff(): void;
  setRealNumQueues(rx: number, tx: number): number;
  setMtu(mtu: number, extack?: Extack | null): number;
  setAddress(address: Uint8Array, extack?: Extack | null): number;
  setPromiscuous(on: boolean): void;
  updateFeatures(): void;
  wakeQueue(index: number): void;
  stopQueue(index: number): void;
  queueSetNapi(index: number, type: 'rx' | 'tx', napi: Napi | null): void;
  stats(): NetDeviceStats;
  assertLocked(): void;
  provider(queueIdx: number): MemoryProviderParams | null;
}
export declare function netdevRxQueueRestart(dev: NetDevice, idx: number, extack?: Extack | null): number;
export declare function netdevQueueConfig(dev: NetDevice, idx: number, out: QueueConfig): void;
export declare function netdevQueueConfigValidate(
  dev: NetDevice,
  idx: number,
  out: QueueConfig,
  extack: Extack | null,
): number;
export declare function netifMpOpenRxq(
  dev: NetDevice,
  idx: number,
  params: MemoryProviderParams,
  extack: Extack | null,
): number;
export declare function netifMpCloseRxq(dev: NetDevice, idx: number, old: MemoryProviderParams): void;
export declare function netifRxqHasUnreadableMp(dev: NetDevice, idx: number): boolean;
export declare function devGetMinMpChannelCount(dev: NetDevice): number;
export declare function pagePoolCheckMemoryProvider(dev: NetDevice, rxq: NetdevRxQueue): number;
/** DMA device of a queue: getDmaDev, else parent; null when it has no dmaMask. */
export declare function netdevQueueGetDmaDev(dev: NetDevice, idx: number): DmaDevice | null;
export declare function devXdpAttach(dev: NetDevice, prog: XdpProgram | null, extack?: Extack | null): number;
export declare function devXskAttach(dev: NetDevice, idx: number, pool: object | null): number;
/** What a net_iov's owner may carry so that an unreadable skb can be sent: the device its memory is mapped for. @kernel net_devmem_dmabuf_binding.dev */
export interface DevmemOwner {
  readonly dev: NetDevice | null;
}
