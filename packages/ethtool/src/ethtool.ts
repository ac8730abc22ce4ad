import type { HwtstampConfig, NetDevice, Network } from '@netmem/netdev';
import { ENODEV, EOPNOTSUPP, type Extack, type NegativeErrno, SOF_TIMESTAMPING } from '@netmem/uapi';
import { type ChannelsRequest, getChannels, setChannels } from './channels.ts';
import { getCoalesce, setCoalesce } from './coalesce.ts';
import { type FeaturesReply, getFeatures, setFeatures } from './feature-sets.ts';
import type { FlowRequest, FlowRule } from './flow-rule.ts';
import { deleteRule, getRules, insertRule } from './ntuple.ts';
import type { Channels, Coalesce, DriverInfo, EthtoolOps, LinkKsettings, Rss, TimestampInfo } from './ops.ts';
import { getRings, type RingsReply, type RingsRequest, setRings } from './rings.ts';
import { getRss, listRssContexts, setRss } from './rss.ts';
import { freeContexts } from './rss-contexts.ts';
import { createRss, deleteRss } from './rss-create.ts';
import type { RssCreateRequest, RssRequest } from './rss-request.ts';
import { type RxfhRequest, setRxfh } from './rxfh.ts';
import { getTsConfig, setTsConfig } from './tsconfig.ts';

/** What changed on a device: one per notification of the ethtool netlink family. */
export type EthtoolEvent = 'rings' | 'channels' | 'rss' | 'rss-create' | 'rss-delete' | 'features' | 'coalesce';
/** Hears of changes after they took effect; `context` is the RSS context that one was about, else 0. */
export type EthtoolListener = (event: EthtoolEvent, dev: NetDevice, context: number) => void;

/** A named counter. */
export interface NamedStat {
  name: string;
  value: number;
}

/** What the core does for every device. */
const SOFTWARE_TIMESTAMPS: number = SOF_TIMESTAMPING.RX_SOFTWARE | SOF_TIMESTAMPING.SOFTWARE;
const NO_OPS: EthtoolOps = Object.freeze({});

/**
 * Configuration of network devices, with the kernel's questions in the kernel's order. Each call takes the device's instance lock, answers a value or
 * a negative errno, and explains itself in `extack` where the kernel does.
 *
 * For every call: `-ENODEV` when the device is not registered or is detached, `-EOPNOTSUPP` when its driver lacks the operation. A `set` that changes
 * nothing succeeds without asking the driver and without a notification.
 *
 * @kernel ethnl_default_set_doit — net/ethtool/netlink.c, 7.3
 */
export class Ethtool {
  readonly network: Network;
  readonly #listeners: EthtoolListener[] = [];

  constructor(network: Network) {
    this.network = network;
    network.subscribe((event, dev) => {
      if (event === 'unregister') this.#ask(dev, (ops) => freeContexts(dev, ops));
    });
  }

  /** Gives a device its driver's operations; before it is registered or after. */
  attach(dev: NetDevice, ops: EthtoolOps): void {
    dev.attachEthtool(ops);
  }

  /** Tells somebody of every change. @returns a function that ends it. @kernel ethtool_notify — net/ethtool/netlink.c, 7.3 */
  subscribe(listener: EthtoolListener): () => void {
    this.#listeners.push(listener);
    return () => {
      const at = this.#listeners.indexOf(listener);
      if (at >= 0) this.#listeners.splice(at, 1);
    };
  }

  /** Ring sizes and header-data split. */
  getRings(dev: NetDevice): RingsReply | NegativeErrno {
    return this.#ask(dev, (ops) => getRings(dev, ops));
  }

