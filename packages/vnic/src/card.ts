import type { Port } from '@netmem/link';
import type { LinearMemory, Region } from '@netmem/region';
import { checksumView, createChecksum, type InternetChecksum } from '@netmem/wire';
import {
  ADMINQ_PAGE_BYTES,
  DEVICE_STATUS_LINK,
  DEVICE_STATUS_REPORT_STATS,
  DEVICE_STATUS_RESET,
  NIC_RX_STATS,
  PCI_CLASS_ETHERNET,
  PCI_DEVICE_GVNIC,
  PCI_SUBSYSTEM_DEVICE_GVNIC,
  PCI_VENDOR_GOOGLE,
  STATS_REPORT_ENTRY,
} from './abi/index.ts';
import * as choices from './choices.ts';
import { Doorbells } from './doorbells.ts';
import type { DriverInfo } from './driver-info.ts';
import { FlowCache } from './flow-cache.ts';
import { FlowTable } from './flow-table.ts';
import type { DeviceDma, MsixLocation, NicHost, PciIdentity } from './host.ts';
import { InterruptBlocks } from './interrupts.ts';
import { type NicConfig, type NicOptions, resolveOptions } from './options.ts';
import type { QueueContext } from './queue-context.ts';
import { Registers } from './registers.ts';
import { Rss } from './rss.ts';
import type { PlacementContext } from './rx-placement.ts';
import { RxQueue } from './rx-queue.ts';
import { DeviceStats } from './stats.ts';
import { StatsReport } from './stats-report.ts';
import { TxQueue } from './tx-queue.ts';

/** All state of the card, and what happens to it as a whole. Admin commands and the data path work on this. */
export class Card implements QueueContext, PlacementContext {
  readonly host: NicHost;
  readonly config: NicConfig;
  readonly pci: PciIdentity & { readonly msix: MsixLocation };
  readonly dma: DeviceDma;
  readonly port: Port;
  readonly registers: Registers;
  readonly doorbells: Doorbells;
  readonly interrupts: InterruptBlocks;
  readonly checksum: InternetChecksum;
  readonly rss: Rss;
  readonly rules: FlowTable;
  readonly flows: FlowCache = new FlowCache();
  readonly rx: readonly RxQueue[];
  readonly tx: readonly TxQueue[];
  readonly report: StatsReport;
  readonly device: DeviceStats = new DeviceStats();
  readonly dropBadChecksum: boolean;
  readonly superFrames: boolean;
  readonly stampPackets: boolean;
  /** Scratch for what an admin command reads or writes; its largest is one page. */
  readonly adminData: Region;
  /** Between CONFIGURE_DEVICE_RESOURCES and DECONFIGURE_DEVICE_RESOURCES. */
  configured = false;
  /** Event counters that the driver allocated. */
  counters = 0;
  driver: DriverInfo | null = null;
  linkUp = false;
  mtu = 0;
  frameBytesMax = 0;

  readonly #memory: LinearMemory;
  #plugged = true;

  constructor(host: NicHost, options: NicOptions) {
    const config = resolveOptions(options);
    this.host = host;
    this.config = config;
    this.dma = host.dma;
    this.port = options.port;
    this.#memory = options.memory;
    this.dropBadChecksum = config.dropBadChecksum;
    this.superFrames = config.superFrames;
    this.stampPackets = config.nicTimestamp;
    this.pci = pciIdentity(config.maxQueues);
    this.registers = new Registers(config.maxQueues);
    this.doorbells = new Doorbells(config.maxQueues);
    this.interrupts = new InterruptBlocks(host, 2 * config.maxQueues, config.interruptModeration);
    this.checksum = checksumOver(options.memory, options.port);
    this.rss = new Rss(config.defaultQueues);
    this.rules = new FlowTable(config.maxFlowRules);
    this.rx = Array.from({ length: config.maxQueues }, (_, id) => new RxQueue(this, id));
    this.tx = Array.from({ length: config.maxQueues }, (_, id) => new TxQueue(this, id));
    this.adminData = this.carve(ADMINQ_PAGE_BYTES);
    const entries = this.carve(config.maxQueues * NIC_RX_STATS * STATS_REPORT_ENTRY.$.sizeBytes);
    this.report = new StatsReport(host.dma, host.clock, this.rx, entries);
    this.setMtu(config.maxMtu);
    this.checkLink();
  }

