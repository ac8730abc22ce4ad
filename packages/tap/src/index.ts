/**
 * A Linux TAP interface as a Port, so that a simulated host speaks with the real kernel.
 *
 * {@link openTap} makes an interface that the kernel sees as a network card: what programs send to it comes out of `receive()`, what goes into
 * `transmit()` arrives in the kernel as if from a wire. It sets address, MTU, neighbours and link state itself; no `ip` command is needed. Frames are
 * read by the kernel straight into their slots, without a copy in JavaScript.
 *
 * It needs Linux, `/dev/net/tun` and CAP_NET_ADMIN. {@link spawnInNetworkNamespace} gives an ordinary user the latter, in a network of its own;
 * {@link probeTap} finds out whether all of it works here, and says what is missing.
 *
 * With `vnetHeader` frames pass uncut, up to 64 KiB of TCP in one; with `queues` the interface has several, and a flow follows the queue on which it is
 * answered.
 *
 * It is not a bridge: it joins one port to one kernel.
 *
 * @example
 * ```ts
 * import { describeFrame, FrameSlots } from '@netmem/link';
 * import { LinearMemory } from '@netmem/region';
 * import { openTap, probeTap, TapPoll } from '@netmem/tap';
 *
 * // Prints what the kernel sends, until nothing came for a second.
 * function listen(): void {
 *   using tap = openTap({ slots: new FrameSlots(new LinearMemory(16 << 20)), addresses: ['10.99.0.1/24'] });
 *   const poll = new TapPoll([tap]);
 *   while (poll.wait(1000)) {
 *     for (let slot = tap.receive(); slot !== 0; slot = tap.receive()) {
 *       console.log(describeFrame(tap.slots, slot));
 *       tap.slots.release(slot);
 *     }
 *   }
 * }
 *
 * const probe = await probeTap();
 * console.log(probe.ok ? `call ${listen.name}() in a network namespace` : `no TAP here: ${probe.reason}`);
 * ```
 *
 * @packageDocumentation
 */
export { NAMESPACE_ENVIRONMENT, spawnInNetworkNamespace } from './namespace.ts';
export type { TapOptions } from './open-tap.ts';
export { openTap } from './open-tap.ts';
export type { TapProbe } from './probe.ts';
export { probeTap } from './probe.ts';
export { Tap } from './tap.ts';
export { TapError } from './tap-error.ts';
export { TapPoll } from './tap-poll.ts';
