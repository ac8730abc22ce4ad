import type { NetDevice } from '@netmem/netdev';
import { ENOENT, EOPNOTSUPP, ERANGE, type Extack } from '@netmem/uapi';
import type { EthtoolOps, RxfhParam } from './ops.ts';
import { checkContextBusy, makeContext, type RssContext, rssContexts } from './rss-contexts.ts';
import {
  blankRss,
  prepareKey,
  prepareTable,
  type RssCreateRequest,
  unsupportedAttribute,
  updateContext,
} from './rss-request.ts';

/** Numbers that contexts may have where the driver says no limit. */
const NO_LIMIT = 0xffffffff;

/** @returns the new context's number, or a negative errno. @kernel ethnl_rss_create_doit — net/ethtool/rss.c, 7.3 */
export function createRss(dev: NetDevice, ops: EthtoolOps, request: RssCreateRequest, extack: Extack | null): number {
  const valid = validate(ops, request, extack);
  if (valid < 0) return valid;
  const blank = blankRss(ops);
  const change: RxfhParam = { rssContext: 0 };
  const table = prepareTable(dev, ops, blank.indir.length, 0, request.indir, extack);
  if (typeof table === 'number') return table;
  if (table !== null) change.indir = table;
  if (request.hfunc !== undefined) change.hfunc = request.hfunc;
  const key = prepareKey(blank.key.length, request.key, extack);
  if (typeof key === 'number') return key;
  if (key !== null) change.key = key;
  if (request.inputXfrm !== undefined) change.inputXfrm = request.inputXfrm;
  return installContext(dev, ops, request.context ?? 0, change, request.indir?.length ?? 0, extack);
}

// @kernel ethnl_rss_create_validate — net/ethtool/rss.c, 7.3
function validate(ops: EthtoolOps, request: RssCreateRequest, extack: Extack | null): number {
  if (ops.createRxfhContext === undefined) return -EOPNOTSUPP;
  const limit = ops.rxfhMaxNumContexts ?? 0;
  if (limit !== 0 && limit <= (request.context ?? 0)) {
    extack?.set(null, 'context');
    return -ERANGE;
  }
  if (request.indir?.length === 0) {
    extack?.set('binary attribute size out of range', 'indir');
    return -ERANGE;
  }
  const attr = unsupportedAttribute(ops, request, true);
  if (attr === null) return 0;
  extack?.set(null, attr);
  return -EOPNOTSUPP;
}

/**
 * Finds a number for a new context, has the driver make it, and remembers it.
 *
 * @param wanted - Its number; 0: the lowest free one.
 * @returns its number; `-EBUSY`: the number is taken, or none is free; or the driver's errno.
 */
export function installContext(
  dev: NetDevice,
  ops: EthtoolOps,
  wanted: number,
  change: RxfhParam,
  indirUserSize: number,
  extack: Extack | null,
): number {
  const contexts = rssContexts(dev);
  const ctx = makeContext(ops);
  const limit = ops.rxfhMaxNumContexts ?? NO_LIMIT;
  const found = wanted === 0 ? contexts.alloc(ctx, limit) : contexts.insert(wanted, ctx) || wanted;
  if (found < 0) {
    extack?.set('error allocating context ID', 'context');
    return found;
  }
  change.rssContext = found;
  const error = ops.createRxfhContext?.(ctx, change, extack) ?? -EOPNOTSUPP;
  if (error < 0) {
    contexts.erase(found);
    return error;
  }
  warnWithoutKey(dev, ops, ctx, change);
  updateContext(ctx, change, indirUserSize);
  return found;
}

// A key of zeros hashes everything alike: a driver with keys per context that was given none has to make one.
function warnWithoutKey(dev: NetDevice, ops: EthtoolOps, ctx: RssContext, change: RxfhParam): void {
  if (change.key !== undefined || ops.rxfhPerCtxKey !== true || ctx.key.some((byte) => byte !== 0)) return;
  dev.network?.machine.log.warnOnce('rss-context-key', `${dev.name}: RSS context ${change.rssContext} without a key`);
}

/** @returns 0 or a negative errno. @kernel ethnl_rss_delete_doit — net/ethtool/rss.c, 7.3 */
export function deleteRss(dev: NetDevice, ops: EthtoolOps, context: number, extack: Extack | null): number {
  if (ops.createRxfhContext === undefined) return -EOPNOTSUPP;
  const busy = checkContextBusy(ops, context);
  if (busy < 0) return busy;
  return removeContext(dev, ops, context, extack);
}

/** Has the driver remove a context, and forgets it: 0, `-ENOENT`, or the driver's errno. */
export function removeContext(dev: NetDevice, ops: EthtoolOps, context: number, extack: Extack | null): number {
  const contexts = rssContexts(dev);
  const ctx = contexts.load(context);
  if (ctx === null) return -ENOENT;
  const error = ops.removeRxfhContext?.(ctx, context, extack) ?? -EOPNOTSUPP;
  if (error < 0) return error;
  contexts.erase(context);
  return 0;
}
