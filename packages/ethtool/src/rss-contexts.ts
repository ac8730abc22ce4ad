import type { NetDevice } from '@netmem/netdev';
import { EBUSY, type NegativeErrno, RXH_XFRM } from '@netmem/uapi';
import type { EthtoolOps } from './ops.ts';

/** An RSS context besides the main table: what ethtool knows of it. @kernel struct ethtool_rxfh_context — include/linux/ethtool.h, 7.3 */
export interface RssContext {
  /** As long as the device's table. */
  readonly indir: Uint32Array;
  /** As long as the device's key. */
  readonly key: Uint8Array;
  /** An `ETH_RSS_HASH` bit; 0: not set. */
  hfunc: number;
  /** `RXH_XFRM` bits; `NO_CHANGE`: not set. */
  inputXfrm: number;
  /** The user gave the table, or the key. */
  indirConfigured: boolean;
  keyConfigured: boolean;
  /** Entries that the user gave for the table. */
  indirUserSize: number;
  /** The driver's own. */
  priv: unknown;
}

/** @kernel ethtool_rxfh_ctx_alloc — net/ethtool/common.c, 7.3 */
export function makeContext(ops: EthtoolOps): RssContext {
  return {
    indir: new Uint32Array(ops.getRxfhIndirSize?.() ?? 0),
    key: new Uint8Array(ops.getRxfhKeySize?.() ?? 0),
    hfunc: 0,
    inputXfrm: RXH_XFRM.NO_CHANGE,
    indirConfigured: false,
    keyConfigured: false,
    indirUserSize: 0,
    priv: null,
  };
}

/** The contexts of a device by number, as the kernel's array keeps them. */
export class RssContexts {
  readonly #contexts: Map<number, RssContext> = new Map();

  load(id: number): RssContext | null {
    return this.#contexts.get(id) ?? null;
  }

  /** Puts `ctx` at the lowest free number from 1 to `limit` - 1 and returns that, or `-EBUSY` when all are taken. */
  alloc(ctx: RssContext, limit: number): number {
    for (let id = 1; id < limit; id++) {
      if (this.#contexts.has(id)) continue;
      this.#contexts.set(id, ctx);
      return id;
    }
    return -EBUSY;
  }

  /** Puts `ctx` at `id`: 0, or `-EBUSY` when there is one. */
  insert(id: number, ctx: RssContext): 0 | NegativeErrno {
    if (this.#contexts.has(id)) return -EBUSY;
    this.#contexts.set(id, ctx);
    return 0;
  }

  erase(id: number): void {
    this.#contexts.delete(id);
  }

  /** Ascending. */
  ids(): number[] {
    return [...this.#contexts.keys()].sort((a, b) => a - b);
  }

  /** The highest queue that any table names. @kernel ethtool_get_max_rss_ctx_channel — net/ethtool/common.c, 7.3 */
  maxQueue(): number {
    let max = 0;
    for (const ctx of this.#contexts.values()) max = Math.max(max, maxEntry(ctx.indir));
    return max;
  }
}

/** The highest queue of a table. */
export function maxEntry(indir: Uint32Array): number {
  return indir.reduce((max, queue) => Math.max(max, queue), 0);
}

/** A device's contexts. */
export function rssContexts(dev: NetDevice): RssContexts {
  if (dev.ethtoolState === null) dev.ethtoolState = new RssContexts();
  return dev.ethtoolState as RssContexts;
}

/** Removes a device's contexts, as it leaves. @kernel netdev_rss_contexts_free — net/core/dev.c, 7.3 */
export function freeContexts(dev: NetDevice, ops: EthtoolOps): void {
  const contexts = rssContexts(dev);
  for (const id of contexts.ids()) {
    const ctx = contexts.load(id);
    contexts.erase(id);
    if (ctx !== null) ops.removeRxfhContext?.(ctx, id, null);
  }
}

/**
 * For a driver whose device has lost a context, by an error or a reset: it is forgotten, and the log says so.
 *
 * @kernel ethtool_rxfh_context_lost — net/ethtool/common.c, 7.3
 */
export function rxfhContextLost(dev: NetDevice, id: number): void {
  dev.network?.machine.log.emit('err', 'ethtool', `${dev.name}: device error, RSS context ${id} lost`);
  rssContexts(dev).erase(id);
}

/**
 * A context that a rule spreads by stays: 0, or `-EBUSY`.
 *
 * @kernel ethtool_check_rss_ctx_busy — net/ethtool/common.c, 7.3
 */
export function checkContextBusy(ops: EthtoolOps, id: number): 0 | NegativeErrno {
  return ops.getRules?.().some((rule) => rule.rssContext === id) ? -EBUSY : 0;
}
