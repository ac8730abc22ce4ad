import { type DmaDevice, InstanceLock, KernelBug } from '@netmem/machine';
import type { MemoryProviderParams, PagePool, PoolDevice } from '@netmem/page-pool';
import { EADDRNOTAVAIL, EINVAL, ENODEV, EOPNOTSUPP, ETH_ALEN, type Extack, IFF, TCP_DATA_SPLIT } from '@netmem/uapi';
import type { NetDeviceOps, NetDeviceStats, NetdevQueueMgmtOps, NetdevStatOps, XdpProgram } from './device-ops.ts';
import type { HdsConfig, NetDeviceOptions } from './device-options.ts';
import { fixFeatures, NETIF_F_SOFT_FEATURES } from './features.ts';
import type { Napi } from './napi.ts';
import type { Network } from './network.ts';
import type { NetdevEvent } from './protocols.ts';
import type { NetdevRxQueue } from './rx-queue.ts';
import { NetdevTxQueue } from './tx-queue.ts';

/** MTU of plain Ethernet, and the smallest that Ethernet devices accept. */
const ETHERNET_MTU = 1500;
const ETHERNET_MIN_MTU = 68;
/** Packets in line before a transmit queue. @kernel DEFAULT_TX_QUEUE_LEN — include/linux/netdevice.h, 7.3 */
export const DEFAULT_TX_QUEUE_LEN = 1000;
/** Bytes that a GRO aggregate stays below. @kernel GRO_LEGACY_MAX_SIZE — include/linux/netdevice.h, 7.3 */
export const GRO_MAX_SIZE = 65536;

/** Receive queues of an array that only the device grows. */
function makeRxQueues(count: number): NetdevRxQueue[] {
  return Array.from({ length: count }, (_, index) => ({ index, mpParams: null, napi: null, xskPool: null }));
}

/**
 * A network interface: queues, configuration and state around a driver's {@link NetDeviceOps}.
 *
 * Register it with a {@link Network} first; before that it has no lock, no index and no name of its own.
 *
 * @kernel struct net_device — include/linux/netdevice.h, 7.3 (partial: no upper and lower devices, no address lists, no queue leasing)
 */
export class NetDevice implements PoolDevice {
  readonly ops: NetDeviceOps;
  readonly queueMgmtOps: NetdevQueueMgmtOps | null;
  readonly statOps: NetdevStatOps | null;
  readonly parent: DmaDevice | null;
  readonly netmemTx: boolean;
  readonly xdpFeatures: number;
  readonly needsOpsLock: boolean;
  readonly address: Uint8Array;
  readonly minMtu: number;
  readonly maxMtu: number;
  readonly txQueueLen: number;
  readonly groMaxSize: number;
  readonly rxQueues: readonly NetdevRxQueue[];
  readonly txQueues: readonly NetdevTxQueue[];
  /** Page pools that netlink lists under this device. */
  readonly pools: Set<PagePool> = new Set();
  /** What the user configured. While a change is tried out, `cfgPending` is another object and holds the new state. */
  cfg: HdsConfig = { hdsConfig: TCP_DATA_SPLIT.UNKNOWN, hdsThresh: 0 };
  cfgPending: HdsConfig = this.cfg;
  /** Features the user may switch, and those they asked for. */
  hwFeatures: number;
  wantedFeatures: number;
  /** False while a driver has the device detached. */
  present = true;
  /** The XDP program, set by `devXdpAttach`. */
  xdpProg: XdpProgram | null = null;
  /** The user chose the RSS table, so that a driver must not make its own. @kernel netif_is_rxfh_configured — include/linux/netdevice.h, 7.3 */
  rxfhConfigured = false;
  /** What ethtool was given for this device; only ethtool looks inside. */
  ethtoolOps: object | null = null;
  /** What ethtool keeps of this device; only ethtool looks inside. @kernel struct ethtool_netdev_state — include/linux/ethtool.h, 7.3 */
  ethtoolState: object | null = null;

