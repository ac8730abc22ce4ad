import type { NetDevice } from '@netmem/netdev';
import { ENOENT, EOPNOTSUPP, ETH_RSS_HASH, type Extack, type NegativeErrno } from '@netmem/uapi';
import type { EthtoolOps, Rss, RxfhParam } from './ops.ts';
import { rssContexts } from './rss-contexts.ts';
import { readFlowHash, setFlowHash } from './rss-fields.ts';
import {
  blankRss,
  prepareKey,
  prepareTable,
  type RssRequest,
  sameEntries,
  unsupportedAttribute,
  updateContext,
} from './rss-request.ts';

/** @kernel rss_prepare_data — net/ethtool/rss.c, 7.3 */
export function getRss(dev: NetDevice, ops: EthtoolOps, context: number): Rss | NegativeErrno {
  if (ops.getRxfh === undefined) return -EOPNOTSUPP;
  if (context !== 0 && ops.createRxfhContext === undefined) return -EOPNOTSUPP;
  const rss = prepare(dev, ops, context);
  if (typeof rss === 'number' || context === 0 || ops.rxfhPerCtxKey === true) return rss;
  // Key, function and transformation are the device's: a context shows none.
  return { ...rss, hfunc: 0, key: new Uint8Array(0), inputXfrm: 0 };
}

/** Numbers of a device's RSS contexts, ascending; the main table, 0, is first when there is one. @kernel rss_dump_one_dev — net/ethtool/rss.c, 7.3 */
export function listRssContexts(dev: NetDevice, ops: EthtoolOps): number[] {
  return ops.getRxfh === undefined ? [] : [0, ...rssContexts(dev).ids()];
}

/** The main table, as the driver has it. @kernel rss_prepare_get — net/ethtool/rss.c, 7.3 */
export function readRss(ops: EthtoolOps): Rss | NegativeErrno {
  if (ops.getRxfh === undefined) return -EOPNOTSUPP;
  const rss = blankRss(ops);
  rss.hfunc = ETH_RSS_HASH.TOP;
  const error = ops.getRxfh(rss);
  return error < 0 ? error : rss;
}

function prepare(dev: NetDevice, ops: EthtoolOps, context: number): Rss | NegativeErrno {
  const rss = context === 0 ? readRss(ops) : readContext(dev, context);
  if (typeof rss === 'number') return rss;
  const flowHash = readFlowHash(ops, context);
  return flowHash === undefined ? rss : { ...rss, flowHash };
}

// Ethtool keeps contexts itself, and asks no driver. @kernel rss_prepare_ctx — net/ethtool/rss.c, 7.3
function readContext(dev: NetDevice, context: number): Rss | NegativeErrno {
  const ctx = rssContexts(dev).load(context);
  if (ctx === null) return -ENOENT;
  return { hfunc: ctx.hfunc, indir: ctx.indir.slice(), key: ctx.key.slice(), inputXfrm: ctx.inputXfrm };
}

// @kernel ethnl_rss_set_validate — net/ethtool/rss.c, 7.3
function validate(ops: EthtoolOps, request: RssRequest, extack: Extack | null): 0 | NegativeErrno {
  const ofContext = (request.context ?? 0) !== 0;
  let attr = ofContext && ops.createRxfhContext === undefined ? 'context' : null;
  attr ??= unsupportedAttribute(ops, request, ofContext);
  if (request.flowHash !== undefined) {
    if (ops.setRxfhFields === undefined || (ofContext && ops.rxfhPerCtxFields !== true)) attr ??= 'flow-hash';
  }
  if (attr === null) return 0;
  extack?.set(null, attr);
  return -EOPNOTSUPP;
}

/** @returns 1 when something changed, 0 when nothing was to change, or a negative errno. @kernel ethnl_rss_set — net/ethtool/rss.c, 7.3 */
export function setRss(dev: NetDevice, ops: EthtoolOps, request: RssRequest, extack: Extack | null): number {
  const context = request.context ?? 0;
  const valid = validate(ops, request, extack);
  if (valid < 0) return valid;
  const now = prepare(dev, ops, context);
  if (typeof now === 'number') return now;

  const change: RxfhParam = { rssContext: context };
  const table = prepareTable(dev, ops, now.indir.length, context, request.indir, extack);
  if (typeof table === 'number') return table;
  let changed = table !== null && !sameEntries(table, now.indir);
  if (table !== null) change.indir = table;
  if (request.hfunc !== undefined && request.hfunc !== now.hfunc) change.hfunc = request.hfunc;
  const key = prepareKey(now.key.length, request.key, extack);
  if (typeof key === 'number') return key;
  if (key !== null) {
    change.key = key;
    changed ||= !sameEntries(key, now.key);
  }
  const { inputXfrm } = request;
  if (inputXfrm !== undefined && inputXfrm !== now.inputXfrm) change.inputXfrm = inputXfrm;
  changed ||= change.hfunc !== undefined || change.inputXfrm !== undefined;

  // A context of a driver without keys of their own has "no change" as its transformation, which says nothing about symmetry.
  const ownKey = context === 0 || ops.rxfhPerCtxKey === true;
  const symmetric = ownKey && (now.inputXfrm !== 0 || (inputXfrm ?? 0) !== 0);
  const fields = setFlowHash(ops, context, now, request.flowHash, symmetric, extack);
  if (fields < 0) return fields;
  if (changed) {
    const error = apply(dev, ops, change, extack);
    if (error < 0) return error;
  }
  remember(dev, change, request.indir?.length ?? 0);
  return changed || fields > 0 ? 1 : 0;
}

function apply(dev: NetDevice, ops: EthtoolOps, change: RxfhParam, extack: Extack | null): number {
  if (ops.setRxfh === undefined) return -EOPNOTSUPP;
  if (change.rssContext === 0) return ops.setRxfh(change, extack);
  const ctx = rssContexts(dev).load(change.rssContext);
  if (ctx === null) return -ENOENT;
  return ops.modifyRxfhContext?.(ctx, change, extack) ?? -EOPNOTSUPP;
}

// Also when the driver had nothing to do: a table that is the user's now is not made anew when queues come or go.
function remember(dev: NetDevice, change: RxfhParam, indirUserSize: number): void {
  if (change.rssContext === 0) {
    if (change.indir !== undefined) dev.rxfhConfigured = indirUserSize > 0;
    return;
  }
  const ctx = rssContexts(dev).load(change.rssContext);
  if (ctx !== null) updateContext(ctx, change, indirUserSize);
}
