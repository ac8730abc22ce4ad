/**
 * Rings, channels, RSS, ntuple filters, features, coalescing and statistics of a simulated Linux network device.
 *
 * @packageDocumentation
 */
import type { NetDevice, Network } from '@netmem/netdev';
import type { Extack, NegativeErrno } from '@netmem/uapi';

/** Rings as a driver knows them. A maximum of 0: the device has no such ring. */
export interface RingParam {
  rxMax: number;
  rxMiniMax: number;
  rxJumboMax: number;
  txMax: number;
  rx: number;
  rxMini: number;
  rxJumbo: number;
  tx: number;
  /** 0: not known. */
  rxBufLen: number;
  cqeSize: number;
  txPush: boolean;
  rxPush: boolean;
  txPushBufLen: number;
  txPushBufLenMax: number;
  /** TCP_DATA_SPLIT. On get: filled with the configured value, the driver may overwrite it with the effective one. */
  tcpDataSplit: number;
  hdsThresh: number;
  hdsThreshMax: number;
}
/** Only what is given is changed. */
export interface RingsRequest {
  rx?: number;
  rxMini?: number;
  rxJumbo?: number;
  tx?: number;
  rxBufLen?: number;
  cqeSize?: number;
  txPush?: boolean;
  rxPush?: boolean;
  txPushBufLen?: number;
  tcpDataSplit?: number;
  hdsThresh?: number;
}
/** What rings-get answers: a field is absent where the kernel sends no attribute. */
export interface RingsReply {
  rxMax?: number;
  rx?: number;
  rxMiniMax?: number;
  rxMini?: number;
  rxJumboMax?: number;
  rxJumbo?: number;
  txMax?: number;
  tx?: number;
  rxBufLen?: number;
  tcpDataSplit?: number;
  cqeSize?: number;
  txPush: boolean;
  rxPush: boolean;
  txPushBufLen?: number;
  txPushBufLenMax?: number;
  hdsThresh?: number;
  hdsThreshMax?: number;
}
export interface Channels {
  maxRx: number;
  maxTx: number;
  maxOther: number;
  maxCombined: number;
  rxCount: number;
  txCount: number;
  otherCount: number;
  combinedCount: number;
}
export interface ChannelsRequest {
  rxCount?: number;
  txCount?: number;
  otherCount?: number;
  combinedCount?: number;
}
/** Receive-side scaling as the driver reports it. */
export interface Rss {
  /** ETH_RSS_HASH bit. */
  hfunc: number;
  /** Entry i is the rx queue of hashes that are i modulo the length. Empty: none. */
  indir: Uint32Array;
  /** Empty: none. */
  key: Uint8Array;
  inputXfrm: number;
}
/** What the core asks a driver to set: only what is given. */
export interface RxfhParam {
  hfunc?: number;
  indir?: Uint32Array;
  key?: Uint8Array;
  inputXfrm?: number;
}
export interface RssRequest {
  hfunc?: number;
  /** Its length must divide the device's table; it is then repeated. Length 0: back to the default table. */
  indir?: ArrayLike<number>;
  key?: Uint8Array;
  inputXfrm?: number;
}
export interface FlowSpec {
  /** FLOW_TYPE. */
  flowType: number;
  /** 4 or 16 bytes, network order. A mask bit that is 1 has to match. */
  srcIp: Uint8Array;
  srcIpMask: Uint8Array;
  dstIp: Uint8Array;
  dstIpMask: Uint8Array;
  srcPort: number;
  srcPortMask: number;
  dstPort: number;
  dstPortMask: number;
  tos: number;
  tosMask: number;
}
export interface FlowRule extends FlowSpec {
  /** RX_CLS_LOC_ANY: the driver picks the highest free one. */
  location: number;
  /** Rx queue, or RX_CLS_FLOW_DISC. */
  ring: number;
}
export interface FlowRequest extends Partial<FlowSpec> {
  flowType: number;
  ring: number;
  location?: number;
}
export interface DriverInfo {
  driver: string;
  version: string;
  firmwareVersion: string;
  expansionRomVersion: string;
  busInfo: string;
}
export interface Coalesce {
  rxCoalesceUsecs?: number;
  rxMaxCoalescedFrames?: number;
  txCoalesceUsecs?: number;
  txMaxCoalescedFrames?: number;
  useAdaptiveRxCoalesce?: boolean;
  useAdaptiveTxCoalesce?: boolean;
}
/** What a driver implements. All called with the device's instance lock held. A missing op is EOPNOTSUPP for its callers. */
export interface EthtoolOps {
  /** ETHTOOL_RING_USE bits. */
  readonly supportedRingParams?: number;
  getDrvinfo?(out: DriverInfo): void;
  getLink?(): boolean;
  getLinkKsettings?(): { speedMbps: number; duplex: 'full' | 'half' | 'unknown' } | NegativeErrno;
  getRingparam?(out: RingParam): void;
  /** The merged request; `dev.cfgPending` holds the new hds state while it runs. */
  setRingparam?(request: RingParam, extack: Extack | null): number;
  getChannels?(out: Channels): void;
  setChannels?(request: Channels): number;
  getRxRingCount?(): number;
  getRxfhIndirSize?(): number;
  getRxfhKeySize?(): number;
  getRxfh?(out: Rss): number;
  setRxfh?(request: RxfhParam, extack: Extack | null): number;
  /** Size of the rule table. */
  getRuleTableSize?(): number;
  getRules?(): readonly FlowRule[];
  /** 0 or negative; writes the location it used into `rule.location`. */
  insertRule?(rule: FlowRule, extack: Extack | null): number;
  deleteRule?(location: number): number;
  getStrings?(): readonly string[];
  getStats?(out: Float64Array): void;
  getCoalesce?(out: Coalesce): number;
  setCoalesce?(request: Coalesce, extack: Extack | null): number;
  reset?(): number;
}
export interface FeaturesReply {
  /** Names of features that the user may change. */
  readonly hw: ReadonlySet<string>;
  readonly wanted: ReadonlySet<string>;
  readonly active: ReadonlySet<string>;
  /** Names of features that nobody can change. */
  readonly nochange: ReadonlySet<string>;
}
export interface NamedStat {
  name: string;
  value: number;
}
export type EthtoolEvent = 'rings' | 'channels' | 'rss' | 'features' | 'coalesce';
export type EthtoolListener = (event: EthtoolEvent, dev: NetDevice) => void;
export declare class Ethtool {
  constructor(network: Network);
  readonly network: Network;
  attach(dev: NetDevice, ops: EthtoolOps): void;
  subscribe(listener: EthtoolListener): () => void;
  getRings(dev: NetDevice): RingsReply | NegativeErrno;
  setRings(dev: NetDevice, request: RingsRequest, extack?: Extack | null): number;
  getChannels(dev: NetDevice): Channels | NegativeErrno;
  setChannels(dev: NetDevice, request: ChannelsRequest, extack?: Extack | null): number;
  getRss(dev: NetDevice): Rss | NegativeErrno;
  setRss(dev: NetDevice, request: RssRequest, extack?: Extack | null): number;
  getRules(dev: NetDevice): readonly FlowRule[] | NegativeErrno;
  /** The location, or a negative errno. */
  insertRule(dev: NetDevice, rule: FlowRequest, extack?: Extack | null): number;
  deleteRule(dev: NetDevice, location: number): number;
  getFeatures(dev: NetDevice): FeaturesReply | NegativeErrno;
  setFeatures(dev: NetDevice, changes: Readonly<Record<string, boolean>>, extack?: Extack | null): number;
  getStats(dev: NetDevice): NamedStat[];
  getDriverInfo(dev: NetDevice): DriverInfo | NegativeErrno;
  getCoalesce(dev: NetDevice): Coalesce | NegativeErrno;
  setCoalesce(dev: NetDevice, request: Coalesce, extack?: Extack | null): number;
  getLink(dev: NetDevice): boolean | NegativeErrno;
}
/** i modulo rings: the table a driver starts with. */
export declare function rssDefault(entries: number, rings: number): Uint32Array;
/** `ethtool -X dev equal N [start S]`. */
export declare function rssEqual(entries: number, rings: number, start?: number): Uint32Array;
/** `ethtool -X dev weight W0 W1 …`. Throws a KernelError (EINVAL) when the weights sum to 0 or to more than the table. */
export declare function rssWeight(entries: number, weights: readonly number[], start?: number): Uint32Array;