  #network: Network | null = null;
  #lock: InstanceLock | null = null;
  #name: string;
  #ifindex = 0;
  #flags: number;
  #carrier = true;
  #running = false;
  #mtu: number;
  #features: number;
  #realNumRxQueues: number;
  #realNumTxQueues: number;
  #rxDropped = 0;
  #txDropped = 0;
  #rxNohandler = 0;
  readonly #napis: Napi[] = [];
  // Ids of the places in the NAPI configuration, which outlive the instances.
  readonly #napiIds: number[] = [];

  constructor(options: NetDeviceOptions) {
    if (options.address.length !== ETH_ALEN) throw new KernelBug('netdev-address', 'an Ethernet address has 6 bytes');
    if (options.numRxQueues < 1 || options.numTxQueues < 1) {
      throw new KernelBug('netdev-queues', 'a device has at least one queue each way');
    }
    this.ops = options.ops;
    this.queueMgmtOps = options.queueMgmtOps ?? null;
    this.statOps = options.statOps ?? null;
    this.parent = options.parent ?? null;
    this.netmemTx = options.netmemTx ?? false;
    this.xdpFeatures = options.xdpFeatures ?? 0;
    this.needsOpsLock = options.queueMgmtOps !== undefined || options.requestOpsLock === true;
    this.address = options.address.slice();
    this.#mtu = options.mtu ?? ETHERNET_MTU;
    this.minMtu = options.minMtu ?? ETHERNET_MIN_MTU;
    this.maxMtu = options.maxMtu ?? 0;
    this.txQueueLen = options.txQueueLen ?? DEFAULT_TX_QUEUE_LEN;
    this.groMaxSize = options.groMaxSize ?? GRO_MAX_SIZE;
    this.rxQueues = makeRxQueues(options.numRxQueues);
    this.txQueues = Array.from({ length: options.numTxQueues }, (_, index) => new NetdevTxQueue(this, index));
    this.#realNumRxQueues = options.numRxQueues;
    this.#realNumTxQueues = options.numTxQueues;
    this.#name = options.name ?? 'eth%d';
    this.#flags = (options.flags ?? IFF.BROADCAST | IFF.MULTICAST) & ~(IFF.UP | IFF.RUNNING);
    this.#features = (options.features ?? 0) | NETIF_F_SOFT_FEATURES;
    this.hwFeatures = (options.hwFeatures ?? 0) | NETIF_F_SOFT_FEATURES;
    this.wantedFeatures = this.#features & this.hwFeatures;
  }

  get network(): Network | null {
    return this.#network;
  }

  /** Whether it is in a network. */
  get registered(): boolean {
    return this.#network !== null;
  }

  get ifindex(): number {
    return this.#ifindex;
  }

  get name(): string {
    return this.#name;
  }