  /**
   * Changes ring sizes and header-data split. The new state of the split is committed only when the driver succeeds.
   *
   * @returns 0; `-EOPNOTSUPP` for a parameter that the driver does not support; `-ERANGE` for a split that is none; `-EINVAL` against single-buffer
   * XDP, an installed memory provider or a maximum; or the driver's errno.
   */
  setRings(dev: NetDevice, request: RingsRequest, extack: Extack | null = null): number {
    return this.#change(dev, 'rings', (ops) => {
      dev.cfgPending = { ...dev.cfg };
      try {
        const result = setRings(dev, ops, request, extack);
        if (result > 0) dev.cfg = dev.cfgPending;
        return result;
      } finally {
        dev.cfgPending = dev.cfg;
      }
    });
  }

  /** Channel counts and limits. */
  getChannels(dev: NetDevice): Channels | NegativeErrno {
    return this.#ask(dev, getChannels);
  }

  /**
   * Changes channel counts.
   *
   * @returns 0; `-EINVAL` above a maximum, without a receive or transmit channel left, or when an RSS table of the user's, a rule, a memory provider
   * or an AF_XDP pool still needs a queue that would go; or the driver's errno.
   */
  setChannels(dev: NetDevice, request: ChannelsRequest, extack: Extack | null = null): number {
    return this.#change(dev, 'channels', (ops) => setChannels(dev, ops, request, extack));
  }

  /** RSS table, key and hash function; of a context, as it was last set: `-ENOENT` when there is none of that number. */
  getRss(dev: NetDevice, context: number = 0): Rss | NegativeErrno {
    return this.#ask(dev, (ops) => getRss(dev, ops, context));
  }

  /**
   * Changes the RSS table, key, hash function or hashed fields, of the device or of one of its contexts. Nothing keeps a table from pointing at a queue
   * with a memory provider: that is the user's to avoid.
   *
   * @returns 0; `-EINVAL` for a table whose length does not divide the device's, an entry beyond the rings, a key of another length, or fields that do
   * not go with a symmetric hash; `-EOPNOTSUPP` for what the driver has only for all contexts together; `-ENOENT` for a context that does not exist; or
   * the driver's errno.
   */
  setRss(dev: NetDevice, request: RssRequest, extack: Extack | null = null): number {
    return this.#change(dev, 'rss', (ops) => setRss(dev, ops, request, extack), request.context);
  }

  /** Numbers of the device's RSS contexts, ascending, the main table's 0 included. */
  listRssContexts(dev: NetDevice): number[] {
    const ids = this.#ask(dev, (ops) => listRssContexts(dev, ops));
    return typeof ids === 'number' ? [] : ids;
  }

  /**
   * Makes an RSS context: a table, and where the driver has that a key, of its own, for rules to spread by.
   *
   * @returns its number; `-ERANGE` for one beyond what the device has; `-EBUSY` when the number is taken or none is free; and what
   * {@link Ethtool.setRss} answers.
   */
  createRss(dev: NetDevice, request: RssCreateRequest, extack: Extack | null = null): number {
    const made = this.#ask(dev, (ops) => createRss(dev, ops, request, extack));
    if (made >= 0) this.#notify('rss-create', dev, made);
    return made;
  }

  /** Removes an RSS context: 0; `-EBUSY` while a rule spreads by it; `-ENOENT` when there is none; or the driver's errno. */
  deleteRss(dev: NetDevice, context: number, extack: Extack | null = null): number {
    const result = this.#ask(dev, (ops) => deleteRss(dev, ops, context, extack));
    if (result === 0) this.#notify('rss-delete', dev, context);
    return result;
  }

  /**
   * The same through the older door, which the ethtool program still takes for contexts: one request sets the main table, or makes, changes or removes a
   * context. Tables and keys have the device's size.
   *
   * @returns the context's number, 0 for the main table; `-EINVAL` for a size or entry that is none, or a request for nothing; and what
   * {@link Ethtool.setRss}, {@link Ethtool.createRss} and {@link Ethtool.deleteRss} answer.
   */
  setRxfh(dev: NetDevice, request: RxfhRequest, extack: Extack | null = null): number {
    const outcome = this.#ask(dev, (ops) => setRxfh(dev, ops, request, extack));
    if (typeof outcome === 'number') return outcome;
    this.#notify(outcome.done, dev, outcome.context);
    return outcome.context;
  }

  /** Ntuple rules, by location. */
  getRules(dev: NetDevice): readonly FlowRule[] | NegativeErrno {
    return this.#ask(dev, getRules);
  }

  /**
   * Adds an ntuple rule.
   *
   * @returns its location; `-EOPNOTSUPP` also while ntuple filters are switched off; `-EINVAL` for a ring, location, RSS context or field out of range;
   * `-ENOSPC` when no location is free; or the driver's errno.
   */
  insertRule(dev: NetDevice, rule: FlowRequest, extack: Extack | null = null): number {
    return this.#ask(dev, (ops) => insertRule(dev, ops, rule, extack));
  }

  /** Removes an ntuple rule; the driver says `-ENOENT` when there is none. */
  deleteRule(dev: NetDevice, location: number): number {
    return this.#ask(dev, (ops) => deleteRule(dev, ops, location));
  }

  /** Features that can be switched, are wanted, are on, never change. */
  getFeatures(dev: NetDevice): FeaturesReply | NegativeErrno {
    return this.#ask(dev, () => getFeatures(dev));
  }

  /**
   * Switches features by name, `{ 'rx-ntuple-filter': true }`. What depends on a feature that goes, goes too; what is fixed stays, silently.
   *
   * @returns 0; `-EOPNOTSUPP` for a name that is no feature; `-EINVAL` for an empty request.
   */
  setFeatures(dev: NetDevice, changes: Readonly<Record<string, boolean>>, extack: Extack | null = null): number {
    return this.#change(dev, 'features', () => setFeatures(dev, changes, extack));
  }

  /** The driver's counters; none when it has none. */
  getStats(dev: NetDevice): NamedStat[] {
    const stats = this.#ask(dev, (ops) => {
      const names = ops.getStrings?.() ?? [];
      const values = new Float64Array(names.length);
      ops.getStats?.(values);
      return names.map((name, i) => ({ name, value: values[i] }));
    });
    return typeof stats === 'number' ? [] : stats;
  }

  /** Who drives the device. */
  getDriverInfo(dev: NetDevice): DriverInfo | NegativeErrno {
    return this.#ask(dev, (ops) => {
      const info: DriverInfo = { driver: '', version: '', firmwareVersion: '', expansionRomVersion: '', busInfo: '' };
      if (ops.getDrvinfo !== undefined) ops.getDrvinfo(info);
      else if (dev.parent !== null) info.busInfo = dev.parent.name;
      else return -EOPNOTSUPP;
      return info;
    });
  }

  /** Interrupt coalescing: the parameters that the driver has. */
  getCoalesce(dev: NetDevice): Coalesce | NegativeErrno {
    return this.#ask(dev, getCoalesce);
  }

  /** Changes interrupt coalescing: 0, `-EINVAL` for a parameter that the driver does not have, or the driver's errno. */
  setCoalesce(dev: NetDevice, request: Coalesce, extack: Extack | null = null): number {
    return this.#change(dev, 'coalesce', (ops) => setCoalesce(ops, request, extack));
  }

  /** Whether the link is up, as the driver sees it or by the carrier. @kernel ethtool_op_get_link — net/ethtool/ioctl.c, 7.3 */
  getLink(dev: NetDevice): boolean | NegativeErrno {
    return this.#ask(dev, (ops) => ops.getLink?.() ?? dev.operUp);
  }

  /** Speed and duplex. */
  getLinkKsettings(dev: NetDevice): LinkKsettings | NegativeErrno {
    return this.#ask(dev, (ops) => ops.getLinkKsettings?.() ?? -EOPNOTSUPP);
  }

  /** Time stamping; without a driver's word, what the core does in software. @kernel __ethtool_get_ts_info — net/ethtool/common.c, 7.3 */
  getTsInfo(dev: NetDevice): TimestampInfo | NegativeErrno {
    return this.#ask(dev, (ops) => {
      const info: TimestampInfo = { soTimestamping: 0, phcIndex: -1, txTypes: 0, rxFilters: 0 };
      const error = ops.getTsInfo?.(info) ?? 0;
      info.soTimestamping |= SOFTWARE_TIMESTAMPS;
      return error < 0 ? error : info;
    });
  }

  /** Which packets the device stamps by its own clock; `-EOPNOTSUPP` when it has none. */
  getTsConfig(dev: NetDevice): HwtstampConfig | NegativeErrno {
    return this.#ask(dev, () => getTsConfig(dev));
  }

  /**
   * Changes which packets the device stamps. What is not given stays.
   *
   * @returns what the driver made of it; `-EOPNOTSUPP` also for a device that shows nothing; `-EINVAL` and `-ERANGE` for values that are none; or the
   * driver's errno.
   */
  setTsConfig(
    dev: NetDevice,
    request: Partial<HwtstampConfig>,
    extack: Extack | null = null,
  ): HwtstampConfig | NegativeErrno {
    return this.#ask(dev, () => setTsConfig(dev, request, extack));
  }

  /** Has the driver reset its device. */
  reset(dev: NetDevice): number {
    return this.#ask(dev, (ops) => ops.reset?.() ?? -EOPNOTSUPP);
  }

  // @kernel ethnl_ops_begin — net/ethtool/netlink.c, 7.3
  #ask<T>(dev: NetDevice, answer: (ops: EthtoolOps) => T | NegativeErrno): T | NegativeErrno {
    if (!dev.registered) return -ENODEV;
    dev.lock.lock();
    try {
      if (!dev.present) return -ENODEV;
      return answer((dev.ethtoolOps as EthtoolOps | null) ?? NO_OPS);
    } finally {
      dev.lock.unlock();
    }
  }

  // A change answers 1 when it happened: listeners then hear of it, after the lock is gone.
  #change(dev: NetDevice, event: EthtoolEvent, change: (ops: EthtoolOps) => number, context: number = 0): number {
    const result = this.#ask(dev, change);
    if (result > 0) this.#notify(event, dev, context);
    return Math.min(result, 0);
  }

  #notify(event: EthtoolEvent, dev: NetDevice, context: number): void {
    for (const listener of [...this.#listeners]) listener(event, dev, context);
  }
}
