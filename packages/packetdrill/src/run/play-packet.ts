import { tcp } from '@netmem/wire';
import type { PacketEvent } from '../syntax/script.ts';
import { type ActualPacket, translate } from './actual-packet.ts';
import { comparePacket, namedIpFields } from './compare-packet.ts';
import { isInTime, type Window } from './event-time.ts';
import { buildFrame } from './inject-packet.ts';
import { caretLine, joinSegments, packetSegments, stamp, stampRange } from './packet-line.ts';
import type { Session } from './session.ts';

const TWO_32 = 2 ** 32;
/** Flags that only the last segment of many bytes carries. */
const LAST_FLAGS: number = tcp.PSH | tcp.FIN | tcp.CWR;

/** Injects a packet. Its time has come. */
export function injectPacket(session: Session, event: PacketEvent): void {
  const { config, flows, host, network, timeline, boundPorts } = session;
  const frame = buildFrame(event.packet, {
    config,
    flows,
    localMac: host.localMac,
    remoteMac: network.remoteMac,
    boundPort: (protocol) => boundPorts[protocol],
  });
  if (typeof frame === 'string') {
    session.fail(event.at.line, { kind: 'packet', message: `the packet cannot be injected: ${frame}` });
    return;
  }
  const show = { ip: namedIpFields(event.packet.ip), ports: event.packet.ports !== null };
  session.trace.push(joinSegments(packetSegments(stamp(timeline.nowNs), event.packet, show)));
  timeline.inject(frame);
  timeline.settle();
}

/** Waits for a packet and compares it with the one that is expected. */
export function expectPacket(session: Session, event: PacketEvent, window: Window): void {
  const { config, timeline } = session;
  const first = nextActual(session, event, window);
  // A call that waited failed meanwhile: that is what there is to say.
  if (session.stopped) return;
  if (first === null) {
    session.fail(event.at.line, {
      kind: 'packet',
      message: `no packet came until ${stamp(timeline.nowNs)}`,
      expected: expectedLine(event, window, false),
    });
    return;
  }
  const actual = config.strictSegments ? first : withFollowing(session, event, window, first);
  const { toleranceNs, timestampTickNs } = config;
  const differing = comparePacket(
    event.packet,
    actual,
    timestampTickNs > 0 ? Math.ceil(toleranceNs / timestampTickNs) : null,
  );
  const inTime = isInTime(first.timeNs, window) && isInTime(actual.timeNs, window);
  if (!inTime) differing.add('time');
  if (differing.size > 0) reportDifference(session, event, window, actual, differing);
}

function nextActual(session: Session, event: PacketEvent, { toNs, toleranceNs }: Window): ActualPacket | null {
  const { timeline, flows, config, network, patterned } = session;
  timeline.runTo(toNs + toleranceNs, () => session.stopped || timeline.packets.length > 0);
  const live = timeline.takePacket();
  if (live === null) return null;
  const { localAddress, remoteAddress } = network;
  const context = { flows, version: config.wireVersion, localAddress, remoteAddress, patterned };
  const actual = translate(live, event.packet, context);
  session.trace.push(joinSegments(actualSegments(event, actual, true)));
  return actual;
}

/**
 * Where the script expects one segment of many bytes and the stack sends them as several, takes those that follow: a script need not know how large
 * the stack's segments are. What is compared is the last one, over all bytes.
 */
function withFollowing(session: Session, event: PacketEvent, window: Window, first: ActualPacket): ActualPacket {
  const expected = event.packet;
  if (expected.protocol !== 'tcp') return first;
  let whole = first;
  while (whole.packet.protocol === 'tcp' && isBeginning(expected, whole)) {
    const next = nextActual(session, event, window);
    if (next === null) return whole;
    if (next.packet.protocol !== 'tcp' || next.packet.sequence !== endOf(whole.packet)) return next;
    const { sequence, length } = whole.packet;
    whole = {
      ...next,
      packet: { ...next.packet, sequence, length: length + next.packet.length },
      problems: [...whole.problems, ...next.problems],
      rightFlow: whole.rightFlow && next.rightFlow,
    };
  }
  return whole;
}

/** Whether these are the first of the bytes that are expected, and nothing but PSH, FIN and CWR, which the last segment carries, is different. */
function isBeginning(expected: PacketEvent['packet'] & { readonly protocol: 'tcp' }, actual: ActualPacket): boolean {
  const { packet } = actual;
  if (packet.protocol !== 'tcp' || packet.length === 0 || packet.length >= expected.length) return false;
  const flags = (packet.flags & ~LAST_FLAGS) | (expected.flags & LAST_FLAGS);
  const differing = comparePacket(expected, { ...actual, packet: { ...packet, flags, length: expected.length } }, null);
  return differing.size === 0;
}

function endOf(packet: { readonly sequence: number; readonly length: number }): number {
  return (packet.sequence + packet.length) % TWO_32;
}

function expectedLine(event: PacketEvent, window: Window, ports: boolean): string {
  const { packet, time } = event;
  const text = time.kind === 'any' ? '*' : stampRange(window.fromNs, window.toNs);
  return joinSegments(
    packetSegments(text, packet, { ip: namedIpFields(packet.ip), ports: ports || packet.ports !== null }),
  );
}

function actualSegments(event: PacketEvent, actual: ActualPacket, ports: boolean): ReturnType<typeof packetSegments> {
  const { packet } = event;
  const show = { ip: namedIpFields(packet.ip), ports: ports && (packet.ports !== null || !actual.rightFlow) };
  return packetSegments(stamp(actual.timeNs), actual.packet, show);
}

const WORDS: Readonly<Record<string, string>> = {
  seq: 'sequence numbers',
  win: 'window',
  ack: 'acknowledgment number',
  ip: 'IP header',
};

function reportDifference(
  session: Session,
  event: PacketEvent,
  window: Window,
  actual: ActualPacket,
  differing: ReadonlySet<string>,
): void {
  const carets = new Set([...differing].filter((key) => key !== 'problems'));
  const names = new Set([...carets].map((key) => (key.startsWith('option') ? 'options' : (WORDS[key] ?? key))));
  const problems = actual.problems.length > 0 ? ` (${actual.problems.join('; ')})` : '';
  const segments = actualSegments(event, actual, true);
  session.fail(event.at.line, {
    kind: 'packet',
    message: `${names.size === 0 ? 'the packet is damaged' : `another packet came than expected: ${[...names].join(', ')}`}${problems}`,
    expected: expectedLine(event, window, false),
    actual: joinSegments(segments),
    carets: caretLine(segments, carets),
  });
}

/** What the stack sent and the script did not ask for, one line each. */
export function leftoverLines(session: Session): string[] {
  const { timeline, flows, config, network } = session;
  const { localAddress, remoteAddress } = network;
  const context = { flows, version: config.wireVersion, localAddress, remoteAddress, patterned: session.patterned };
  return timeline.packets.map((live) => {
    const actual = translate(live, null, context);
    return joinSegments(packetSegments(stamp(actual.timeNs), actual.packet, { ip: [], ports: !actual.rightFlow }));
  });
}
