import type { CoherentBuffer } from '@netmem/machine';
import {
  ADMINQ_CONFIGURE_DEVICE_RESOURCES,
  ADMINQ_CREATE_RX_QUEUE,
  ADMINQ_CREATE_TX_QUEUE,
  ADMINQ_DECONFIGURE_DEVICE_RESOURCES,
  ADMINQ_DESTROY_RX_QUEUE,
  ADMINQ_DESTROY_TX_QUEUE,
  ADMINQ_GET_PTYPE_MAP,
  ADMINQ_REPORT_LINK_SPEED,
  ADMINQ_REPORT_NIC_TIMESTAMP,
  ADMINQ_REPORT_STATS,
  ADMINQ_VERIFY_DRIVER_COMPATIBILITY,
  AQ_CONFIGURE_DEVICE_RESOURCES,
  AQ_CREATE_RX_QUEUE,
  AQ_CREATE_TX_QUEUE,
  AQ_DESTROY_QUEUE,
  AQ_GET_PTYPE_MAP,
  AQ_REPORT_LINK_SPEED,
  AQ_REPORT_NIC_TIMESTAMP,
  AQ_REPORT_STATS,
  AQ_VERIFY_DRIVER_COMPATIBILITY,
  DRIVER_CAPABILITY_DQO_RDA,
  DRIVER_INFO,
  DRIVER_OS_LINUX,
  PTYPE_MAP_BYTES,
  QUEUE_FORMAT_DQO_RDA,
  RAW_ADDRESSING_QPL_ID,
  writeU64be,
} from '@netmem/vnic/abi';
import type { AdminQueue } from './admin-queue.ts';
import type { RxRing } from './rx-ring.ts';
import { IRQ_DB_STRIDE_BYTES } from './settings.ts';
import type { TxRing } from './tx-ring.ts';

// Each function is one admin command. Those named `begin…` only gather it: AdminQueue.flush() carries a batch out.

/** The kernel that this driver is modelled on, as VERIFY_DRIVER_COMPATIBILITY wants it. */
const MODELLED_VERSION = [7, 3, 4] as const;

/** Writes the driver_info structure into `info` and sends it. */
export function verifyDriverCompatibility(adminq: AdminQueue, info: CoherentBuffer): number {
  const { view, base } = info.region;
  view.setUint8(base + DRIVER_INFO.osType, DRIVER_OS_LINUX);
  view.setUint8(base + DRIVER_INFO.driverMajor, 1);
  view.setUint32(base + DRIVER_INFO.osVersionMajor, MODELLED_VERSION[0]);
  view.setUint32(base + DRIVER_INFO.osVersionMinor, MODELLED_VERSION[1]);
  view.setUint32(base + DRIVER_INFO.osVersionSub, MODELLED_VERSION[2]);
  // Only what this driver does: a capability that is not meant invites behaviour that is not handled (ALT_MISS_COMPL).
  writeU64be(view, base + DRIVER_INFO.driverCapabilityFlags, DRIVER_CAPABILITY_DQO_RDA);
  return adminq.execute(ADMINQ_VERIFY_DRIVER_COMPATIBILITY, (slots, at) => {
    writeU64be(slots, at + AQ_VERIFY_DRIVER_COMPATIBILITY.driverInfoLen, DRIVER_INFO.$.sizeBytes);
    writeU64be(slots, at + AQ_VERIFY_DRIVER_COMPATIBILITY.driverInfoAddr, info.iova);
  });
}

/** Tells the card where event counters and interrupt doorbell indexes live. It fills the indexes in before it answers. */
export function configureDeviceResources(
  adminq: AdminQueue,
  counters: CoherentBuffer,
  counterCount: number,
  irqDoorbells: CoherentBuffer,
  blocks: number,
): number {
  return adminq.execute(ADMINQ_CONFIGURE_DEVICE_RESOURCES, (view, at) => {
    writeU64be(view, at + AQ_CONFIGURE_DEVICE_RESOURCES.counterArray, counters.iova);
    writeU64be(view, at + AQ_CONFIGURE_DEVICE_RESOURCES.irqDbAddr, irqDoorbells.iova);
    view.setUint32(at + AQ_CONFIGURE_DEVICE_RESOURCES.numCounters, counterCount);
    view.setUint32(at + AQ_CONFIGURE_DEVICE_RESOURCES.numIrqDbs, blocks);
    view.setUint32(at + AQ_CONFIGURE_DEVICE_RESOURCES.irqDbStride, IRQ_DB_STRIDE_BYTES);
    // Block k is vector k, and the vector after the blocks is the management one.
    view.setUint32(at + AQ_CONFIGURE_DEVICE_RESOURCES.ntfyBlkMsixBaseIdx, 0);
    view.setUint8(at + AQ_CONFIGURE_DEVICE_RESOURCES.queueFormat, QUEUE_FORMAT_DQO_RDA);
  });
}

export function deconfigureDeviceResources(adminq: AdminQueue): number {
  return adminq.execute(ADMINQ_DECONFIGURE_DEVICE_RESOURCES, () => {});
}

