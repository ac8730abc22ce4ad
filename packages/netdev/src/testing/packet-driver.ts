import type { DmaDevice } from '@netmem/machine';
import type { NetmemRef } from '@netmem/netmem';
import type { PagePool } from '@netmem/page-pool';
import { regionOf } from '@netmem/region';
import { ENETDOWN, isErr, KernelError, type NegativeErrno, TCP_DATA_SPLIT } from '@netmem/uapi';
import type { NetDeviceStats } from '../device-ops.ts';
import { NETIF_F } from '../features.ts';
import type { Napi } from '../napi.ts';
import { NetDevice } from '../netdevice.ts';
import type { Network } from '../network.ts';
import type { QueueStatsRx, QueueStatsTx } from '../qstats.ts';
import { netdevRxQueueRestart } from '../queue-restart.ts';
import { NETDEV_TX_OK, SKB_DROP_REASON } from '../skb-constants.ts';
import type { SkBuff } from '../skbuff.ts';
import { type PacketDriverEthtool, packetDriverEthtool } from './packet-ethtool.ts';
import { PacketQueue } from './packet-queue.ts';
import { PacketTransmit } from './packet-transmit.ts';
import { type FrameMeta, WireFrame } from './wire-frame.ts';

/** Options of {@link createPacketDriver}. */
export interface PacketDriverOptions {
  /** Name or pattern, `eth%d` by default. */
  name?: string;
  /** Six bytes; by default locally administered, the last byte counting up. */
  address?: Uint8Array;
  /** Queues each way, 1 by default. */
  queues?: number;
  mtu?: number;
  /** Where headers go: `linear`, copied into the skb's own head (default), or `pool`, left in a page of a second pool per queue. */
  headers?: 'linear' | 'pool';
  /** Merge packets with GRO. Default false: each goes up as it came. */
  gro?: boolean;
  /** With tcp-data-split left on auto, split anyway, as netdevsim reports. Default true. */
  splitByDefault?: boolean;
  /** Send unreadable packets. Default false. */
  netmemTx?: boolean;
  /** `null` for a device that does no DMA, on which no bind can succeed. */
  dmaMask?: number | null;
  /** Gets each frame that is sent. */
  onTransmit?: (frame: Uint8Array, queue: number, meta: FrameMeta) => void;
}

/** What a {@link PacketDriver} counted. */
export interface PacketCounters {
  rxPackets: number;
  rxBytes: number;
  txPackets: number;
  txBytes: number;
  /** Packets that could not be mapped, or were too long. */
  txErrors: number;
  /** Frames lost because there was no memory for them. */
  allocFail: number;
  /** Frames that came while the interface was down. */
  hwDrops: number;
}

/** Longest that frames wait for a poll, per queue: what a ring would hold. */
const RING_FRAMES = 512;

/**
 * A driver that does nothing but keep the contract. Frames go in by {@link PacketDriver.inject} and come out by `onTransmit`; between them it does
 * what every driver must, as plainly as it can be done: two queues' worth of pools side by side in a restart, memory by DMA only, headers where a CPU
 * can read them, payload wherever the pool says.
 *
 * Unlike a real device it posts no buffers ahead: it takes one netmem per page of payload when a frame is there. So the order in which memory is used
 * is the order of packets, as on the netdevsim whose transcripts it replays.
 */
export class PacketDriver {
  readonly network: Network;
  readonly netdev: NetDevice;
  readonly device: DmaDevice;
  readonly headers: 'linear' | 'pool';
  readonly gro: boolean;
  readonly splitByDefault: boolean;
  readonly counters: PacketCounters = {
    rxPackets: 0,
    rxBytes: 0,
    txPackets: 0,
    txBytes: 0,
    txErrors: 0,
    allocFail: 0,
    hwDrops: 0,
  };
  /** For `ethtool.attach(driver.netdev, driver.ethtoolOps)`. */
  readonly ethtoolOps: PacketDriverEthtool;

  readonly #queues: (PacketQueue | null)[];
  readonly #napis: (Napi | null)[];
  readonly #waiting: WireFrame[][];
  readonly #transmit: PacketTransmit;
  readonly #onTransmit: ((frame: Uint8Array, queue: number, meta: FrameMeta) => void) | null;
  #peer: PacketDriver | null = null;
  #held: NetmemRef = 0 as NetmemRef;
  #heldPool: PagePool | null = null;

