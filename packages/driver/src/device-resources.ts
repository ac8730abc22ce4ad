import type { CoherentBuffer } from '@netmem/machine';
import { ENOMEM } from '@netmem/uapi';
import {
  DRIVER_INFO,
  DRIVER_RX_STATS,
  DRIVER_TX_STATS,
  NIC_RX_STATS,
  PTYPE_MAP_BYTES,
  STATS_REPORT,
  STATS_REPORT_ENTRY,
} from '@netmem/vnic/abi';
import {
  configureDeviceResources,
  deconfigureDeviceResources,
  getPtypeMap,
  reportStats,
  verifyDriverCompatibility,
} from './admin-commands.ts';
import type { GveDevice } from './gve-device.ts';
import { IRQ_DB_STRIDE_BYTES, STATS_REPORT_INTERVAL_MS } from './settings.ts';

/** Bytes of an event counter; DQO does not use them, but the array has to be there. */
const COUNTER_BYTES = 4;

/** Memory that the card keeps using as long as it is configured. */
export interface DeviceResources {
  readonly counters: CoherentBuffer;
  readonly irqDoorbells: CoherentBuffer;
  readonly statsReport: CoherentBuffer;
}

/** Introduces the driver to the card. A card that does not know the command is no worse for it. */
export function introduce(gve: Pick<GveDevice, 'adminq' | 'dma' | 'machine'>): number {
  const info = gve.dma.allocCoherent(DRIVER_INFO.$.sizeBytes);
  if (info === null) return -ENOMEM;
  const verified = verifyDriverCompatibility(gve.adminq, info);
  gve.dma.freeCoherent(info);
  return verified;
}

/**
 * Configures interrupts, reads the packet types and starts the statistics report.
 *
 * @returns 0; `-ENOMEM`; or the errno of the command that failed, with everything undone. A refused statistics report is only logged.
 */
export function setupResources(gve: GveDevice): number {
  const { dma, geometry, blocks, maxQueues } = gve;
  const counters = dma.allocCoherent(Math.max(1, geometry.counters) * COUNTER_BYTES);
  const irqDoorbells = dma.allocCoherent(blocks.length * IRQ_DB_STRIDE_BYTES);
  const entries = maxQueues * (DRIVER_TX_STATS + DRIVER_RX_STATS + NIC_RX_STATS);
  const statsReport = dma.allocCoherent(STATS_REPORT.$.sizeBytes + entries * STATS_REPORT_ENTRY.$.sizeBytes);
  if (counters === null || irqDoorbells === null || statsReport === null) {
    for (const buffer of [counters, irqDoorbells, statsReport]) if (buffer !== null) dma.freeCoherent(buffer);
    return -ENOMEM;
  }
  gve.resources = { counters, irqDoorbells, statsReport };
  let result = configureDeviceResources(gve.adminq, counters, geometry.counters, irqDoorbells, blocks.length);
  if (result === 0) result = readPtypes(gve);
  if (result < 0) {
    freeResources(gve);
    return result;
  }
  const { view } = gve.machine.memory;
  for (const block of blocks) block.doorbell = view.getUint32(irqDoorbells.address + block.index * IRQ_DB_STRIDE_BYTES);
  const reporting = reportStats(gve.adminq, statsReport, STATS_REPORT_INTERVAL_MS);
  if (reporting < 0) gve.machine.log.emit('info', 'gve', `${gve.fn.name}: no statistics report (${reporting})`);
  if (geometry.nicTimestamp && gve.clock.init() < 0) {
    gve.machine.log.emit('warn', 'gve', `${gve.fn.name}: Failed to init clock, continuing without PTP support`);
  }
  return 0;
}

function readPtypes(gve: GveDevice): number {
  const map = gve.dma.allocCoherent(PTYPE_MAP_BYTES);
  if (map === null) return -ENOMEM;
  const result = getPtypeMap(gve.adminq, map);
  if (result === 0) gve.ptypes = gve.machine.memory.bytes.slice(map.address, map.address + PTYPE_MAP_BYTES);
  gve.dma.freeCoherent(map);
  return result;
}

/** Tells the card to forget the memory, then frees it. The card must be alive. */
export function teardownResources(gve: GveDevice): void {
  if (gve.resources === null) return;
  reportStats(gve.adminq, null, 0);
  deconfigureDeviceResources(gve.adminq);
}

/** Frees the memory of a card that has forgotten it, or that was reset. */
export function freeResources(gve: GveDevice): void {
  const { resources, dma } = gve;
  if (resources === null) return;
  gve.resources = null;
  gve.clock.teardown();
  dma.freeCoherent(resources.counters);
  dma.freeCoherent(resources.irqDoorbells);
  dma.freeCoherent(resources.statsReport);
}
