/**
 * Ports that move frames by slot: an in-memory cable with seeded faults, a tracer, a fault injector and a port for tests.
 *
 * A frame is an integer: its slot in {@link FrameSlots}, a slab of equal slots in a `LinearMemory` with columns for what is known of each frame. A
 * {@link Port} passes slots, not bytes, so that a frame crosses a perfect cable without being copied. Tracer and fault injector wrap a port and are
 * ports themselves; a TAP interface or a capture file is one too.
 *
 * Use it to join a card to another, to a test, or to a real network; and to see what a stack does when frames are lost, late, doubled or damaged. The
 * same seed gives the same faults.
 *
 * It is not a switch: a cable has two ends, and nobody learns addresses.
 *
 * @example
 * ```ts
 * import { createCable, FrameSlots } from '@netmem/link';
 * import { LinearMemory } from '@netmem/region';
 *
 * const slots = new FrameSlots(new LinearMemory(16 << 20));
 * const { a, b } = createCable(slots, null, { loss: 0.01, seed: 7 });
 * a.transmit(slots.store(new Uint8Array(60)));
 * const slot = b.receive(); // 0 would mean: nothing came
 * console.log(slots.length[slot]); // 60
 * slots.release(slot);
 * ```
 *
 * @packageDocumentation
 */
export { createCable } from './cable.ts';
export type { Cable, CableFaults, CableOptions } from './cable-options.ts';
export { describeFrame } from './describe-frame.ts';
export { completeChecksum } from './frame-checksum.ts';
export {
  FRAME_DATA_VALID,
  FRAME_NEEDS_CSUM,
  FrameSlots,
  GSO_NONE,
  GSO_TCPV4,
  GSO_TCPV6,
  GSO_UDP_L4,
} from './frame-slots.ts';
export type { FaultCounts, FaultPlan, FaultRule, FaultyPort } from './inject-faults.ts';
export { injectFaults } from './inject-faults.ts';
export { FRAME_OVERHEAD_BYTES, SUPER_FRAME_BYTES } from './perfect-cable.ts';
export type { LinkClock, Port, PortStats } from './port.ts';
export { newPortStats } from './port.ts';
export type { FrameMetadata, ScriptedPort } from './scripted-port.ts';
export { createScriptedPort } from './scripted-port.ts';
export type { FrameEvent, FrameListener } from './trace-port.ts';
export { tracePort } from './trace-port.ts';
