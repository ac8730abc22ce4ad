import { ETHTOOL_RING_USE, TCP_DATA_SPLIT } from '@netmem/uapi';
import type { PacketDriver } from './packet-driver.ts';

/** Ring sizes and threshold as netdevsim has them: numbers without a meaning for the data path, but for the threshold. */
const RING_MAX = 4096;
const RING_DEFAULT = 512;
const HDS_THRESH_MAX = 1024;

/** The ring parameters that {@link PacketDriverEthtool} touches; ethtool's own type has more. */
export interface PacketRings {
  rxMax: number;
  rxMiniMax: number;
  rxJumboMax: number;
  txMax: number;
  rx: number;
  rxMini: number;
  rxJumbo: number;
  tx: number;
  tcpDataSplit: number;
  hdsThreshMax: number;
}

/** The channel counts that {@link PacketDriverEthtool} touches. */
export interface PacketChannels {
  maxCombined: number;
  combinedCount: number;
}

/** Ethtool operations, in the shape that `@netmem/ethtool` asks for: this package does not know that one. */
export interface PacketDriverEthtool {
  readonly supportedRingParams: number;
  getDrvinfo(out: { driver: string; version: string }): void;
  getRingparam(out: PacketRings): void;
  setRingparam(request: PacketRings): number;
  getChannels(out: PacketChannels): void;
  setChannels(request: PacketChannels): number;
}

/** What ethtool may ask of a packet driver: rings and split as netdevsim has them, combined channels. */
export function packetDriverEthtool(driver: PacketDriver): PacketDriverEthtool {
  const sizes = { rx: RING_DEFAULT, rxMini: 0, rxJumbo: 0, tx: RING_DEFAULT };
  return {
    supportedRingParams: ETHTOOL_RING_USE.TCP_DATA_SPLIT | ETHTOOL_RING_USE.HDS_THRS,
    getDrvinfo(out): void {
      out.driver = 'packet-driver';
    },
    getRingparam(out): void {
      Object.assign(out, sizes);
      out.rxMax = RING_MAX;
      out.rxMiniMax = RING_MAX;
      out.rxJumboMax = RING_MAX;
      out.txMax = RING_MAX;
      out.hdsThreshMax = HDS_THRESH_MAX;
      // What is in effect: auto splits.
      if (out.tcpDataSplit === TCP_DATA_SPLIT.UNKNOWN && driver.splitByDefault)
        out.tcpDataSplit = TCP_DATA_SPLIT.ENABLED;
    },
    setRingparam(request): number {
      sizes.rx = request.rx;
      sizes.rxMini = request.rxMini;
      sizes.rxJumbo = request.rxJumbo;
      sizes.tx = request.tx;
      return 0;
    },
    getChannels(out): void {
      out.maxCombined = driver.netdev.rxQueues.length;
      out.combinedCount = driver.netdev.realNumRxQueues;
    },
    setChannels(request): number {
      return driver.resize(request.combinedCount);
    },
  };
}
