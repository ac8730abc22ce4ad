import type { Channels, Coalesce, EthtoolOps, RingParam, TimestampInfo } from '@netmem/ethtool';
import {
  EINVAL,
  ENOMEM,
  EOPNOTSUPP,
  ETHTOOL_COALESCE,
  ETHTOOL_RING_USE,
  type Extack,
  HWTSTAMP_FILTER,
  type NegativeErrno,
  SOF_TIMESTAMPING,
  TCP_DATA_SPLIT,
} from '@netmem/uapi';
import { IRQ_INTERVAL_MAX_US, readU64be } from '@netmem/vnic/abi';
import { reportLinkSpeed } from './admin-commands.ts';
import { isPowerOfTwo } from './describe.ts';
import { readStats, statNames } from './ethtool-stats.ts';
import { deleteFlowRule, insertFlowRule } from './flow-rules.ts';
import type { GveDevice } from './gve-device.ts';
import { armBlock, rxBlock, txBlock } from './notify-block.ts';
import { applySettings } from './open-stop.ts';
import { resetInterface } from './recover.ts';
import { getRxfh, setRxfh } from './rss.ts';
import { DRIVER_NAME, DRIVER_VERSION } from './settings.ts';

const LINK_SPEED_BYTES = 8;

/**
 * What ethtool sees. RX-2: tcp-data-split is offered, and reads back what the card really does. There is no hds-thresh, so setting one is
 * EOPNOTSUPP in the core; rx and tx channels are separate, and there are no combined ones.
 */
export function createEthtoolOps(gve: GveDevice): EthtoolOps {
  return {
    supportedRingParams: ETHTOOL_RING_USE.TCP_DATA_SPLIT,
    getDrvinfo: (out) => {
      out.driver = DRIVER_NAME;
      out.version = DRIVER_VERSION;
      out.busInfo = gve.fn.name;
    },
    getLink: () => gve.netdev.operUp,
    getLinkKsettings: () => linkSettings(gve),
    getTsInfo: (out) => getTsInfo(gve, out),
    getRingparam: (out) => getRingparam(gve, out),
    setRingparam: (request, extack) => setRingparam(gve, request, extack),
    getChannels: (out) => getChannels(gve, out),
    setChannels: (request) => setChannels(gve, request),
    getRxRingCount: () => gve.settings.rxQueues,
    getRxfhIndirSize: () => gve.geometry.rssLutEntries,
    getRxfhKeySize: () => gve.geometry.rssKeyBytes,
    getRxfh: (out) => getRxfh(gve, out),
    setRxfh: (request, extack) => setRxfh(gve, request, extack),
    getRuleTableSize: () => gve.rules.capacity,
    getRules: () => gve.rules.all(),
    insertRule: (rule) => insertFlowRule(gve, rule),
    deleteRule: (location) => deleteFlowRule(gve, location),
    getStrings: () => statNames(gve),
    getStats: (out) => readStats(gve, out),
    supportedCoalesceParams: ETHTOOL_COALESCE.RX_USECS | ETHTOOL_COALESCE.TX_USECS,
    getCoalesce: (out) => getCoalesce(gve, out),
    setCoalesce: (request) => setCoalesce(gve, request),
    reset: () => resetInterface(gve),
  };
}

/** The card is asked once; it answers in Mbit/s. */
function linkSettings(gve: GveDevice): { speedMbps: number; duplex: 'full' } | NegativeErrno {
  if (gve.linkSpeedMbps === 0) {
    const answer = gve.dma.allocCoherent(LINK_SPEED_BYTES);
    if (answer === null) return -ENOMEM;
    const result = reportLinkSpeed(gve.adminq, answer);
    if (result === 0) gve.linkSpeedMbps = readU64be(answer.region.view, answer.region.base);
    gve.dma.freeCoherent(answer);
    if (result < 0) return result;
  }
  return { speedMbps: gve.linkSpeedMbps, duplex: 'full' };
}

/** Software stamps always; those of the card while its clock is read. @kernel gve_get_ts_info — drivers/net/ethernet/google/gve/gve_ethtool.c, 7.3 */
function getTsInfo(gve: GveDevice, out: TimestampInfo): number {
  const { RX_SOFTWARE, TX_SOFTWARE, SOFTWARE, RX_HARDWARE, RAW_HARDWARE } = SOF_TIMESTAMPING;
  out.soTimestamping |= RX_SOFTWARE | TX_SOFTWARE | SOFTWARE;
  if (!gve.clock.enabled) return 0;
  out.soTimestamping |= RX_HARDWARE | RAW_HARDWARE;
  out.rxFilters |= (1 << HWTSTAMP_FILTER.NONE) | (1 << HWTSTAMP_FILTER.ALL);
  out.phcIndex = gve.clock.phcIndex;
  return 0;
}

