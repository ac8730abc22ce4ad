// A driver that does nothing but keep the contract, and a host to try it on. Reaches users through the package's index.
export { createPacketDriver, type PacketCounters, PacketDriver, type PacketDriverOptions } from './packet-driver.ts';
export type { PacketChannels, PacketDriverEthtool, PacketRings } from './packet-ethtool.ts';
export { createTestNetwork, type TestNetworkOptions } from './test-network.ts';
export type { FrameMeta } from './wire-frame.ts';
