/**
 * A network driver that does nothing but keep the contract, and a host to try it on.
 *
 * Where `@netmem/driver` drives a card, this one is driven by a test: frames go in by `inject`, page by page of payload into whatever memory the
 * queue's pool has, and come out by `onTransmit` or at a linked twin. It has queue management, both ways to keep headers, and the ethtool answers of
 * netdevsim, so that what a kernel said of netdevsim can be replayed on it.
 *
 * @example
 * ```ts
 * import { createPacketDriver, createTestNetwork } from '@netmem/netdev/testing';
 *
 * const { machine, network } = createTestNetwork();
 * const driver = createPacketDriver(network, { queues: 2 });
 * driver.netdev.open();
 * network.addPacketType(0x88b5, { receive: (skb) => skb.consume() });
 *
 * const frame = new Uint8Array(60);
 * frame.set(driver.netdev.address);
 * frame.set([0x88, 0xb5], 12);
 * driver.inject(1, frame);
 * machine.run();
 * console.log(driver.counters.rxPackets, network.audit()); // 1 []
 * ```
 *
 * @packageDocumentation
 */
export { createPacketDriver, type PacketCounters, PacketDriver, type PacketDriverOptions } from './packet-driver.ts';
export type { PacketChannels, PacketDriverEthtool, PacketRings } from './packet-ethtool.ts';
export { createTestNetwork, type TestNetworkOptions } from './test-network.ts';
export type { FrameMeta } from './wire-frame.ts';
