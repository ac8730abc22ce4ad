/**
 * The other side of the card, for tests: a driver in miniature, a host of flat memory, and a host that lets time pass
 * between a register write and its effect; and scenarios of driver and card for whatever transport lies between them.
 *
 * Use it to test a transport, a card built with other options, or anything that must see descriptors go round without a
 * kernel. It is not a driver to copy: it checks nothing that the card says. That one is `@netmem/driver`.
 *
 * @packageDocumentation
 */
export type { DelayedHost } from './delayed-host.ts';
export { createDelayedHost } from './delayed-host.ts';
export type { MockDeviceDescription } from './device-description.ts';
export { readDescription } from './device-description.ts';
export { FlatClock } from './flat-clock.ts';
export type { FlatBuffer, FlatHostOptions } from './flat-host.ts';
export { FLAT_IOVA_BASE, FlatHost } from './flat-host.ts';
export type { FillCommand } from './mock-driver.ts';
export { createMockDriver, MockDriver } from './mock-driver.ts';
export type { MockRxCompletion, MockRxPacket, MockRxQueueOptions } from './mock-rx-queue.ts';
export { MockRxQueue } from './mock-rx-queue.ts';
export type { MockTxCompletion, MockTxPacket } from './mock-tx-queue.ts';
export { MockTxQueue } from './mock-tx-queue.ts';
export type { TransportScenario, TransportUnderTest } from './transport-scenarios.ts';
export { SCENARIO_NIC_OPTIONS, TRANSPORT_SCENARIOS } from './transport-scenarios.ts';