  /** @internal */
  constructor(network: Network, options: PacketDriverOptions) {
    const queues = options.queues ?? 1;
    this.network = network;
    this.headers = options.headers ?? 'linear';
    this.gro = options.gro ?? false;
    this.splitByDefault = options.splitByDefault ?? true;
    this.#onTransmit = options.onTransmit ?? null;
    this.device = network.machine.iommu.addDevice(options.name ?? `packet-driver-${network.devices.length}`);
    if (options.dmaMask !== undefined) this.device.dmaMask = options.dmaMask;
    this.#queues = new Array<PacketQueue | null>(queues).fill(null);
    this.#napis = new Array<Napi | null>(queues).fill(null);
    this.#waiting = Array.from({ length: queues }, () => []);
    this.#transmit = new PacketTransmit(this);
    this.netdev = new NetDevice({
      name: options.name ?? 'eth%d',
      address: options.address ?? Uint8Array.of(2, 0, 0, 0, 0, network.devices.length),
      mtu: options.mtu ?? 1500,
      numRxQueues: queues,
      numTxQueues: queues,
      features: NETIF_F.SG | NETIF_F.HW_CSUM | NETIF_F.TSO | NETIF_F.TSO6 | NETIF_F.RXCSUM | NETIF_F.HIGHDMA,
      hwFeatures: NETIF_F.SG | NETIF_F.HW_CSUM | NETIF_F.TSO | NETIF_F.TSO6,
      parent: this.device,
      netmemTx: options.netmemTx ?? false,
      xdpFeatures: 0,
      ops: {
        open: () => this.#open(),
        stop: () => this.#stop(),
        startXmit: (skb, queue) => this.#startXmit(skb, queue),
        getStats64: (out) => this.#addStats(out),
        setXdp: () => 0,
      },
      queueMgmtOps: {
        memAlloc: (idx) => PacketQueue.build(this, idx, null),
        memFree: (queue) => this.#freeQueue(queue as PacketQueue),
        start: (idx, _qcfg, queue) => this.#startQueue(idx, queue as PacketQueue),
        stop: (idx) => this.#stopQueue(idx),
      },
      statOps: {
        getQueueStatsRx: (idx, out) => this.#queueStatsRx(idx, out),
        getQueueStatsTx: (idx, out) => this.#queueStatsTx(idx, out),
        getBaseStats: (rx, tx) => this.#baseStats(rx, tx),
      },
    });
    this.ethtoolOps = packetDriverEthtool(this);
    const error = network.registerDevice(this.netdev);
    if (error < 0) throw new KernelError(error, 'register_netdevice');
  }

  /** The payload pool of a queue; null while it is not built. */
  pool(queue: number): PagePool | null {
    return this.#queues[queue]?.pool ?? null;
  }

  /** The header pool of a queue; null without one. */
  headerPool(queue: number): PagePool | null {
    return this.#queues[queue]?.headerPool ?? null;
  }

  /**
   * A frame arrives for receive queue `queue`, Ethernet header first. It is copied; the queue's NAPI takes it when the machine next runs.
   *
   * @returns false when it was lost: the interface is down, or too many frames wait.
   */
  inject(queue: number, frame: Uint8Array, meta: FrameMeta = {}): boolean {
    const napi = this.#queues[queue]?.napi ?? null;
    const waiting = this.#waiting[queue];
    if (!this.netdev.running || napi === null || waiting === undefined || waiting.length >= RING_FRAMES) {
      this.counters.hwDrops++;
      return false;
    }
    waiting.push(new WireFrame(frame, meta));
    napi.schedule();
    return true;
  }

  /** Everything that either of the two sends from now on, the other receives, on the queue of the same number or the first. */
  link(peer: PacketDriver): void {
    this.#peer = peer;
    peer.#peer = this;
  }

  /** Configures header-data split as ethtool would, without its questions. */
  setSplit(config: number = TCP_DATA_SPLIT.ENABLED, thresh: number = 0): void {
    this.netdev.cfg.hdsConfig = config;
    this.netdev.cfg.hdsThresh = thresh;
  }

  /** Rebuilds a queue, as netdevsim's `queue_reset` does. @returns 0 or a negative errno. */
  restartQueue(queue: number): number {
    this.netdev.lock.lock();
    try {
      return netdevRxQueueRestart(this.netdev, queue);
    } finally {
      this.netdev.lock.unlock();
    }
  }

