/**
 * A gVNIC network card with the DQO-RDA interface, as hardware behind a host seam: it knows no kernel and no machine.
 *
 * The card does what its drivers rely on: registers, admin queue, descriptor rings, notification blocks; header split,
 * flow rules and receive-side scaling, checksums, TSO, merging (RSC); link changes, resets, statistics. It sees the world through
 * {@link NicHost} (memory by bus address, interrupts, a clock) and a `Port` for frames, and is driven through
 * {@link NicFunction}: whoever writes a BAR and calls `run` is its bus. A machine's PCI slot is such a host, a vfio-user
 * server with a Linux guest another.
 *
 * Use it as the card under a stack that is being tested, or under a driver that is being written; its layouts and numbers
 * are in `@netmem/vnic/abi`, and `@netmem/vnic/mock` has the other side in miniature: a driver, a host of flat memory,
 * and a host that delays every register write and interrupt.
 *
 * Nothing that a driver or the wire does makes it throw, hang or grow: bad commands get a status, bad descriptors stop
 * their queue and ask for a reset, bad frames are dropped and counted. Where the public sources say nothing about the real
 * card, the decision is one named constant in `choices.ts`.
 *
 * Drivers that nobody here wrote are its judges: unmodified Linux (6.12, 6.18, 7.3), DPDK and iPXE have run it in virtual
 * machines, and what they did is replayed in its tests, access by access.
 *
 * It is not a driver, and not a bus: masks, the pending-bit array and configuration space are the transport's.
 *
 * @example
 * ```ts
 * import { createCable, FrameSlots } from '@netmem/link';
 * import { LinearMemory } from '@netmem/region';
 * import { createNic } from '@netmem/vnic';
 * import { createMockDriver, FlatHost } from '@netmem/vnic/mock';
 *
 * const memory = new LinearMemory(64 << 20);
 * const { a, b } = createCable(new FrameSlots(memory), null);
 * const host = new FlatHost({ memory });
 * const nic = createNic(host, { port: a, memory, maxQueues: 1 });
 *
 * const driver = createMockDriver(nic, host);
 * driver.start();
 * driver.configureResources();
 * const rx = driver.createRxQueue(0, { entries: 512, packetBufferBytes: 2048, headerBufferBytes: 0 });
 * rx.post(64);
 *
 * b.transmit(b.slots.store(new Uint8Array(60)));
 * driver.settle();
 * console.log(rx.poll()?.frame.length); // 60
 * ```
 *
 * @packageDocumentation
 */
export type { DriverInfo } from './driver-info.ts';
export type {
  DeviceClock,
  DeviceDma,
  MsixLocation,
  NicEvent,
  NicFunction,
  NicHost,
  PciIdentity,
} from './host.ts';
export type { FaultyInterruptHost, InterruptFault, InterruptFaultCounts } from './interrupt-faults.ts';
export { injectInterruptFaults } from './interrupt-faults.ts';
export type { Nic, NicInspection } from './nic.ts';
export { createNic } from './nic.ts';
export type { NicOptions } from './options.ts';
export type { DeviceStats, NicStats, RxQueueStats, TxQueueStats } from './stats.ts';
