import { devGetMinMpChannelCount, type NetDevice, netdevQueueConfigValidate } from '@netmem/netdev';
import {
  EINVAL,
  EOPNOTSUPP,
  ERANGE,
  ETHTOOL_RING_USE,
  type Extack,
  type NegativeErrno,
  TCP_DATA_SPLIT,
} from '@netmem/uapi';
import type { EthtoolOps, RingParam } from './ops.ts';

/** What rings-set is asked for. Only what is given changes. */
export interface RingsRequest {
  rx?: number;
  rxMini?: number;
  rxJumbo?: number;
  tx?: number;
  rxBufLen?: number;
  /** `TCP_DATA_SPLIT`; `UNKNOWN` is auto. */
  tcpDataSplit?: number;
  cqeSize?: number;
  txPush?: boolean;
  rxPush?: boolean;
  txPushBufLen?: number;
  hdsThresh?: number;
}

/** What rings-get answers. A field is absent where the kernel sends no attribute. */
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
  /** What is in effect: a driver that splits although nobody configured it answers `ENABLED`. */
  tcpDataSplit?: number;
  cqeSize?: number;
  txPush: boolean;
  rxPush: boolean;
  txPushBufLen?: number;
  txPushBufLenMax?: number;
  hdsThresh?: number;
  hdsThreshMax?: number;
}

// Which request needs which ability; in the kernel's order. @kernel ethnl_set_rings_validate — net/ethtool/rings.c, 7.3
const ABILITIES: readonly [keyof RingsRequest, number, string, string][] = [
  ['rxBufLen', ETHTOOL_RING_USE.RX_BUF_LEN, 'setting rx buf len not supported', 'rx-buf-len'],
  ['tcpDataSplit', ETHTOOL_RING_USE.TCP_DATA_SPLIT, 'setting TCP data split is not supported', 'tcp-data-split'],
  ['hdsThresh', ETHTOOL_RING_USE.HDS_THRS, 'setting hds-thresh is not supported', 'hds-thresh'],
  ['cqeSize', ETHTOOL_RING_USE.CQE_SIZE, 'setting cqe size not supported', 'cqe-size'],
  ['txPush', ETHTOOL_RING_USE.TX_PUSH, 'setting tx push not supported', 'tx-push'],
  ['rxPush', ETHTOOL_RING_USE.RX_PUSH, 'setting rx push not supported', 'rx-push'],
  ['txPushBufLen', ETHTOOL_RING_USE.TX_PUSH_BUF_LEN, 'setting tx push buf len is not supported', 'tx-push-buf-len'],
];

/** Current parameters, with header-data split as it is configured. */
function configured(dev: NetDevice, ops: EthtoolOps): RingParam {
  const param: RingParam = {
    rxMax: 0,
    rxMiniMax: 0,
    rxJumboMax: 0,
    txMax: 0,
    rx: 0,
    rxMini: 0,
    rxJumbo: 0,
    tx: 0,
    rxBufLen: 0,
    cqeSize: 0,
    txPush: false,
    rxPush: false,
    txPushBufLen: 0,
    txPushBufLenMax: 0,
    tcpDataSplit: dev.cfg.hdsConfig,
    hdsThresh: dev.cfg.hdsThresh,
    hdsThreshMax: 0,
  };
  ops.getRingparam?.(param);
  return param;
}

/** @kernel rings_fill_reply — net/ethtool/rings.c, 7.3 */
export function getRings(dev: NetDevice, ops: EthtoolOps): RingsReply | NegativeErrno {
  if (ops.getRingparam === undefined) return -EOPNOTSUPP;
  const param = configured(dev, ops);
  const reply: RingsReply = { txPush: param.txPush, rxPush: param.rxPush };
  if (param.rxMax !== 0) Object.assign(reply, { rxMax: param.rxMax, rx: param.rx });
  if (param.rxMiniMax !== 0) Object.assign(reply, { rxMiniMax: param.rxMiniMax, rxMini: param.rxMini });
  if (param.rxJumboMax !== 0) Object.assign(reply, { rxJumboMax: param.rxJumboMax, rxJumbo: param.rxJumbo });
  if (param.txMax !== 0) Object.assign(reply, { txMax: param.txMax, tx: param.tx });
  if (param.rxBufLen !== 0) reply.rxBufLen = param.rxBufLen;
  if (param.tcpDataSplit !== TCP_DATA_SPLIT.UNKNOWN) reply.tcpDataSplit = param.tcpDataSplit;
  if (param.cqeSize !== 0) reply.cqeSize = param.cqeSize;
  if (param.txPushBufLen !== 0 || param.txPushBufLenMax !== 0) {
    reply.txPushBufLenMax = param.txPushBufLenMax;
    reply.txPushBufLen = param.txPushBufLen;
  }
  if ((ops.supportedRingParams ?? 0) & ETHTOOL_RING_USE.HDS_THRS) {
    reply.hdsThresh = param.hdsThresh;
    reply.hdsThreshMax = param.hdsThreshMax;
  }
  return reply;
}

