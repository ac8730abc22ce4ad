/**
 * The other side of the server, for tests: a client that speaks the protocol as QEMU does, over a socket or without one.
 *
 * Use it to test a device behind the server, or a change of the protocol, without a virtual machine. Its driver is whatever
 * you give it: `@netmem/vnic/mock` has one for the network card.
 *
 * @packageDocumentation
 */
export type { MockCommand } from './bring-up.ts';
export { announceVector, connectCommands, disableVectors, enableCommands, prepareMsix } from './bring-up.ts';
export type { MockGuestClock } from './loopback.ts';
export { connectLoopback, guestFunction } from './loopback.ts';
export type { MockMapping, MockRegionWrite } from './messages.ts';
export * as payloads from './messages.ts';
export type { MockReply } from './mock-client.ts';
export { MockVfioUserClient } from './mock-client.ts';
export { MockMsix } from './mock-msix.ts';
export { bringUp, connectSocket } from './socket-client.ts';
