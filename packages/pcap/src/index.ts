/**
 * Capture files: write pcapng, read pcapng and pcap, capture a port, replay a capture as a port.
 *
 * A {@link PcapngWriter} turns packets into bytes, {@link openCapture} turns bytes into packets; both work in memory and know no files, so
 * that they run in browsers too. {@link capturePort} wraps any `Port` and is one: every frame that passes it is in the capture, with its time to
 * the nanosecond, its direction, its queue and, if you like, a comment. {@link createReplayPort} is a port that plays a capture.
 *
 * Use it to look at a test in Wireshark, to keep the traffic of a failure, or to feed recorded traffic to a card.
 *
 * It is not a sniffer: it captures ports of `@netmem/link` and no interface of the operating system.
 *
 * @example
 * ```ts
 * import { createCable, FrameSlots } from '@netmem/link';
 * import { capturePort, createReplayPort, openCapture, PcapngWriter } from '@netmem/pcap';
 * import { LinearMemory } from '@netmem/region';
 *
 * const slots = new FrameSlots(new LinearMemory(16 << 20));
 * const writer = new PcapngWriter({ application: 'example' });
 * const { a, b } = createCable(slots, null);
 * const port = capturePort(a, writer, { name: 'eth0', clock: { nowNs: 1_000 } });
 * port.transmit(slots.store(new Uint8Array(60)));
 * slots.release(b.receive());
 *
 * const file = writer.toBytes(); // trace.pcapng
 * for (const packet of openCapture(file)) console.log(packet.interface.name, packet.timestampNs, packet.data.length); // eth0 1000 60
 * const replay = createReplayPort(slots, openCapture(file), { speed: 'asap' });
 * console.log(slots.length[replay.receive()]); // 60
 * ```
 *
 * @packageDocumentation
 */
export { CaptureError } from './capture-error.ts';
export type { CaptureOptions, CapturingPort, FrameComment } from './capture-port.ts';
export { capturePort } from './capture-port.ts';
export type { CapturedPacket, CaptureInterface, CaptureReader, CaptureSection } from './captured-packet.ts';
export { DIRECTION_INBOUND, DIRECTION_OUTBOUND, DIRECTION_UNKNOWN, LINKTYPE_ETHERNET } from './captured-packet.ts';
export { commentHeaderSplit } from './header-split-comment.ts';
export type { CaptureContent } from './open-capture.ts';
export { openCapture, readCapture } from './open-capture.ts';
export type { InterfaceOptions, PacketToWrite, PcapngWriterOptions } from './pcapng-writer.ts';
export { PcapngWriter } from './pcapng-writer.ts';
export type { ReplayFrame, ReplayOptions, ReplayPort } from './replay-port.ts';
export { createReplayPort } from './replay-port.ts';
