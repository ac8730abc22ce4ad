/**
 * A network driver that does nothing but keep the contract, for tests.
 *
 * @packageDocumentation
 */
export { createPacketDriver, type PacketCounters, PacketDriver, type PacketDriverOptions } from './packet-driver.ts';
export type { PacketChannels, PacketDriverEthtool, PacketRings } from './packet-ethtool.ts';
export type { FrameMeta } from './wire-frame.ts';
