import { ipv4, ipv6, tcp } from '@netmem/wire';
import { icmpCodeName, icmpCodeNumber, icmpTypeName, icmpTypeNumber } from '../icmp-names.ts';
import type { EchoedSpec, IpSpec, Packet } from '../syntax/script.ts';
import type { TcpOption } from '../syntax/tcp-option.ts';
import type { Flow, Flows } from './flow.ts';
import type { LiveIcmp, LivePacket, LiveTcp } from './live-packet.ts';
import { patternBreak } from './stream-pattern.ts';

const ECN_NAMES = ['noecn', 'ect1', 'ect0', 'ce'] as const;
const ECN_BITS = 3;
const PORTS_BYTES = 8;

/** A packet of the stack's in the script's words, with all its fields. */
export interface ActualPacket {
  readonly timeNs: number;
  readonly packet: Packet;
  /** Whether it belongs to the connection that the script means. */
  readonly rightFlow: boolean;
  readonly problems: readonly string[];
}

/** What translating needs besides the packet. */
export interface TranslationContext {
  readonly flows: Flows;
  readonly version: 4 | 6;
  readonly localAddress: string;
  readonly remoteAddress: string;
  /** Whether all that was written is the pattern, so that payload can be checked. */
  readonly patterned: boolean;
}

/** Says a live packet in the script's words, as an answer to `expected`: sequence numbers, timestamps and ports as the script counts them. */
export function translate(live: LivePacket, expected: Packet | null, context: TranslationContext): ActualPacket {
  const problems = [...live.problems];
  if (live.source !== context.localAddress || live.destination !== context.remoteAddress) {
    problems.push(`from ${live.source} to ${live.destination}`);
  }
  const ip: IpSpec = {
    ecn: ECN_NAMES[live.trafficClass & ECN_BITS] ?? 'noecn',
    tos: live.trafficClass,
    ttl: live.ttl,
    flowLabel: live.flowLabel,
  };
  const { timeNs, upper } = live;
  if (upper.protocol === 'icmp') {
    return { timeNs, packet: translateIcmp(upper, ip, context), rightFlow: true, problems };
  }
  const ports = { source: upper.sourcePort, destination: upper.destinationPort };
  const flow = flowOf(live, expected, context.flows);
  const wanted = expected === null || expected.protocol === 'icmp' ? null : expected.ports;
  const rightFlow =
    wanted === null
      ? flow !== null && flow === context.flows.default(upper.protocol)
      : wanted.source === ports.source && wanted.destination === ports.destination;
  if (upper.protocol === 'udp') {
    const packet: Packet = { protocol: 'udp', direction: 'out', ip, ports, length: upper.payload.length };
    return { timeNs, packet, rightFlow, problems };
  }
  const packet = translateTcp(upper, flow, expected, { ip, ports });
  if (context.patterned) checkPayload(upper, flow, problems);
  return { timeNs, packet, rightFlow, problems };
}

/** The flow of a packet. A SYN that opens a connection where the script expects one, without ports, becomes the default flow. */
function flowOf(live: LivePacket, expected: Packet | null, flows: Flows): Flow | null {
  const { upper } = live;
  if (upper.protocol === 'icmp') return null;
  const known = flows.find(upper.protocol, upper.sourcePort, upper.destinationPort);
  if (known !== null || expected === null || expected.protocol !== upper.protocol) return known;
  if (expected.ports !== null) return flows.open(upper.protocol, upper.sourcePort, upper.destinationPort);
  if (flows.default(upper.protocol) !== null) return null;
  return flows.openDefault(upper.protocol, upper.sourcePort, upper.destinationPort);
}

