import type { NetDevice } from '@netmem/netdev';
import { EINVAL, EOPNOTSUPP, ETH_RSS_HASH, type Extack, type NegativeErrno } from '@netmem/uapi';
import type { EthtoolOps, Rss, RxfhParam } from './ops.ts';
import { rssDefault } from './rss-table.ts';

/** What rss-set is asked for. Only what is given changes. Contexts besides the main table do not exist here. */
export interface RssRequest {
  /** An `ETH_RSS_HASH` bit. */
  hfunc?: number;
  /** Its length must divide the device's table, which is then filled with it again and again. Length 0: back to the driver's own table. */
  indir?: ArrayLike<number>;
  key?: Uint8Array;
  inputXfrm?: number;
}

/** Receive rings that a table or rule may name. */
export function rxRingCount(dev: NetDevice, ops: EthtoolOps): number {
  return ops.getRxRingCount?.() ?? dev.realNumRxQueues;
}

/** @kernel rss_prepare_get — net/ethtool/rss.c, 7.3 */
export function readRss(ops: EthtoolOps): Rss | NegativeErrno {
  if (ops.getRxfh === undefined) return -EOPNOTSUPP;
  const rss: Rss = {
    hfunc: ETH_RSS_HASH.TOP,
    indir: new Uint32Array(ops.getRxfhIndirSize?.() ?? 0),
    key: new Uint8Array(ops.getRxfhKeySize?.() ?? 0),
    inputXfrm: 0,
  };
  const error = ops.getRxfh(rss);
  return error < 0 ? error : rss;
}

/** @returns 1 when something changed, 0 when nothing was to change, or a negative errno. @kernel ethnl_rss_set — net/ethtool/rss.c, 7.3 (partial: the main table only, no hash fields, transformations unchecked) */
export function setRss(dev: NetDevice, ops: EthtoolOps, request: RssRequest, extack: Extack | null): number {
  if (ops.getRxfh === undefined || ops.setRxfh === undefined) return -EOPNOTSUPP;
  const now = readRss(ops);
  if (typeof now === 'number') return now;
  const change: RxfhParam = {};
  if (request.indir !== undefined) {
    const table = prepareTable(dev, ops, now, request.indir, extack);
    if (typeof table === 'number') return table;
    if (!sameBytes(table, now.indir)) change.indir = table;
  }
  if (request.hfunc !== undefined && request.hfunc !== now.hfunc) change.hfunc = request.hfunc;
  if (request.key !== undefined) {
    if (request.key.length !== now.key.length || now.key.length === 0) {
      extack?.set(null, 'hkey');
      return -EINVAL;
    }
    if (!sameBytes(request.key, now.key)) change.key = request.key.slice();
  }
  if (request.inputXfrm !== undefined && request.inputXfrm !== now.inputXfrm) change.inputXfrm = request.inputXfrm;
  const changed = Object.keys(change).length > 0;
  if (changed) {
    const error = ops.setRxfh(change, extack);
    if (error < 0) return error;
  }
  if (request.indir !== undefined) {
    if (request.indir.length === 0) dev.rxfhConfigured = false;
    else if (change.indir !== undefined) dev.rxfhConfigured = true;
  }
  return changed ? 1 : 0;
}

// @kernel rss_set_prep_indir — net/ethtool/rss.c, 7.3
function prepareTable(
  dev: NetDevice,
  ops: EthtoolOps,
  now: Rss,
  asked: ArrayLike<number>,
  extack: Extack | null,
): Uint32Array | NegativeErrno {
  const size = now.indir.length;
  if (size === 0) return -EOPNOTSUPP;
  const rings = rxRingCount(dev, ops);
  if (asked.length === 0) return rssDefault(size, rings);
  if (size % asked.length !== 0) {
    extack?.set(`size (${asked.length}) mismatch with device indir table (${size})`, 'indir');
    return -EINVAL;
  }
  for (let i = 0; i < asked.length; i++) {
    if (asked[i] >= 0 && asked[i] < rings) continue;
    extack?.set(`entry ${i}: queue out of range (${asked[i]})`, 'indir');
    return -EINVAL;
  }
  return Uint32Array.from({ length: size }, (_, i) => asked[i % asked.length]);
}

function sameBytes(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
