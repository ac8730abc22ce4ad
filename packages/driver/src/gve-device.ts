import type { DmaDevice, Machine, PciFunction } from '@netmem/machine';
import { Work } from '@netmem/machine';
import { NETIF_F, NetDevice, type Network } from '@netmem/netdev';
import { MTU_MIN } from '@netmem/vnic/abi';
import type { AdminQueue } from './admin-queue.ts';
import { NicClock } from './clock.ts';
import type { DeviceGeometry } from './describe.ts';
import type { DeviceResources } from './device-resources.ts';
import { FlowRules } from './flow-rules.ts';
import { createNetDeviceOps } from './netdev-ops.ts';
import { NotifyBlock } from './notify-block.ts';
import { createQueueMgmtOps } from './queue-mgmt.ts';
import { DeviceStats, RxQueueStats, TxQueueStats } from './queue-stats.ts';
import type { Registers } from './registers.ts';
import { removeDevice } from './remove.ts';
import type { RssState } from './rss.ts';
import type { RxRing } from './rx-ring.ts';
import { serveManagement } from './service.ts';
import { RX_COALESCE_USECS_DEFAULT, RX_COPYBREAK_DEFAULT, TX_COALESCE_USECS_DEFAULT } from './settings.ts';
import { createStatOps } from './stat-ops.ts';
import type { TxRing } from './tx-ring.ts';

/** What the user chose for the queues; a change makes a new object. */
export interface QueueSettings {
  readonly rxQueues: number;
  readonly txQueues: number;
  readonly rxEntries: number;
  readonly txEntries: number;
  /** tcp-data-split on. */
  readonly headerSplit: boolean;
  /** rx-gro-hw on. */
  readonly hwGro: boolean;
}

/** Options of `probeGve`. */
export interface GveOptions {
  /** Interface name; default `eth%d`. */
  readonly name?: string;
  /** MTU to start with; default the largest that the card offers. */
  readonly mtu?: number;
  /** Packets up to this many bytes are copied out of readable buffers; default 256, 0 copies none. */
  readonly copybreak?: number;
}

/** What probe found and made before there is a network device. */
export interface GveParts {
  readonly network: Network;
  readonly fn: PciFunction;
  readonly registers: Registers;
  readonly adminq: AdminQueue;
  readonly geometry: DeviceGeometry;
  readonly blocks: number;
  readonly maxQueues: number;
  readonly options: GveOptions;
}

/**
 * One card and its network device: the driver's private state. Everything else in this package is functions over it, a room per task.
 *
 * @kernel gve_priv — drivers/net/ethernet/google/gve/gve.h, 7.3
 */
export class GveDevice {
  readonly network: Network;
  readonly machine: Machine;
  readonly fn: PciFunction;
  readonly dma: DmaDevice;
  readonly registers: Registers;
  readonly adminq: AdminQueue;
  readonly geometry: DeviceGeometry;
  readonly netdev: NetDevice;
  readonly maxQueues: number;
  readonly copybreak: number;
  readonly blocks: readonly NotifyBlock[];
  /** Statistics by queue number; they outlive the rings. */
  readonly rxStats: readonly RxQueueStats[];
  readonly txStats: readonly TxQueueStats[];
  readonly stats: DeviceStats = new DeviceStats();
  readonly rules: FlowRules;
  /** Looks at the card's status, in process context. */
  readonly service: Work;

  settings: QueueSettings;
  /** The live rings; empty while the interface is down. */
  rx: RxRing[] = [];
  tx: TxRing[] = [];
  /** Set by probe, before the interface can be opened. */
  resources: DeviceResources | null = null;
  /** Layer 3 and layer 4 of packet type t at 2t and 2t + 1. */
  ptypes: Uint8Array = new Uint8Array(0);
  rss: RssState | null = null;
  readonly clock: NicClock;
  rxCoalesceUsecs: number = RX_COALESCE_USECS_DEFAULT;
  txCoalesceUsecs: number = TX_COALESCE_USECS_DEFAULT;
  /** Mbit/s; 0 until asked for. */
  linkSpeedMbps = 0;
  /** A reset failed: the card is not touched any more. */
  dead = false;

  constructor(parts: GveParts) {
    const { network, fn, geometry, maxQueues, options } = parts;
    this.network = network;
    this.machine = network.machine;
    this.fn = fn;
    this.dma = fn.dma;
    this.registers = parts.registers;
    this.adminq = parts.adminq;
    this.geometry = geometry;
    this.maxQueues = maxQueues;
    this.copybreak = options.copybreak ?? RX_COPYBREAK_DEFAULT;
    this.blocks = Array.from({ length: parts.blocks }, (_, index) => new NotifyBlock(index));
    this.rxStats = Array.from({ length: maxQueues }, () => new RxQueueStats());
    this.txStats = Array.from({ length: maxQueues }, () => new TxQueueStats());
    this.rules = new FlowRules(geometry.maxFlowRules);
    const queues = geometry.defaultQueues === 0 ? maxQueues : Math.min(geometry.defaultQueues, maxQueues);
    this.settings = {
      rxQueues: queues,
      txQueues: queues,
      rxEntries: geometry.rxEntries,
      txEntries: geometry.txEntries,
      headerSplit: false,
      hwGro: true,
    };
    this.clock = new NicClock(this);
    this.service = new Work(() => serveManagement(this));
    this.netdev = new NetDevice({
      ...(options.name === undefined ? {} : { name: options.name }),
      mtu: options.mtu ?? geometry.maxMtu,
      minMtu: MTU_MIN,
      maxMtu: geometry.maxMtu,
      address: geometry.mac,
      numRxQueues: maxQueues,
      numTxQueues: maxQueues,
      ops: createNetDeviceOps(this),
      queueMgmtOps: createQueueMgmtOps(this),
      statOps: createStatOps(this),
      parent: fn.dma,
      features: OFFLOADS,
      hwFeatures: geometry.maxFlowRules > 0 ? OFFLOADS | NETIF_F.NTUPLE : OFFLOADS,
      // TX-2: sending device memory is not supported yet, so it is not declared.
      netmemTx: false,
    });
    this.netdev.setRealNumQueues(queues, queues);
    this.netdev.carrierOff();
  }

  /** Header split needs a card that has header buffers. */
  get canSplitHeaders(): boolean {
    return this.geometry.headerBufferBytes > 0;
  }

  /** Takes the interface down, unregisters it and lets go of the card. Idempotent. */
  remove(): void {
    removeDevice(this);
  }
}

const OFFLOADS: number =
  NETIF_F.SG |
  NETIF_F.HW_CSUM |
  NETIF_F.HIGHDMA |
  NETIF_F.TSO |
  NETIF_F.TSO6 |
  NETIF_F.TSO_ECN |
  NETIF_F.RXCSUM |
  NETIF_F.RXHASH |
  NETIF_F.GRO_HW;
