/**
 * Ports that move frames by slot: an in-memory cable with seeded faults, a tracer and a fault injector.
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
export { FRAME_OVERHEAD_BYTES } from './perfect-cable.ts';
export type { LinkClock, Port, PortStats } from './port.ts';
export { newPortStats } from './port.ts';
export type { FrameMetadata, ScriptedPort } from './scripted-port.ts';
export { createScriptedPort } from './scripted-port.ts';
export type { FrameEvent, FrameListener } from './trace-port.ts';
export { tracePort } from './trace-port.ts';
