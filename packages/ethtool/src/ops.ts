// What a driver implements for ethtool, and the plain values that go in and out.

import type { Extack, NegativeErrno } from '@netmem/uapi';
import type { FlowRule } from './flow-rule.ts';
import type { RssContext } from './rss-contexts.ts';
import type { FlowHashType } from './rss-fields.ts';

/** Rings as a driver knows them. A maximum of 0 means that the device has no such ring. @kernel struct ethtool_ringparam — include/uapi/linux/ethtool.h, 7.3 */
export interface RingParam {
  rxMax: number;
  rxMiniMax: number;
  rxJumboMax: number;
  txMax: number;
  rx: number;
  rxMini: number;
  rxJumbo: number;
  tx: number;
  /** Bytes; 0 when not known. */
  rxBufLen: number;
  /** Bytes; 0 when not known. */
  cqeSize: number;
  txPush: boolean;
  rxPush: boolean;
  txPushBufLen: number;
  txPushBufLenMax: number;
  /** `TCP_DATA_SPLIT`: filled with what is configured; on get a driver may write what is in effect. */
  tcpDataSplit: number;
  hdsThresh: number;
  hdsThreshMax: number;
}

/** Channel counts and their limits. A combined channel has one receive and one transmit queue. @kernel struct ethtool_channels — include/uapi/linux/ethtool.h, 7.3 */
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

/** Receive-side scaling as a driver reports it. @kernel struct ethtool_rxfh_param — include/linux/ethtool.h, 7.3 */
export interface Rss {
  /** An `ETH_RSS_HASH` bit; 0 for a context of a device that has one function for all. */
  hfunc: number;
  /** Entry i is the receive queue of hashes that are i modulo the length. */
  indir: Uint32Array;
  /** Empty for a context of a device that has one key for all. */
  key: Uint8Array;
  /** `RXH_XFRM` bits. */
  inputXfrm: number;
  /** By flow type, {@link FlowHash}; absent where the driver does not tell. */
  flowHash?: FlowHash;
}

/** `RXH` bits that a flow type's hash covers, by ynl's names (`'tcp4'`); a type that the device does not hash is absent. */
export type FlowHash = Readonly<Partial<Record<FlowHashType, number>>>;

/** Fields of one flow type's hash. @kernel struct ethtool_rxfh_fields — include/linux/ethtool.h, 7.3 */
export interface RxfhFields {
  readonly flowType: number;
  /** 0: the main table's. */
  readonly rssContext: number;
  /** `RXH` bits. */
  data: number;
}

/** What is to change of receive-side scaling. */
export interface RxfhParam {
  /** 0: the main table. */
  rssContext: number;
  hfunc?: number;
  /** A whole table, as long as the device's. */
  indir?: Uint32Array;
  key?: Uint8Array;
  inputXfrm?: number;
}

/** Who drives a device. @kernel struct ethtool_drvinfo — include/uapi/linux/ethtool.h, 7.3 */
export interface DriverInfo {
  driver: string;
  version: string;
  firmwareVersion: string;
  expansionRomVersion: string;
  busInfo: string;
}

/** Interrupt coalescing: those parameters that the driver has. @kernel struct ethtool_coalesce — include/uapi/linux/ethtool.h, 7.3 */
export interface Coalesce {
  rxCoalesceUsecs?: number;
  rxMaxCoalescedFrames?: number;
  rxCoalesceUsecsIrq?: number;
  rxMaxCoalescedFramesIrq?: number;
  txCoalesceUsecs?: number;
  txMaxCoalescedFrames?: number;
  txCoalesceUsecsIrq?: number;
  txMaxCoalescedFramesIrq?: number;
  useAdaptiveRxCoalesce?: boolean;
  statsBlockCoalesceUsecs?: number;
  useAdaptiveTxCoalesce?: boolean;
  pktRateLow?: number;
  rxCoalesceUsecsLow?: number;
  rxMaxCoalescedFramesLow?: number;
  txCoalesceUsecsLow?: number;
  txMaxCoalescedFramesLow?: number;
  pktRateHigh?: number;
  rxCoalesceUsecsHigh?: number;
  rxMaxCoalescedFramesHigh?: number;
  txCoalesceUsecsHigh?: number;
  txMaxCoalescedFramesHigh?: number;
  rateSampleInterval?: number;
  useCqeModeTx?: boolean;
  useCqeModeRx?: boolean;
  txAggrMaxBytes?: number;
  txAggrMaxFrames?: number;
  txAggrTimeUsecs?: number;
}