/** Asks which packet type number means which protocols. */
export function getPtypeMap(adminq: AdminQueue, map: CoherentBuffer): number {
  return adminq.execute(ADMINQ_GET_PTYPE_MAP, (view, at) => {
    writeU64be(view, at + AQ_GET_PTYPE_MAP.ptypeMapLen, PTYPE_MAP_BYTES);
    writeU64be(view, at + AQ_GET_PTYPE_MAP.ptypeMapAddr, map.iova);
  });
}

/** Shows the card where to report its drop counters; null takes the memory back. */
export function reportStats(adminq: AdminQueue, report: CoherentBuffer | null, intervalMs: number): number {
  return adminq.execute(ADMINQ_REPORT_STATS, (view, at) => {
    writeU64be(view, at + AQ_REPORT_STATS.statsReportLen, report === null ? 0 : report.length);
    writeU64be(view, at + AQ_REPORT_STATS.statsReportAddr, report === null ? 0 : report.iova);
    writeU64be(view, at + AQ_REPORT_STATS.interval, intervalMs);
  });
}

/** Asks for the link speed; the card writes Mbit/s, a big-endian 64-bit number, to `out`. */
export function reportLinkSpeed(adminq: AdminQueue, out: CoherentBuffer): number {
  return adminq.execute(ADMINQ_REPORT_LINK_SPEED, (view, at) => {
    writeU64be(view, at + AQ_REPORT_LINK_SPEED.linkSpeedAddress, out.iova);
  });
}

/** Reads the card's clock: a NIC_TS_REPORT is written to `out`. @kernel gve_adminq_report_nic_ts — drivers/net/ethernet/google/gve/gve_adminq.c, 7.3 */
export function reportNicTimestamp(adminq: AdminQueue, out: CoherentBuffer): number {
  return adminq.execute(ADMINQ_REPORT_NIC_TIMESTAMP, (view, at) => {
    writeU64be(view, at + AQ_REPORT_NIC_TIMESTAMP.nicTsReportLen, out.length);
    writeU64be(view, at + AQ_REPORT_NIC_TIMESTAMP.nicTsReportAddr, out.iova);
  });
}

export function beginCreateTxQueue(adminq: AdminQueue, view: DataView, ring: TxRing, block: number): number {
  const at = adminq.begin(ADMINQ_CREATE_TX_QUEUE);
  if (at < 0) return at;
  view.setUint32(at + AQ_CREATE_TX_QUEUE.queueId, ring.index);
  writeU64be(view, at + AQ_CREATE_TX_QUEUE.queueResourcesAddr, ring.resources.iova);
  writeU64be(view, at + AQ_CREATE_TX_QUEUE.txRingAddr, ring.slots.iova);
  view.setUint32(at + AQ_CREATE_TX_QUEUE.queuePageListId, RAW_ADDRESSING_QPL_ID);
  view.setUint32(at + AQ_CREATE_TX_QUEUE.ntfyId, block);
  writeU64be(view, at + AQ_CREATE_TX_QUEUE.txCompRingAddr, ring.completions.iova);
  view.setUint16(at + AQ_CREATE_TX_QUEUE.txRingSize, ring.entries);
  view.setUint16(at + AQ_CREATE_TX_QUEUE.txCompRingSize, ring.entries);
  return 0;
}

export function beginCreateRxQueue(adminq: AdminQueue, view: DataView, ring: RxRing, block: number): number {
  const at = adminq.begin(ADMINQ_CREATE_RX_QUEUE);
  if (at < 0) return at;
  view.setUint32(at + AQ_CREATE_RX_QUEUE.queueId, ring.index);
  view.setUint32(at + AQ_CREATE_RX_QUEUE.ntfyId, block);
  writeU64be(view, at + AQ_CREATE_RX_QUEUE.queueResourcesAddr, ring.resources.iova);
  writeU64be(view, at + AQ_CREATE_RX_QUEUE.rxDescRingAddr, ring.completions.iova);
  writeU64be(view, at + AQ_CREATE_RX_QUEUE.rxDataRingAddr, ring.buffers.iova);
  view.setUint32(at + AQ_CREATE_RX_QUEUE.queuePageListId, RAW_ADDRESSING_QPL_ID);
  view.setUint16(at + AQ_CREATE_RX_QUEUE.rxRingSize, ring.entries);
  view.setUint16(at + AQ_CREATE_RX_QUEUE.rxBuffRingSize, ring.entries);
  // I-12: never more than one element of the pool, whatever the card could fill.
  view.setUint16(at + AQ_CREATE_RX_QUEUE.packetBufferSize, ring.bufferBytes);
  view.setUint8(at + AQ_CREATE_RX_QUEUE.enableRsc, ring.hwGro ? 1 : 0);
  view.setUint16(at + AQ_CREATE_RX_QUEUE.headerBufferSize, ring.headerBytes);
  return 0;
}

export function beginDestroyTxQueue(adminq: AdminQueue, view: DataView, index: number): number {
  const at = adminq.begin(ADMINQ_DESTROY_TX_QUEUE);
  if (at >= 0) view.setUint32(at + AQ_DESTROY_QUEUE.queueId, index);
  return Math.min(at, 0);
}

export function beginDestroyRxQueue(adminq: AdminQueue, view: DataView, index: number): number {
  const at = adminq.begin(ADMINQ_DESTROY_RX_QUEUE);
  if (at >= 0) view.setUint32(at + AQ_DESTROY_QUEUE.queueId, index);
  return Math.min(at, 0);
}
