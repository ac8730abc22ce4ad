// What a request for receive-side scaling is checked for before a driver sees it.

import type { NetDevice } from '@netmem/netdev';
import { EINVAL, EOPNOTSUPP, type Extack, type NegativeErrno } from '@netmem/uapi';
import type { EthtoolOps, FlowHash, Rss, RxfhParam } from './ops.ts';
import type { RssContext } from './rss-contexts.ts';
import { rssDefault } from './rss-table.ts';

/** What rss-create is asked for. What is not given the driver chooses. */
export interface RssCreateRequest {
  /** Number of the new context; absent or 0: the lowest free one. */
  context?: number;
  /** An `ETH_RSS_HASH` bit. */
  hfunc?: number;
  /** Its length must divide the device's table, which is then filled with it again and again. Length 0: back to the driver's own table, for the main one. */
  indir?: ArrayLike<number>;
  key?: Uint8Array;
  /** `RXH_XFRM` bits. */
  inputXfrm?: number;
}

/** What rss-set is asked for. Only what is given changes. */
export interface RssRequest extends RssCreateRequest {
  /** Absent or 0: the main table. */
  context?: number;
  /** What flow types are to hash; types that are not named stay. */
  flowHash?: FlowHash;
}

/** Receive rings that a table or rule may name. @kernel ethtool_get_rx_ring_count — net/ethtool/common.c, 7.3 */
export function rxRingCount(dev: NetDevice, ops: EthtoolOps): number {
  return ops.getRxRingCount?.() ?? dev.realNumRxQueues;
}

/**
 * The first attribute of a request that a driver has no support for, `checked` in this order: key and function per context, transformation.
 *
 * @kernel ethnl_rss_create_validate — net/ethtool/rss.c, 7.3
 */
export function unsupportedAttribute(ops: EthtoolOps, request: RssCreateRequest, ofContext: boolean): string | null {
  if (ofContext && ops.rxfhPerCtxKey !== true) {
    if (request.hfunc !== undefined) return 'hfunc';
    if (request.key !== undefined) return 'hkey';
    if (request.inputXfrm !== undefined) return 'input-xfrm';
  }
  return ((request.inputXfrm ?? 0) & ~(ops.supportedInputXfrm ?? 0)) === 0 ? null : 'input-xfrm';
}

/** The whole table that a request asks for, null for one that asks for none. @kernel rss_set_prep_indir — net/ethtool/rss.c, 7.3 */
export function prepareTable(
  dev: NetDevice,
  ops: EthtoolOps,
  size: number,
  context: number,
  asked: ArrayLike<number> | undefined,
  extack: Extack | null,
): Uint32Array | null | NegativeErrno {
  if (asked === undefined) return null;
  if (size === 0) return -EOPNOTSUPP;
  const rings = rxRingCount(dev, ops);
  if (rings < 0) return rings;
  if (asked.length === 0) {
    if (context === 0) return rssDefault(size, rings);
    extack?.set("can't reset table for a context", 'indir');
    return -EINVAL;
  }
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

/** The key that a request asks for, null for one that asks for none. @kernel rss_set_prep_hkey — net/ethtool/rss.c, 7.3 */
export function prepareKey(
  size: number,
  asked: Uint8Array | undefined,
  extack: Extack | null,
): Uint8Array | null | NegativeErrno {
  if (asked === undefined) return null;
  if (asked.length === size && size !== 0) return asked.slice();
  extack?.set(null, 'hkey');
  return -EINVAL;
}

/** Writes into a context what its driver has accepted. @kernel rss_set_ctx_update — net/ethtool/rss.c, 7.3 */
export function updateContext(ctx: RssContext, change: RxfhParam, indirUserSize: number): void {
  if (change.indir !== undefined) {
    ctx.indir.set(change.indir);
    ctx.indirConfigured = indirUserSize > 0;
    ctx.indirUserSize = indirUserSize;
  }
  if (change.key !== undefined) {
    ctx.key.set(change.key);
    ctx.keyConfigured = true;
  }
  if (change.hfunc !== undefined) ctx.hfunc = change.hfunc;
  if (change.inputXfrm !== undefined) ctx.inputXfrm = change.inputXfrm;
}

/** What a driver's table, key and function are before anybody asked. */
export function blankRss(ops: EthtoolOps): Rss {
  return {
    hfunc: 0,
    indir: new Uint32Array(ops.getRxfhIndirSize?.() ?? 0),
    key: new Uint8Array(ops.getRxfhKeySize?.() ?? 0),
    inputXfrm: 0,
  };
}

/** Whether two tables or keys are the same. */
export function sameEntries(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