  /** Keeps one page of a queue's pool, as netdevsim's `pp_hold` does. @returns whether there is one to keep. */
  hold(queue: number = 0): boolean {
    const pool = this.pool(queue);
    if (this.#held !== 0 || pool === null) return false;
    this.#held = pool.allocNetmems();
    this.#heldPool = pool;
    return this.#held !== 0;
  }

  /** Gives the kept page back to the pool it came from, whoever that serves now. */
  unhold(): void {
    if (this.#held !== 0) this.#heldPool?.putFullNetmem(this.#held, false);
    this.#held = 0 as NetmemRef;
    this.#heldPool = null;
  }

  /** Takes the device away. */
  remove(): void {
    this.network.unregisterDevice(this.netdev);
    if (this.#peer !== null) this.#peer.#peer = null;
    this.#peer = null;
  }

  /** Frames that wait for a queue's poll. @internal */
  waiting(queue: number): WireFrame[] {
    return this.#waiting[queue];
  }

  /** What the device does with `length` bytes of a frame. @internal */
  deviceWrites(iova: number, frame: WireFrame, at: number, length: number): void {
    this.device.window.write(iova, regionOf(frame.bytes), at, length);
  }

  /** @internal */
  poll(queue: number, budget: number): number {
    return this.#queues[queue]?.poll(budget) ?? 0;
  }

  /** Queues in use: builds those that are new, frees those that go. @returns 0 or a negative errno. @internal */
  resize(count: number): number {
    const before = this.netdev.realNumRxQueues;
    for (let i = before; i < count && this.netdev.running; i++) {
      const error = this.#openQueue(i);
      if (error < 0) return error;
    }
    const error = this.netdev.setRealNumQueues(count, count);
    if (error < 0) return error;
    for (let i = count; i < before; i++) this.#closeQueue(i);
    return 0;
  }

  #open(): number {
    for (let i = 0; i < this.netdev.realNumRxQueues; i++) {
      const error = this.#openQueue(i);
      if (error < 0) {
        this.#stop();
        return error;
      }
    }
    return 0;
  }

  #stop(): number {
    for (let i = 0; i < this.#queues.length; i++) this.#closeQueue(i);
    return 0;
  }

  #openQueue(i: number): number {
    const queue = PacketQueue.build(this, i, this.#napis[i]);
    return isErr(queue) ? queue : this.#startQueue(i, queue);
  }

  // The NAPI instance stays with the queue while the interface is down.
  #closeQueue(i: number): void {
    const queue = this.#stopQueue(i);
    if (isErr(queue)) return;
    queue.destroyPools();
    this.#waiting[i].length = 0;
  }

  #startQueue(i: number, queue: PacketQueue): number {
    this.#queues[i] = queue;
    this.#napis[i] = queue.napi;
    queue.napi.enable();
    this.netdev.queueSetNapi(i, 'rx', queue.napi);
    if (this.#waiting[i].length > 0) queue.napi.schedule();
    return 0;
  }

  // Disabled before its pools go: nothing may recycle directly any more (driver rule I-9).
  #stopQueue(i: number): PacketQueue | NegativeErrno {
    const queue = this.#queues[i];
    if (queue === null) return -ENETDOWN;
    queue.napi.disable();
    this.#queues[i] = null;
    return queue;
  }

  #freeQueue(queue: PacketQueue): void {
    queue.destroyPools();
    queue.napi.del();
  }

  #startXmit(skb: SkBuff, queue: number): number {
    const bytes = this.#transmit.read(skb);
    const meta: FrameMeta = { gsoSize: skb.gsoSize, gsoType: skb.gsoType };
    if (bytes === null) {
      this.counters.txErrors++;
      skb.free(SKB_DROP_REASON.NOT_SPECIFIED);
      return NETDEV_TX_OK;
    }
    this.counters.txPackets++;
    this.counters.txBytes += bytes.length;
    skb.consume();
    this.#onTransmit?.(bytes, queue, meta);
    const peer = this.#peer;
    if (peer !== null) peer.inject(Math.min(queue, peer.netdev.realNumRxQueues - 1), bytes, meta);
    return NETDEV_TX_OK;
  }

  #addStats(out: NetDeviceStats): void {
    out.rxPackets += this.counters.rxPackets;
    out.rxBytes += this.counters.rxBytes;
    out.txPackets += this.counters.txPackets;
    out.txBytes += this.counters.txBytes;
    out.rxDropped += this.counters.allocFail + this.counters.hwDrops;
    out.txErrors += this.counters.txErrors;
  }

  #baseStats(rx: QueueStatsRx, tx: QueueStatsTx): void {
    rx.packets = 0;
    rx.bytes = 0;
    tx.packets = 0;
    tx.bytes = 0;
  }

  // One set of counters for the device, shown on its first queue: what netdevsim reports, and all its transcripts need.
  #queueStatsRx(idx: number, out: QueueStatsRx): void {
    out.packets = idx === 0 ? this.counters.rxPackets : 0;
    out.bytes = idx === 0 ? this.counters.rxBytes : 0;
    out.allocFail = idx === 0 ? this.counters.allocFail : 0;
  }

  #queueStatsTx(idx: number, out: QueueStatsTx): void {
    out.packets = idx === 0 ? this.counters.txPackets : 0;
    out.bytes = idx === 0 ? this.counters.txBytes : 0;
  }
}

/**
 * Makes a device on `network` with a driver that does nothing but keep the contract. It is registered and down: `driver.netdev.open()`.
 *
 * @throws KernelError EEXIST when the name is taken, EINVAL when it is none.
 */
export function createPacketDriver(network: Network, options: PacketDriverOptions = {}): PacketDriver {
  return new PacketDriver(network, options);
}
