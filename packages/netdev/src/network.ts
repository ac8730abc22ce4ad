import { assertSingleCopy, KernelBug, type Machine } from '@netmem/machine';
import { NetmemTable } from '@netmem/netmem';
import { PagePools } from '@netmem/page-pool';
import { EEXIST, EINVAL, ENETDOWN, ENFILE, IFF, IFNAMSIZ } from '@netmem/uapi';
import { BUSY_POLL_BUDGET, type BusyPollOptions, napiBusyLoop } from './busy-poll.ts';
import type { GroDelivery } from './gro.ts';
import { createLoopback } from './loopback.ts';
import { devMemoryProviderUninstall } from './memory-provider.ts';
import type { Napi } from './napi.ts';
import type { NetDevice } from './netdevice.ts';
import { PhcIndexes } from './phc.ts';
import type { GroOffload, NetdevEvent, NetdevListener, PacketHandler, PacketTap } from './protocols.ts';
import { NET_XMIT_DROP, SKB_DROP_REASON } from './skb-constants.ts';
import type { SkBuff } from './skbuff.ts';
import { SkBuffPool } from './skbuff-pool.ts';
import { SoftNet } from './softnet.ts';
import { validateAndSend } from './transmit.ts';
import { NETDEV_VERSION } from './version.ts';

// Here and not in the index: bundlers drop what a side-effect-free index does besides exporting.
assertSingleCopy('@netmem/netdev', NETDEV_VERSION, (import.meta as { url?: string }).url);

/** Id of a host's first NAPI instance: ids up to NR_CPUS, here 8, are senders' CPUs. @kernel MIN_NAPI_ID — include/net/busy_poll.h, 7.3 */
const FIRST_NAPI_ID = 9;
/** Devices of one name pattern. */
const MAX_DEVICES_PER_PATTERN = 1024;

/** What a {@link Network} is made of. */
export interface NetworkOptions {
  machine: Machine;
  /** Default: a new one. */
  netmem?: NetmemTable;
  /** Default: new ones over `netmem`. */
  pools?: PagePools;
  /** Skbs that may be in use at once. */
  maxSkbs?: number;
  /** Add the loopback device, index 1 and up. Default true. */
  loopback?: boolean;
}

/** The handler or offload of one ethertype. A handful of them: a scan beats a hash. */
interface Protocol<T> {
  readonly ethertype: number;
  readonly entry: T;
}

function find<T>(list: readonly Protocol<T>[], ethertype: number): T | null {
  for (let i = 0; i < list.length; i++) if (list[i].ethertype === ethertype) return list[i].entry;
  return null;
}

/**
 * The network core of one host: its devices, its packets, and the way of each packet between a driver and a protocol.
 *
 * It names no protocol. Those that handle an ethertype register with {@link Network.addPacketType}, those that merge and cut its packets with
 * {@link Network.addOffload}.
 *
 * @kernel struct net — include/net/net_namespace.h, 7.3 (partial: the network core's part; a host is one namespace)
 */
export class Network implements GroDelivery {
  readonly machine: Machine;
  readonly netmem: NetmemTable;
  readonly pools: PagePools;
  readonly skbs: SkBuffPool;
  readonly softnet: SoftNet;
  /** The loopback device; null when the network was made without. */
  readonly loopback: NetDevice | null;
  readonly phcs: PhcIndexes = new PhcIndexes();

  readonly #devices: NetDevice[] = [];
  readonly #napis: Map<number, Napi> = new Map();
  readonly #handlers: Protocol<PacketHandler>[] = [];
  readonly #offloads: Protocol<GroOffload>[] = [];
  readonly #taps: PacketTap[] = [];
  readonly #listeners: NetdevListener[] = [];
  #nextIfindex = 1;
  #nextNapiId = FIRST_NAPI_ID;
  /** How many want packets stamped. @kernel netstamp_needed_key — net/core/dev.c, 7.3 */
  #netstampNeeded = 0;

  constructor(options: NetworkOptions) {
    this.machine = options.machine;
    this.netmem = options.netmem ?? new NetmemTable(options.machine);
    this.pools = options.pools ?? new PagePools(options.machine, this.netmem);
    this.skbs = new SkBuffPool(options.machine, this.netmem, options.maxSkbs);
    this.softnet = new SoftNet(options.machine, (skb) => this.receive(skb));
    this.loopback = null;
    if (options.loopback !== false) {
      this.loopback = createLoopback((skb) => this.softnet.enqueueBacklog(skb));
      this.registerDevice(this.loopback);
      this.loopback.open();
    }
  }

  get devices(): readonly NetDevice[] {
    return this.#devices;
  }