function translateTcp(
  live: LiveTcp,
  flow: Flow | null,
  expected: Packet | null,
  common: { readonly ip: IpSpec; readonly ports: { readonly source: number; readonly destination: number } },
): Packet {
  const { flags } = live;
  const script = expected?.protocol === 'tcp' ? expected : null;
  if ((flags & tcp.SYN) !== 0)
    flow?.sawSyn(live.sequence, script !== null && (script.flags & tcp.SYN) !== 0 ? script.sequence : 0);
  const stamp = live.options.find((option) => option.kind === 'TS');
  const wanted = script?.options?.find((option) => option.kind === 'TS');
  if (stamp !== undefined && wanted !== undefined) flow?.sawStamp(stamp.value, wanted.value);
  const acknowledges = (flags & tcp.ACK) !== 0;
  const ack = acknowledges
    ? (flow?.remoteToScript(live.acknowledgment, flags) ?? live.acknowledgment)
    : live.acknowledgment;
  return {
    protocol: 'tcp',
    direction: 'out',
    ...common,
    flags,
    sequence: flow?.localToScript(live.sequence, flags) ?? live.sequence,
    length: live.payload.length,
    ack: acknowledges || ack !== 0 ? ack : null,
    window: live.window,
    urgent: live.urgent === 0 ? null : live.urgent,
    options: live.options.map((option) => translateOption(option, flow, flags)),
  };
}

function translateOption(option: TcpOption, flow: Flow | null, flags: number): TcpOption {
  if (flow === null) return option;
  if (option.kind === 'TS') return { ...option, value: flow.stampToScript(option.value) };
  if (option.kind !== 'sack') return option;
  const blocks = option.blocks.map(
    ([left, right]) => [flow.remoteToScript(left, flags), flow.remoteToScript(right, flags)] as const,
  );
  return { kind: 'sack', blocks };
}

function checkPayload(live: LiveTcp, flow: Flow | null, problems: string[]): void {
  const position = flow?.localPosition(live.sequence) ?? null;
  if (position === null || live.payload.length === 0) return;
  const at = patternBreak(live.payload, position);
  if (at >= 0) problems.push(`byte ${at} of the payload is not what was written there`);
}

function translateIcmp(live: LiveIcmp, ip: IpSpec, { version, flows }: TranslationContext): Packet {
  const type = icmpTypeName(version, live.type);
  const echo = type === 'echo_request' || type === 'echo_reply';
  const unreachable = icmpTypeNumber(version, 'unreachable') === live.type;
  const hasMtu =
    version === 4
      ? unreachable && live.code === icmpCodeNumber(4, live.type, 'frag_needed')
      : type === 'packet_too_big';
  return {
    protocol: 'icmp',
    direction: 'out',
    ip,
    ports: null,
    type,
    code: icmpCodeName(version, live.type, live.code),
    mtu: hasMtu ? (version === 4 ? live.rest & 0xffff : live.rest) : null,
    id: echo ? live.rest >>> 16 : null,
    echoed: echo ? { protocol: 'raw', length: live.body.length } : quotedPacket(live.body, version, flows),
  };
}

/** What an ICMP error quotes: a packet that the script injected. Null when it is too short to say. */
function quotedPacket(body: Uint8Array, version: 4 | 6, flows: Flows): EchoedSpec | null {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const header =
    version === 4 ? (body.length >= ipv4.MIN_HEADER_BYTES ? ipv4.headerLength(view, 0) : 60) : ipv6.HEADER_BYTES;
  if (body.length < header + PORTS_BYTES) return null;
  const protocol = version === 4 ? ipv4.protocol(view, 0) : ipv6.nextHeader(view, 0);
  const upperLength = version === 4 ? ipv4.totalLength(view, 0) - header : ipv6.payloadLength(view, 0);
  if (protocol === ipv4.PROTOCOL_UDP) return { protocol: 'udp', length: upperLength - PORTS_BYTES };
  if (protocol !== ipv4.PROTOCOL_TCP) return { protocol: 'raw', length: upperLength };
  const flow = flows.find('tcp', tcp.destinationPort(view, header), tcp.sourcePort(view, header));
  const sequence = tcp.sequence(view, header);
  const offset = body.length >= header + tcp.MIN_HEADER_BYTES ? tcp.headerLength(view, header) : tcp.MIN_HEADER_BYTES;
  return { protocol: 'tcp', sequence: flow?.remoteToScript(sequence, 0) ?? sequence, length: upperLength - offset };
}