/** @returns 1 when something changed, 0 when nothing was to change, or a negative errno. @kernel ethnl_set_rings — net/ethtool/rings.c, 7.3 */
export function setRings(dev: NetDevice, ops: EthtoolOps, request: RingsRequest, extack: Extack | null): number {
  if (request.tcpDataSplit !== undefined && !(request.tcpDataSplit >= 0 && request.tcpDataSplit <= 2)) {
    extack?.set('integer out of range', 'tcp-data-split');
    return -ERANGE;
  }
  const supported = ops.supportedRingParams ?? 0;
  for (const [field, bit, text, attr] of ABILITIES) {
    if (request[field] !== undefined && (supported & bit) === 0) {
      extack?.set(text, attr);
      return -EOPNOTSUPP;
    }
  }
  if (ops.getRingparam === undefined || ops.setRingparam === undefined) return -EOPNOTSUPP;

  const param = configured(dev, ops);
  // The driver says what is in effect; a request is merged over what is configured.
  param.tcpDataSplit = dev.cfg.hdsConfig;
  param.hdsThresh = dev.cfg.hdsThresh;
  if (!merge(param, request)) return 0;

  const error = checkRings(dev, param, request, extack);
  if (error < 0) return error;
  dev.cfgPending.hdsConfig = param.tcpDataSplit;
  dev.cfgPending.hdsThresh = param.hdsThresh;
  const config = { rxPageSize: 0 };
  for (let i = 0; i < dev.realNumRxQueues; i++) {
    const refused = netdevQueueConfigValidate(dev, i, config, extack);
    if (refused < 0) return refused;
  }
  const result = ops.setRingparam(param, extack);
  return result < 0 ? result : 1;
}

function merge(param: RingParam, request: RingsRequest): boolean {
  let changed = false;
  for (const [field, value] of Object.entries(request) as [keyof RingsRequest, never][]) {
    if (value === undefined || param[field] === value) continue;
    param[field] = value;
    changed = true;
  }
  return changed;
}

function checkRings(dev: NetDevice, param: RingParam, request: RingsRequest, extack: Extack | null): number {
  if (param.tcpDataSplit === TCP_DATA_SPLIT.ENABLED && dev.xdpProg !== null && !dev.xdpProg.hasFrags) {
    extack?.set('tcp-data-split can not be enabled with single buffer XDP', 'tcp-data-split');
    return -EINVAL;
  }
  if (devGetMinMpChannelCount(dev) > 0) {
    if (param.tcpDataSplit !== TCP_DATA_SPLIT.ENABLED) {
      extack?.set("can't disable tcp-data-split while device has memory provider enabled");
      return -EINVAL;
    }
    if (param.hdsThresh !== 0) {
      extack?.set("can't set non-zero hds_thresh while device is memory provider enabled");
      return -EINVAL;
    }
  }
  const tooLarge = firstTooLarge(param);
  // A ring that was too large before and is not asked about is not this request's fault.
  if (tooLarge !== null && request[tooLarge[0]] !== undefined) {
    extack?.set('requested ring size exceeds maximum', tooLarge[1]);
    return -EINVAL;
  }
  if (param.txPushBufLen > param.txPushBufLenMax) {
    extack?.set(`Requested TX push buffer exceeds the maximum of ${param.txPushBufLenMax}`, 'tx-push-buf-len');
    return -EINVAL;
  }
  return 0;
}

function firstTooLarge(param: RingParam): [keyof RingsRequest, string] | null {
  if (param.rx > param.rxMax) return ['rx', 'rx'];
  if (param.rxMini > param.rxMiniMax) return ['rxMini', 'rx-mini'];
  if (param.rxJumbo > param.rxJumboMax) return ['rxJumbo', 'rx-jumbo'];
  if (param.tx > param.txMax) return ['tx', 'tx'];
  if (param.hdsThresh > param.hdsThreshMax) return ['hdsThresh', 'hds-thresh'];
  return null;
}