  /**
   * Adds a device, gives it an index and, from a pattern, a name.
   *
   * @returns 0; `-EINVAL` for an empty or too long name, or one with a slash, a colon or white space; `-EEXIST` for a name that is taken or a
   * device that is registered; `-ENFILE` when a pattern has no number left.
   * @kernel register_netdevice — net/core/dev.c, 7.3
   */
  registerDevice(dev: NetDevice): number {
    if (dev.registered) return -EEXIST;
    const name = this.#nameFor(dev.name);
    if (typeof name === 'number') return name;
    dev.joined(this, name, this.#nextIfindex++);
    this.#devices.push(dev);
    dev.lock.lock();
    try {
      dev.updateFeatures(false);
    } finally {
      dev.lock.unlock();
    }
    this.announce('register', dev);
    return 0;
  }

  /**
   * Takes a device down and away. Providers forget it, its pools move to the loopback device, packets it left behind are dropped.
   *
   * @kernel unregister_netdevice_many_notify — net/core/dev.c, 7.3
   */
  unregisterDevice(dev: NetDevice): void {
    if (dev.network !== this) throw new KernelBug('netdev-unregister', `${dev.name} is not a device of this network`);
    dev.close();
    this.#devices.splice(this.#devices.indexOf(dev), 1);
    this.softnet.flushBacklog(dev);
    dev.lock.lock();
    try {
      devMemoryProviderUninstall(dev);
    } finally {
      dev.lock.unlock();
    }
    this.announce('unregister', dev);
    this.pools.unregNetdev(dev, this.loopback);
    dev.left();
  }

  /** A device by name or index; null when there is none. @kernel dev_get_by_index — net/core/dev.c, 7.3 */
  device(nameOrIndex: string | number): NetDevice | null {
    return this.#devices.find((dev) => dev.name === nameOrIndex || dev.ifindex === nameOrIndex) ?? null;
  }

  /** A NAPI instance by its id; null when there is none. @kernel napi_by_id — net/core/dev.c, 7.3 */
  napi(id: number): Napi | null {
    return this.#napis.get(id) ?? null;
  }

  /**
   * Polls an instance in the caller's own time, as a socket with SO_BUSY_POLL does when it finds nothing to read; its id is in `skb.napiId`.
   *
   * @param budget - Packets per poll, BUSY_POLL_BUDGET by default.
   * @returns packets handled; 0 also for an id that is nobody's, and while softirq has the instance anyway.
   * @throws KernelBug outside process context.
   * @kernel napi_busy_loop — net/core/dev.c, 7.3
   */
  busyPoll(napiId: number, budget: number = BUSY_POLL_BUDGET, options: BusyPollOptions = {}): number {
    return napiBusyLoop(this, napiId, budget, options);
  }

  /** Who gets the packets of an ethertype. @throws KernelBug when it has a handler. @kernel dev_add_pack — net/core/dev.c, 7.3 */
  addPacketType(ethertype: number, handler: PacketHandler): void {
    if (find(this.#handlers, ethertype) !== null)
      throw new KernelBug('packet-type', `0x${ethertype.toString(16)} has a handler`);
    this.#handlers.push({ ethertype, entry: handler });
  }

  /** Who merges and cuts the packets of an ethertype. @throws KernelBug when it has an offload. @kernel dev_add_offload — net/core/gro.c, 7.3 */
  addOffload(ethertype: number, offload: GroOffload): void {
    if (find(this.#offloads, ethertype) !== null)
      throw new KernelBug('packet-offload', `0x${ethertype.toString(16)} has one`);
    this.#offloads.push({ ethertype, entry: offload });
  }

  /** The offload of an ethertype; null when it has none. */
  offload(ethertype: number): GroOffload | null {
    return find(this.#offloads, ethertype);
  }

  /** Lets somebody see every packet. @returns a function that ends it. */
  addTap(tap: PacketTap): () => void {
    this.#taps.push(tap);
    return () => remove(this.#taps, tap);
  }

  /** Tells somebody what happens to devices. @returns a function that ends it. @kernel register_netdevice_notifier — net/core/dev.c, 7.3 */
  subscribe(listener: NetdevListener): () => void {
    this.#listeners.push(listener);
    return () => remove(this.#listeners, listener);
  }

  /** Received packets are stamped by the host's clock from now on, until as many have called {@link Network.disableTimestamps}. @kernel net_enable_timestamp — net/core/dev.c, 7.3 */
  enableTimestamps(): void {
    this.#netstampNeeded++;
  }

  /** Takes an {@link Network.enableTimestamps} back. @kernel net_disable_timestamp — net/core/dev.c, 7.3 */
  disableTimestamps(): void {
    this.#netstampNeeded--;
  }

  /** Hands a received packet to its protocol. Owns `skb`. @kernel __netif_receive_skb_core — net/core/dev.c, 7.3 (partial: no rx_handler, VLAN, classifier or generic XDP) */
  receive(skb: SkBuff): void {
    skb.networkHeader = skb.data;
    if (this.#netstampNeeded > 0 && skb.tstampNs === 0) skb.tstampNs = this.machine.clock.nowNs;
    if (this.#taps.length > 0) this.#tap(skb, false);
    const handler = find(this.#handlers, skb.protocol);
    if (handler === null) {
      skb.dev?.noteRxNohandler();
      skb.free(SKB_DROP_REASON.UNHANDLED_PROTO);
      return;
    }
    handler.receive(skb);
  }

  /**
   * Sends a packet, whose `data` is its Ethernet header and whose `dev` is set. Owns `skb`.
   *
   * @returns NET_XMIT_SUCCESS; NET_XMIT_DROP when a queue is full or the device has no carrier; `-ENETDOWN` when it is not up.
   * @kernel __dev_queue_xmit — net/core/dev.c, 7.3 (partial: one first-in-first-out line per queue, no other disciplines)
   */
  transmit(skb: SkBuff): number {
    const dev = skb.dev;
    if (dev === null) throw new KernelBug('dev-queue-xmit', 'a packet without a device');
    skb.macHeader = skb.data;
    if (!dev.running || (dev.flags & IFF.UP) === 0) {
      dev.noteTxDropped();
      skb.free(SKB_DROP_REASON.DEV_READY);
      return -ENETDOWN;
    }
    if (!dev.operUp) {
      dev.noteTxDropped();
      skb.free(SKB_DROP_REASON.NO_CARRIER);
      return NET_XMIT_DROP;
    }
    if (this.#taps.length > 0) this.#tap(skb, true);
    return validateAndSend(skb, dev, skb.gsoSize === 0 ? null : this.offload(skb.protocol));
  }

  /** What an idle network should not have, as sentences; empty when clean. */
  audit(): string[] {
    const found = this.skbs.audit();
    if (this.softnet.backlogLength > 0) found.push(`${this.softnet.backlogLength} packet(s) wait in the backlog`);
    for (const dev of this.#devices) {
      for (const napi of dev.napis) {
        if (napi.groPending > 0) found.push(`${dev.name}: GRO of NAPI ${napi.id} holds ${napi.groPending} packet(s)`);
        if (napi.scheduled) found.push(`${dev.name}: NAPI ${napi.id} is scheduled`);
      }
      for (const queue of dev.txQueues) {
        if (queue.qlen > 0) found.push(`${dev.name}: ${queue.qlen} packet(s) wait for transmit queue ${queue.index}`);
      }
      for (const rxq of dev.rxQueues) {
        if (rxq.mpParams !== null) found.push(`${dev.name}: rx queue ${rxq.index} still has a memory provider`);
      }
      if (dev.cfgPending !== dev.cfg) found.push(`${dev.name}: a configuration change was left half done`);
    }
    return found;
  }

  /** @internal */
  announce(event: NetdevEvent, dev: NetDevice): void {
    for (const listener of [...this.#listeners]) listener(event, dev);
  }

  /** @internal */
  newNapiId(): number {
    return this.#nextNapiId++;
  }

  /** @internal */
  rememberNapi(napi: Napi): void {
    this.#napis.set(napi.id, napi);
  }

  /** @internal */
  forgetNapi(napi: Napi): void {
    if (this.#napis.get(napi.id) === napi) this.#napis.delete(napi.id);
  }

  #tap(skb: SkBuff, outgoing: boolean): void {
    const snapLength = skb.unreadable ? skb.headlen : skb.len;
    for (const tap of this.#taps) tap(skb, outgoing, snapLength);
  }

  #nameFor(wanted: string): string | number {
    if (wanted.length === 0 || wanted.length >= IFNAMSIZ || wanted === '.' || wanted === '..') return -EINVAL;
    if (/[\s/:]/.test(wanted)) return -EINVAL;
    const taken = (name: string): boolean => this.#devices.some((dev) => dev.name === name);
    if (!wanted.includes('%')) return taken(wanted) ? -EEXIST : wanted;
    if (wanted.split('%').length !== 2 || !wanted.includes('%d')) return -EINVAL;
    for (let i = 0; i < MAX_DEVICES_PER_PATTERN; i++) {
      const name = wanted.replace('%d', String(i));
      if (!taken(name)) return name;
    }
    return -ENFILE;
  }
}

function remove<T>(list: T[], entry: T): void {
  const at = list.indexOf(entry);
  if (at >= 0) list.splice(at, 1);
}
