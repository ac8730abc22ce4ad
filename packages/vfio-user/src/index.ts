/**
 * A vfio-user server: a device behind vnic's host seam, offered to an unmodified virtual machine on a UNIX socket.
 *
 * QEMU (10.1.1 or newer) connects, and its guest finds a PCI function with registers, DMA and interrupts, driven by this
 * process. {@link serveVfioUser} takes whatever makes a `NicFunction`; with vnic's card an unmodified Linux probes its `gve`
 * driver and has a network card with header split, device memory and zero-copy receive.
 *
 * Nothing native is needed. The guest's RAM is a file that both have open, read and written by system calls of half a
 * microsecond; interrupts are MSI messages sent through the socket. Both are seams, {@link GuestMemory} and
 * {@link InterruptSink}, for whoever can do better. The device runs from the event loop, in rounds while there is something
 * to do, and never spins; a guest that is slow, dead or hostile costs nobody else anything. Guests may follow one another.
 *
 * An {@link EventLoopPump} runs the device. What the device talks to, such as a simulated host at the other end of a cable,
 * joins the same pump and needs no wake-up.
 *
 * Use it to give a virtual machine a device of your own, or to test a driver in a real kernel. `@netmem/vfio-user/mock` has the
 * guest's side of the protocol, for tests without a virtual machine.
 *
 * What the guest must be given: RAM in the shared file ({@link qemuDeviceArguments}); a QEMU that {@link requireQemuVersion}
 * takes; and, where the machine has an IOMMU of its own, `iommu=pt` on the kernel's command line, or interrupts do not arrive.
 *
 * It starts no virtual machine (`devmem vm` does), and it is not fast: a register read costs the guest tens of microseconds.
 * Whoever can connect to its socket can use the device: keep it in a folder that nobody else may enter.
 *
 * @example
 * ```ts
 * import { mkdtempSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { createCable, FrameSlots } from '@netmem/link';
 * import { LinearMemory } from '@netmem/region';
 * import { qemuDeviceArguments, serveVfioUser } from '@netmem/vfio-user';
 * import { createNic } from '@netmem/vnic';
 *
 * const folder = mkdtempSync(`${tmpdir()}/guest-`);
 * const guest = { path: `${folder}/nic`, memory: `${folder}/ram`, memoryBytes: 512 << 20 };
 * const memory = new LinearMemory(64 << 20);
 * const { a } = createCable(new FrameSlots(memory), null);
 * const server = await serveVfioUser({
 *   ...guest,
 *   makeFunction: (host) => createNic(host, { port: a, memory, maxQueues: 2 }),
 *   onEvent: ({ kind, detail }) => console.log(kind, detail),
 * });
 * // Now start: qemu-system-x86_64 -machine q35,memory-backend=m … ${qemuDeviceArguments(guest).join(' ')}
 * console.log(qemuDeviceArguments(guest)[4]); // -device
 * console.log(server.connected); // false
 * await server.close();
 * ```
 *
 * @packageDocumentation
 */
export { processTimeNs } from './device-clock.ts';
export type { DeviceSession, GuestTransport } from './device-session.ts';
export type { EventLoopPumpOptions, Pumped } from './event-loop-pump.ts';
export { EventLoopPump } from './event-loop-pump.ts';
export { openFileMemory } from './file-memory.ts';
export type { GuestMemory } from './guest-memory.ts';
export { InBandInterrupts } from './in-band-interrupts.ts';
export type { InterruptChannel, InterruptSink } from './interrupt-sink.ts';
export type { QemuDeviceOptions } from './qemu.ts';
export { QEMU_OLDEST, qemuDeviceArguments, requireQemuVersion } from './qemu.ts';
export { regionMemory } from './region-memory.ts';
export type { VfioUserServerOptions } from './server.ts';
export { serveVfioUser, VfioUserServer } from './server.ts';
export type { VfioUserStats } from './stats.ts';
export type { PciFunction, VfioUserDeviceOptions } from './vfio-user-device.ts';
export { createVfioUserDevice, VfioUserDevice } from './vfio-user-device.ts';
export { VfioUserError } from './vfio-user-error.ts';