  carve(lengthBytes: number): Region {
    return this.#memory.carve(lengthBytes);
  }

  fault(kind: string, detail: string): void {
    this.device.faults++;
    this.host.note({ kind, detail });
    this.#changeStatus(DEVICE_STATUS_RESET, true);
  }

  /** Asks the driver for a reset. */
  requestReset(reason: string): void {
    this.host.note({ kind: 'reset-requested', detail: reason });
    this.#changeStatus(DEVICE_STATUS_RESET, true);
  }

  /** Asks the driver to refresh its half of the stats report. The bit stays for as long as the card wants reports. */
  requestStats(wanted: boolean): void {
    this.#changeStatus(DEVICE_STATUS_REPORT_STATS, wanted);
  }

  /** Pulls or puts back the plug on the card's side. */
  setPlugged(plugged: boolean): void {
    this.#plugged = plugged;
    this.checkLink();
  }

  /** Takes up what port and plug say of the link. */
  checkLink(): void {
    const up = this.#plugged && this.port.linkUp;
    if (up === this.linkUp) return;
    this.linkUp = up;
    this.host.note({ kind: 'link', detail: up ? 'link up' : 'link down' });
    this.#changeStatus(DEVICE_STATUS_LINK, up);
  }

  setMtu(mtu: number): void {
    this.mtu = mtu;
    this.frameBytesMax = mtu + choices.FRAME_OVERHEAD_BYTES;
  }

  configure(blocks: number, base: number, counters: number): void {
    this.interrupts.configure(blocks, base);
    this.counters = counters;
    this.configured = true;
  }

  /** Queues that are left go with their resources: a failing DECONFIGURE would make Linux reset the card. */
  deconfigure(): void {
    for (const queue of this.rx) if (queue.active) queue.destroy();
    for (const queue of this.tx) if (queue.active) queue.destroy();
    this.interrupts.deconfigure();
    this.counters = 0;
    this.configured = false;
  }

  /** Back to how the card was made; link and plug are the world's, not the driver's. */
  reset(reason: string): void {
    this.device.resets++;
    this.deconfigure();
    this.report.detach();
    this.rss.reset(this.config.defaultQueues);
    this.rules.clear();
    this.flows.clear();
    this.doorbells.clear();
    this.driver = null;
    this.setMtu(this.config.maxMtu);
    this.registers.deviceStatus = this.linkUp ? DEVICE_STATUS_LINK : 0;
    this.host.note({ kind: 'reset', detail: reason });
  }

  #changeStatus(bit: number, on: boolean): void {
    const before = this.registers.deviceStatus;
    const after = on ? before | bit : before & ~bit;
    this.registers.deviceStatus = after;
    if (after !== before) this.interrupts.signalManagement();
  }
}

function pciIdentity(maxQueues: number): PciIdentity & { readonly msix: MsixLocation } {
  return {
    vendor: PCI_VENDOR_GOOGLE,
    device: PCI_DEVICE_GVNIC,
    subsystemVendor: PCI_VENDOR_GOOGLE,
    subsystemDevice: PCI_SUBSYSTEM_DEVICE_GVNIC,
    revision: choices.PCI_REVISION,
    classCode: PCI_CLASS_ETHERNET,
    bars: [
      { size: choices.REGISTER_BAR_BYTES },
      { size: choices.MSIX_BAR_BYTES },
      { size: choices.DOORBELL_BAR_BYTES },
    ],
    msixVectors: 2 * maxQueues + 1,
    msix: {
      bar: 1,
      tableOffset: choices.MSIX_TABLE_OFFSET,
      pendingOffset: choices.MSIX_PENDING_OFFSET,
    },
  };
}

/** SIMD sums when the frames lie in the memory that the card was given, else portable ones over the frames' own buffer. */
function checksumOver(memory: LinearMemory, port: Port): InternetChecksum {
  const { region } = port.slots;
  if (region.bytes.buffer === memory.bytes.buffer) return createChecksum(memory);
  return { sum: (address, length, initial) => checksumView(region.view, address, length, initial), backend: 'js' };
}