function getRingparam(gve: GveDevice, out: RingParam): void {
  const { geometry, settings } = gve;
  out.rxMax = geometry.modifyRing?.maxRx ?? geometry.rxEntries;
  out.txMax = geometry.modifyRing?.maxTx ?? geometry.txEntries;
  out.rx = settings.rxEntries;
  out.tx = settings.txEntries;
  if (!gve.canSplitHeaders) out.tcpDataSplit = TCP_DATA_SPLIT.UNKNOWN;
  else out.tcpDataSplit = settings.headerSplit ? TCP_DATA_SPLIT.ENABLED : TCP_DATA_SPLIT.DISABLED;
}

/**
 * @returns 0; `-EOPNOTSUPP`: fixed ring sizes, or a card without header buffers; `-EINVAL`: not a power of two or below the card's minimum; or what
 * rebuilding the queues says.
 */
function setRingparam(gve: GveDevice, request: RingParam, extack: Extack | null): number {
  const { settings, geometry } = gve;
  const headerSplit = splitWanted(settings.headerSplit, request.tcpDataSplit);
  if (headerSplit && !gve.canSplitHeaders) {
    extack?.set('the card splits no headers');
    return -EOPNOTSUPP;
  }
  const resized = request.rx !== settings.rxEntries || request.tx !== settings.txEntries;
  if (resized) {
    if (geometry.modifyRing === null) {
      extack?.set('the card has fixed ring sizes');
      return -EOPNOTSUPP;
    }
    const { minRx, minTx } = geometry.modifyRing;
    if (!isPowerOfTwo(request.rx) || !isPowerOfTwo(request.tx) || request.rx < minRx || request.tx < minTx) {
      extack?.set(`ring sizes are powers of two, rx at least ${minRx}, tx at least ${minTx}`);
      return -EINVAL;
    }
  }
  if (!resized && headerSplit === settings.headerSplit) return 0;
  return applySettings(gve, { ...settings, rxEntries: request.rx, txEntries: request.tx, headerSplit });
}

/** "auto" leaves things as they are. */
function splitWanted(now: boolean, asked: number): boolean {
  if (asked === TCP_DATA_SPLIT.UNKNOWN) return now;
  return asked === TCP_DATA_SPLIT.ENABLED;
}

function getChannels(gve: GveDevice, out: Channels): void {
  out.maxRx = gve.maxQueues;
  out.maxTx = gve.maxQueues;
  out.rxCount = gve.settings.rxQueues;
  out.txCount = gve.settings.txQueues;
}

function setChannels(gve: GveDevice, request: Channels): number {
  if (request.combinedCount !== 0 || request.rxCount === 0 || request.txCount === 0) return -EINVAL;
  return applySettings(gve, { ...gve.settings, rxQueues: request.rxCount, txQueues: request.txCount });
}

function getCoalesce(gve: GveDevice, out: Coalesce): number {
  out.rxCoalesceUsecs = gve.rxCoalesceUsecs;
  out.txCoalesceUsecs = gve.txCoalesceUsecs;
  return 0;
}

/** `-EINVAL` above the card's longest interval. @kernel gve_set_coalesce — drivers/net/ethernet/google/gve/gve_ethtool.c, 7.3 */
function setCoalesce(gve: GveDevice, request: Coalesce): number {
  const rx = request.rxCoalesceUsecs ?? gve.rxCoalesceUsecs;
  const tx = request.txCoalesceUsecs ?? gve.txCoalesceUsecs;
  if (tx > IRQ_INTERVAL_MAX_US || rx > IRQ_INTERVAL_MAX_US) return -EINVAL;
  const txChanged = tx !== gve.txCoalesceUsecs;
  const rxChanged = rx !== gve.rxCoalesceUsecs;
  gve.txCoalesceUsecs = tx;
  gve.rxCoalesceUsecs = rx;
  if (txChanged) for (const ring of gve.tx) armBlock(gve, txBlock(gve, ring.index), tx);
  if (rxChanged) for (const ring of gve.rx) armBlock(gve, rxBlock(gve, ring.index), rx);
  return 0;
}
