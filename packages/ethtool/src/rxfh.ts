import type { NetDevice } from '@netmem/netdev';
import {
  EINVAL,
  ENOENT,
  EOPNOTSUPP,
  ETH_RXFH_CONTEXT_ALLOC,
  type Extack,
  type NegativeErrno,
  RXH_XFRM,
} from '@netmem/uapi';
import type { EthtoolOps, RxfhParam } from './ops.ts';
import { checkContextBusy, rssContexts } from './rss-contexts.ts';
import { installContext, removeContext } from './rss-create.ts';
import { isSymmetric, readFlowHash } from './rss-fields.ts';
import { rxRingCount, updateContext } from './rss-request.ts';
import { rssDefault } from './rss-table.ts';

/**
 * What the older of the two doors is asked for, which one request of many meanings goes through: what is given changes.
 *
 * @kernel struct ethtool_rxfh — include/uapi/linux/ethtool.h, 7.3
 */
export interface RxfhRequest {
  /** Absent or 0: the main table; `ETH_RXFH_CONTEXT_ALLOC`: a new context; else that context. */
  rssContext?: number;
  /** As long as the device's table. Length 0: back to the default for the main table, removal for a context. */
  indir?: ArrayLike<number>;
  /** As long as the device's key. */
  key?: Uint8Array;
  /** An `ETH_RSS_HASH` bit. */
  hfunc?: number;
  /** An `RXH_XFRM` value. */
  inputXfrm?: number;
}

/** What a request did, so that who listens hears of it. */
export type RxfhOutcome = 'rss' | 'rss-create' | 'rss-delete';

/** @returns what was done and to which context, or a negative errno. @kernel ethtool_set_rxfh — net/ethtool/ioctl.c, 7.3 */
export function setRxfh(
  dev: NetDevice,
  ops: EthtoolOps,
  request: RxfhRequest,
  extack: Extack | null,
): { done: RxfhOutcome; context: number } | NegativeErrno {
  const context = request.rssContext ?? 0;
  const valid = validate(ops, context, request);
  if (valid < 0) return valid;
  const rings = rxRingCount(dev, ops);
  if (rings < 0) return rings;
  const { indir } = request;
  if (indir !== undefined && Array.from(indir).some((queue) => !(queue >= 0 && queue < rings))) return -EINVAL;
  const remove = context !== 0 && indir?.length === 0;
  const change = changeOf(ops, request, context, rings);
  if (!symmetryHolds(ops, request.inputXfrm)) return -EINVAL;
  if (remove) {
    const busy = checkContextBusy(ops, context);
    if (busy < 0) return busy;
  }
  if (context === ETH_RXFH_CONTEXT_ALLOC) {
    if (remove) return -EINVAL;
    const made = installContext(dev, ops, 0, change, indir?.length ?? 0, extack);
    return made < 0 ? made : { done: 'rss-create', context: made };
  }
  if (remove) {
    const error = removeContext(dev, ops, context, extack);
    return error < 0 ? error : { done: 'rss-delete', context };
  }
  const error = context === 0 ? setMain(dev, ops, change, indir, extack) : modify(dev, ops, change, extack);
  return error < 0 ? error : { done: 'rss', context };
}

function validate(ops: EthtoolOps, context: number, request: RxfhRequest): 0 | NegativeErrno {
  if (ops.setRxfh === undefined) return -EOPNOTSUPP;
  if (context !== 0 && ops.createRxfhContext === undefined) return -EOPNOTSUPP;
  const xfrm = request.inputXfrm ?? RXH_XFRM.NO_CHANGE;
  if (xfrm !== 0 && xfrm !== RXH_XFRM.SYM_XOR && xfrm !== RXH_XFRM.SYM_OR_XOR && xfrm !== RXH_XFRM.NO_CHANGE) {
    return -EINVAL;
  }
  if (xfrm !== RXH_XFRM.NO_CHANGE && (xfrm & ~(ops.supportedInputXfrm ?? 0)) !== 0) return -EOPNOTSUPP;
  const indirSize = request.indir?.length ?? 0;
  const keySize = request.key?.length ?? 0;
  if (indirSize !== 0 && indirSize !== (ops.getRxfhIndirSize?.() ?? 0)) return -EINVAL;
  if (keySize !== 0 && keySize !== (ops.getRxfhKeySize?.() ?? 0)) return -EINVAL;
  const changesKey = keySize !== 0 || (request.hfunc ?? 0) !== 0;
  const nothing = request.indir === undefined && !changesKey && xfrm === RXH_XFRM.NO_CHANGE;
  if (context !== ETH_RXFH_CONTEXT_ALLOC && nothing) return -EINVAL;
  if (context !== 0 && ops.rxfhPerCtxKey !== true) {
    if (changesKey || (xfrm !== 0 && xfrm !== RXH_XFRM.NO_CHANGE)) return -EOPNOTSUPP;
  }
  return 0;
}

function changeOf(ops: EthtoolOps, request: RxfhRequest, context: number, rings: number): RxfhParam {
  const change: RxfhParam = { rssContext: context };
  const { indir, key, hfunc, inputXfrm } = request;
  if (indir !== undefined && indir.length > 0) change.indir = Uint32Array.from(indir);
  else if (indir !== undefined && context === 0) change.indir = rssDefault(ops.getRxfhIndirSize?.() ?? 0, rings);
  if (key !== undefined && key.length > 0) change.key = key.slice();
  if (hfunc !== undefined && hfunc !== 0) change.hfunc = hfunc;
  if (inputXfrm !== undefined && inputXfrm !== RXH_XFRM.NO_CHANGE) change.inputXfrm = inputXfrm;
  return change;
}

// @kernel ethtool_check_flow_types — net/ethtool/ioctl.c, 7.3
function symmetryHolds(ops: EthtoolOps, inputXfrm: number | undefined): boolean {
  if (inputXfrm === undefined || inputXfrm === 0 || inputXfrm === RXH_XFRM.NO_CHANGE) return true;
  return Object.values(readFlowHash(ops, 0) ?? {}).every((fields) => isSymmetric(fields));
}

function setMain(
  dev: NetDevice,
  ops: EthtoolOps,
  change: RxfhParam,
  indir: ArrayLike<number> | undefined,
  extack: Extack | null,
): number {
  const error = ops.setRxfh?.(change, extack) ?? -EOPNOTSUPP;
  if (error === 0 && indir !== undefined) dev.rxfhConfigured = indir.length > 0;
  return error;
}

function modify(dev: NetDevice, ops: EthtoolOps, change: RxfhParam, extack: Extack | null): number {
  const ctx = rssContexts(dev).load(change.rssContext);
  if (ctx === null) return -ENOENT;
  const error = ops.modifyRxfhContext?.(ctx, change, extack) ?? -EOPNOTSUPP;
  if (error === 0) updateContext(ctx, change, change.indir?.length ?? 0);
  return error;
}