/** Speed and duplex of a link. @kernel struct ethtool_link_ksettings — include/linux/ethtool.h, 7.3 */
export interface LinkKsettings {
  /** Mbit/s; -1 when not known. */
  readonly speedMbps: number;
  readonly duplex: 'half' | 'full' | 'unknown';
}

/** Time stamping abilities. @kernel struct kernel_ethtool_ts_info — include/linux/ethtool.h, 7.3 */
export interface TimestampInfo {
  /** SOF_TIMESTAMPING bits. */
  soTimestamping: number;
  /** Clock, or -1. */
  phcIndex: number;
  /** One bit per `HWTSTAMP_TX` value that can be set. */
  txTypes: number;
  /** One bit per `HWTSTAMP_FILTER` value that can be set. */
  rxFilters: number;
}

/**
 * What a driver implements. All run with the device's instance lock held. What is missing is EOPNOTSUPP to who asks for it.
 *
 * @kernel struct ethtool_ops — include/linux/ethtool.h, 7.3
 */
export interface EthtoolOps {
  /** `ETHTOOL_RING_USE` bits of ring parameters that can be set. */
  readonly supportedRingParams?: number;
  getDrvinfo?(out: DriverInfo): void;
  /** Absent: the carrier. */
  getLink?(): boolean;
  getLinkKsettings?(): LinkKsettings | NegativeErrno;
  getTsInfo?(out: TimestampInfo): number;
  getRingparam?(out: RingParam): void;
  /** Applies the merged request. While it runs, `dev.cfgPending` holds the new state of header-data split and `dev.cfg` the old one. */
  setRingparam?(request: RingParam, extack: Extack | null): number;
  getChannels?(out: Channels): void;
  setChannels?(request: Channels): number;
  /** Receive rings that RSS and rules may point at. Absent: the receive queues in use. */
  getRxRingCount?(): number;
  /** Entries of the RSS table; absent: none. */
  getRxfhIndirSize?(): number;
  /** Bytes of the RSS key; absent: none. */
  getRxfhKeySize?(): number;
  getRxfh?(out: Rss): number;
  setRxfh?(request: RxfhParam, extack: Extack | null): number;
  /** `RXH_XFRM` bits that can be set. */
  readonly supportedInputXfrm?: number;
  getRxfhFields?(fields: RxfhFields): number;
  setRxfhFields?(fields: Readonly<RxfhFields>, extack: Extack | null): number;
  /**
   * Makes an RSS context of its own. What the request leaves open the driver chooses, and writes into `ctx`; what it gives is written there after this
   * succeeded. A driver with keys per context writes key and transformation. Absent: the device has no contexts.
   */
  createRxfhContext?(ctx: RssContext, request: RxfhParam, extack: Extack | null): number;
  /** Changes a context; `ctx` still says what it was. */
  modifyRxfhContext?(ctx: RssContext, request: RxfhParam, extack: Extack | null): number;
  removeRxfhContext?(ctx: RssContext, context: number, extack: Extack | null): number;
  /** Contexts have numbers below it, the main table's 0 included. Absent: no limit. */
  readonly rxfhMaxNumContexts?: number;
  /** Each context has its own key, hash function and transformation. */
  readonly rxfhPerCtxKey?: boolean;
  /** Each context hashes fields of its own. */
  readonly rxfhPerCtxFields?: boolean;
  /** A rule's ring is added to what its context's table says; otherwise such a rule names ring 0. */
  readonly capRssRxnfcAdds?: boolean;
  /** Rules the device can hold. */
  getRuleTableSize?(): number;
  getRules?(): readonly FlowRule[];
  /** Installs a rule; its location is chosen already. 0 or a negative errno, such as `-EEXIST` for a location in use. */
  insertRule?(rule: FlowRule, extack: Extack | null): number;
  deleteRule?(location: number): number;
  getStrings?(): readonly string[];
  /** Writes as many values as there are strings. */
  getStats?(out: Float64Array): void;
  /** `ETHTOOL_COALESCE` bits of parameters that can be set. */
  readonly supportedCoalesceParams?: number;
  /** Writes the parameters that the driver has. */
  getCoalesce?(out: Coalesce): number;
  /** Applies the merged request. Asked twice when mode and numbers change together, because some drivers reset numbers with the mode. */
  setCoalesce?(request: Coalesce, extack: Extack | null): number;
  reset?(): number;
}
