import {
  ADMINQ_GET_PTYPE_MAP,
  ADMINQ_REPORT_LINK_SPEED,
  ADMINQ_REPORT_NIC_TIMESTAMP,
  ADMINQ_REPORT_STATS,
  ADMINQ_SET_DRIVER_PARAMETER,
  ADMINQ_STATUS_INVALID_ARGUMENT,
  ADMINQ_STATUS_OUT_OF_RANGE,
  ADMINQ_STATUS_PASSED,
  ADMINQ_STATUS_UNIMPLEMENTED,
  ADMINQ_VERIFY_DRIVER_COMPATIBILITY,
  AQ_GET_PTYPE_MAP,
  AQ_REPORT_LINK_SPEED,
  AQ_REPORT_NIC_TIMESTAMP,
  AQ_REPORT_STATS,
  AQ_SET_DRIVER_PARAMETER,
  AQ_VERIFY_DRIVER_COMPATIBILITY,
  DRIVER_CAPABILITY_DQO_RDA,
  DRIVER_INFO,
  DRIVER_PARAMETER_MTU,
  L3_TYPE_IPV6,
  L4_TYPE_SCTP,
  MTU_MIN,
  NIC_TS_REPORT,
  PTYPE_MAP_BYTES,
  packetType,
  readU64be,
  STATS_REPORT,
  writeU64be,
} from './abi/index.ts';
import { type AdminCommand, fetch, store } from './admin-command.ts';
import type { Card } from './card.ts';
import { STATUS_UNREACHABLE } from './choices.ts';
import { readDriverInfo } from './driver-info.ts';

function setDriverParameter(card: Card, command: DataView, at: number): number {
  if (command.getUint32(at + AQ_SET_DRIVER_PARAMETER.parameterType) !== DRIVER_PARAMETER_MTU) {
    return ADMINQ_STATUS_UNIMPLEMENTED;
  }
  const mtu = readU64be(command, at + AQ_SET_DRIVER_PARAMETER.parameterValue);
  if (mtu < MTU_MIN || mtu > card.config.maxMtu) return ADMINQ_STATUS_OUT_OF_RANGE;
  card.setMtu(mtu);
  return ADMINQ_STATUS_PASSED;
}

function reportStats(card: Card, command: DataView, at: number): number {
  const length = readU64be(command, at + AQ_REPORT_STATS.statsReportLen);
  const address = readU64be(command, at + AQ_REPORT_STATS.statsReportAddr);
  if (length === 0 && address === 0) {
    card.report.detach();
    return ADMINQ_STATUS_PASSED;
  }
  if (length < STATS_REPORT.$.sizeBytes || address === 0) return ADMINQ_STATUS_INVALID_ARGUMENT;
  card.report.attach(address, length, readU64be(command, at + AQ_REPORT_STATS.interval));
  return card.report.write() ? ADMINQ_STATUS_PASSED : STATUS_UNREACHABLE;
}

function reportLinkSpeed(card: Card, command: DataView, at: number): number {
  writeU64be(card.adminData.view, card.adminData.base, card.config.linkSpeedMbps);
  const address = readU64be(command, at + AQ_REPORT_LINK_SPEED.linkSpeedAddress);
  return store(card, address, card.adminData, 8) ? ADMINQ_STATUS_PASSED : STATUS_UNREACHABLE;
}

function getPtypeMap(card: Card, command: DataView, at: number): number {
  if (readU64be(command, at + AQ_GET_PTYPE_MAP.ptypeMapLen) < PTYPE_MAP_BYTES) return ADMINQ_STATUS_INVALID_ARGUMENT;
  const { bytes, base } = card.adminData;
  bytes.fill(0, base, base + PTYPE_MAP_BYTES);
  for (let l3 = 0; l3 <= L3_TYPE_IPV6; l3++) {
    for (let l4 = 0; l4 <= L4_TYPE_SCTP; l4++) {
      bytes[base + 2 * packetType(l3, l4)] = l3;
      bytes[base + 2 * packetType(l3, l4) + 1] = l4;
    }
  }
  const address = readU64be(command, at + AQ_GET_PTYPE_MAP.ptypeMapAddr);
  return store(card, address, card.adminData, PTYPE_MAP_BYTES) ? ADMINQ_STATUS_PASSED : STATUS_UNREACHABLE;
}

/** A driver that does not speak DQO-RDA could do nothing with this card. */
function verifyDriver(card: Card, command: DataView, at: number): number {
  const bytes = DRIVER_INFO.$.sizeBytes;
  if (readU64be(command, at + AQ_VERIFY_DRIVER_COMPATIBILITY.driverInfoLen) < bytes) {
    return ADMINQ_STATUS_INVALID_ARGUMENT;
  }
  const address = readU64be(command, at + AQ_VERIFY_DRIVER_COMPATIBILITY.driverInfoAddr);
  if (!fetch(card, address, card.adminData, bytes)) return STATUS_UNREACHABLE;
  const info = readDriverInfo(card.adminData);
  card.driver = info;
  return (info.capabilities & DRIVER_CAPABILITY_DQO_RDA) !== 0 ? ADMINQ_STATUS_PASSED : ADMINQ_STATUS_INVALID_ARGUMENT;
}

function reportNicTimestamp(card: Card, command: DataView, at: number): number {
  if (!card.config.nicTimestamp) return ADMINQ_STATUS_UNIMPLEMENTED;
  const size = NIC_TS_REPORT.$.sizeBytes;
  if (readU64be(command, at + AQ_REPORT_NIC_TIMESTAMP.nicTsReportLen) < size) return ADMINQ_STATUS_INVALID_ARGUMENT;
  const { bytes, view, base } = card.adminData;
  bytes.fill(0, base, base + size);
  writeU64be(view, base + NIC_TS_REPORT.nicTimestamp, Math.floor(card.host.clock.nowNs));
  const address = readU64be(command, at + AQ_REPORT_NIC_TIMESTAMP.nicTsReportAddr);
  return store(card, address, card.adminData, size) ? ADMINQ_STATUS_PASSED : STATUS_UNREACHABLE;
}

/** Questions, answers and parameters. */
export const REPORT_COMMANDS: readonly AdminCommand[] = [
  { opcode: ADMINQ_SET_DRIVER_PARAMETER, name: 'SET_DRIVER_PARAMETER', run: setDriverParameter },
  { opcode: ADMINQ_REPORT_STATS, name: 'REPORT_STATS', run: reportStats },
  { opcode: ADMINQ_REPORT_LINK_SPEED, name: 'REPORT_LINK_SPEED', run: reportLinkSpeed },
  { opcode: ADMINQ_GET_PTYPE_MAP, name: 'GET_PTYPE_MAP', run: getPtypeMap },
  { opcode: ADMINQ_VERIFY_DRIVER_COMPATIBILITY, name: 'VERIFY_DRIVER_COMPATIBILITY', run: verifyDriver },
  { opcode: ADMINQ_REPORT_NIC_TIMESTAMP, name: 'REPORT_NIC_TIMESTAMP', run: reportNicTimestamp },
];