  /** IFF flags; `RUNNING` and `LOWER_UP` follow the carrier. */
  get flags(): number {
    const up = (this.#flags & IFF.UP) !== 0 && this.#carrier;
    return up ? this.#flags | IFF.RUNNING | IFF.LOWER_UP : this.#flags;
  }

  /** The instance lock. @kernel netdev_lock — include/net/netdev_lock.h, 7.3 */
  get lock(): InstanceLock {
    if (this.#lock === null) throw new KernelBug('netdev-unregistered', `${this.#name} is not registered`);
    return this.#lock;
  }

  /** Its driver's `open` succeeded; true also while `open` runs. @kernel netif_running — include/linux/netdevice.h, 7.3 */
  get running(): boolean {
    return this.#running;
  }

  /** Carrier. @kernel netif_carrier_ok — include/linux/netdevice.h, 7.3 */
  get operUp(): boolean {
    return this.#carrier;
  }

  get mtu(): number {
    return this.#mtu;
  }

  get features(): number {
    return this.#features;
  }

  get realNumRxQueues(): number {
    return this.#realNumRxQueues;
  }

  get realNumTxQueues(): number {
    return this.#realNumTxQueues;
  }

  get napis(): readonly Napi[] {
    return this.#napis;
  }

  attachEthtool(ops: object | null): void {
    this.ethtoolOps = ops;
  }

  /** Brings it up: 0, `-ENODEV` (detached or unregistered), or the driver's errno. @kernel dev_open — net/core/dev_api.c, 7.3 */
  open(): number {
    if (this.#network === null) return -ENODEV;
    this.lock.lock();
    try {
      return this.openLocked();
    } finally {
      this.lock.unlock();
    }
  }

  /** Takes it down; 0 also when it was. @kernel dev_close — net/core/dev_api.c, 7.3 */
  close(): number {
    if (this.#network === null) return 0;
    this.lock.lock();
    try {
      this.closeLocked();
    } finally {
      this.lock.unlock();
    }
    return 0;
  }

  /** {@link NetDevice.open} for a caller that holds the lock. @kernel netif_open — net/core/dev.c, 7.3 */
  openLocked(): number {
    this.assertLocked();
    if ((this.#flags & IFF.UP) !== 0) return 0;
    if (!this.present) return -ENODEV;
    this.#running = true;
    const error = this.ops.open();
    if (error < 0) {
      this.#running = false;
      return error;
    }
    this.#flags |= IFF.UP;
    this.ops.setRxMode?.();
    for (const queue of this.txQueues) queue.start();
    this.#announce('up');
    return 0;
  }

  /** {@link NetDevice.close} for a caller that holds the lock. @kernel netif_close — net/core/dev.c, 7.3 */
  closeLocked(): void {
    this.assertLocked();
    if ((this.#flags & IFF.UP) === 0) return;
    this.#announce('going-down');
    this.#running = false;
    for (const queue of this.txQueues) queue.reset();
    this.ops.stop();
    this.#flags &= ~IFF.UP;
    this.#announce('down');
  }

  /** @kernel netif_carrier_on — net/sched/sch_generic.c, 7.3 */
  carrierOn(): void {
    if (this.#carrier) return;
    this.#carrier = true;
    this.#announce('carrier');
  }

  /** @kernel netif_carrier_off — net/sched/sch_generic.c, 7.3 */
  carrierOff(): void {
    if (!this.#carrier) return;
    this.#carrier = false;
    for (const queue of this.txQueues) queue.reset();
    this.#announce('carrier');
  }

  /** Queues in use: 0, or `-EINVAL` outside 1…what the device was made with. @kernel netif_set_real_num_queues — net/core/dev.c, 7.3 */
  setRealNumQueues(rx: number, tx: number): number {
    if (tx < 1 || tx > this.txQueues.length || rx < 1 || rx > this.rxQueues.length) return -EINVAL;
    for (let i = tx; i < this.#realNumTxQueues; i++) this.txQueues[i].reset();
    this.#realNumRxQueues = rx;
    this.#realNumTxQueues = tx;
    return 0;
  }

  /** 0, `-EINVAL` outside the device's limits, `-ENODEV` while detached, or the driver's errno. @kernel netif_set_mtu_ext — net/core/dev.c, 7.3 */
  setMtu(mtu: number, extack: Extack | null = null): number {
    if (mtu === this.#mtu) return 0;
    if (!(mtu >= this.minMtu)) {
      extack?.set('mtu less than device minimum');
      return -EINVAL;
    }
    if (this.maxMtu > 0 && mtu > this.maxMtu) {
      extack?.set('mtu greater than device maximum');
      return -EINVAL;
    }
    if (!this.present) return -ENODEV;
    const error = this.#locked(() => this.ops.changeMtu?.(mtu) ?? 0);
    if (error < 0) return error;
    this.#mtu = mtu;
    this.#announce('change-mtu');
    return 0;
  }

  /** 0, `-EOPNOTSUPP`, `-EINVAL` (length), `-EADDRNOTAVAIL` (group or zero address), `-ENODEV`. @kernel netif_set_mac_address — net/core/dev.c, 7.3 */
  setAddress(address: Uint8Array): number {
    if (this.ops.setMacAddress === undefined) return -EOPNOTSUPP;
    if (address.length !== ETH_ALEN) return -EINVAL;
    if (!this.present) return -ENODEV;
    if ((address[0] & 1) !== 0 || address.every((byte) => byte === 0)) return -EADDRNOTAVAIL;
    const error = this.#locked(() => this.ops.setMacAddress?.(address) ?? 0);
    if (error < 0) return error;
    this.address.set(address);
    this.#announce('change-address');
    return 0;
  }

  /** @kernel netif_set_promiscuity — net/core/dev.c, 7.3 */
  setPromiscuous(on: boolean): void {
    this.#flags = on ? this.#flags | IFF.PROMISC : this.#flags & ~IFF.PROMISC;
    if (this.#running) this.ops.setRxMode?.();
  }

  /** Works out the active features from the wanted ones; the caller holds the lock. @kernel __netdev_update_features — net/core/dev.c, 7.3 */
  updateFeatures(announce: boolean = true): void {
    this.assertLocked();
    const asked = (this.#features & ~this.hwFeatures) | (this.wantedFeatures & this.hwFeatures);
    const features = fixFeatures(this, this.ops.fixFeatures?.(asked) ?? asked);
    if (features === this.#features) return;
    const error = this.ops.setFeatures?.(features) ?? 0;
    if (error < 0) {
      this.#network?.machine.log.emit(
        'err',
        this.#name,
        `set_features() failed (${error}); wanted 0x${features.toString(16)}, left 0x${this.#features.toString(16)}`,
      );
      return;
    }
    this.#features = features;
    if (announce) this.#announce('features');
  }

  wakeQueue(index: number): void {
    this.txQueues[index].wake();
  }

  stopQueue(index: number): void {
    this.txQueues[index].stop();
  }

  /** Says which instance serves a queue; netlink shows it. @kernel netif_queue_set_napi — net/core/dev.c, 7.3 */
  queueSetNapi(index: number, type: 'rx' | 'tx', napi: Napi | null): void {
    if (type === 'rx') this.rxQueues[index].napi = napi;
    else this.txQueues[index].napi = napi;
  }

  /** Counters of the driver and of the core. @kernel dev_get_stats — net/core/dev.c, 7.3 */
  stats(): NetDeviceStats {
    const out: NetDeviceStats = {
      rxPackets: 0,
      rxBytes: 0,
      txPackets: 0,
      txBytes: 0,
      rxErrors: 0,
      txErrors: 0,
      rxDropped: this.#rxDropped,
      txDropped: this.#txDropped,
      rxNohandler: this.#rxNohandler,
      multicast: 0,
    };
    this.ops.getStats64?.(out);
    return out;
  }

  assertLocked(): void {
    this.lock.assertHeld('configuration of queues, features and providers');
  }

  /** The provider installed on a receive queue. */
  provider(queueIdx: number): MemoryProviderParams | null {
    return this.rxQueues[queueIdx].mpParams;
  }

  /** @internal */
  noteRxDropped(): void {
    this.#rxDropped++;
  }

  /** @internal */
  noteTxDropped(): void {
    this.#txDropped++;
  }

  /** @internal */
  noteRxNohandler(): void {
    this.#rxNohandler++;
  }

  /** @internal */
  addNapi(napi: Napi): void {
    this.#napis.push(napi);
    if (this.#network !== null) napi.attach(this.#network);
  }

  /** @internal */
  removeNapi(napi: Napi): void {
    const at = this.#napis.indexOf(napi);
    if (at >= 0) this.#napis.splice(at, 1);
    for (const queue of this.rxQueues) if (queue.napi === napi) queue.napi = null;
    for (const queue of this.txQueues) if (queue.napi === napi) queue.napi = null;
  }

  /** @internal */
  napiConfigId(index: number, network: Network): number {
    this.#napiIds[index] ??= network.newNapiId();
    return this.#napiIds[index];
  }

  /** For the network: the device is one of its own now. @internal */
  joined(network: Network, name: string, ifindex: number): void {
    this.#network = network;
    this.#name = name;
    this.#ifindex = ifindex;
    this.#lock ??= new InstanceLock(network.machine.context, name);
    for (const napi of this.#napis) napi.attach(network);
  }

  /** @internal */
  left(): void {
    for (const napi of [...this.#napis]) napi.del();
    this.#network = null;
  }

  #announce(event: NetdevEvent): void {
    this.#network?.announce(event, this);
  }

  // A caller such as rtnetlink holds no instance lock; ethtool does. @kernel netdev_lock_ops — include/net/netdev_lock.h, 7.3
  #locked(change: () => number): number {
    if (this.#lock === null || this.#lock.held) return change();
    this.#lock.lock();
    try {
      return change();
    } finally {
      this.#lock.unlock();
    }
  }
}
