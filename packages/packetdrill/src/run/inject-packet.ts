import { composeFrame, ethernet, type FrameLayers, formatMac, ipv4, ipv6, tcp } from '@netmem/wire';
import type { ScriptConfig } from '../config.ts';
import { icmpCodeNumber, icmpTypeNumber } from '../icmp-names.ts';
import type { EchoedSpec, IcmpSpec, Packet, TcpSpec } from '../syntax/script.ts';
import type { TcpOption } from '../syntax/tcp-option.ts';
import { trafficClassOf } from './compare-packet.ts';
import type { Flow, Flows } from './flow.ts';
import { patternBytes } from './stream-pattern.ts';
import { encodeOptions } from './tcp-option-bytes.ts';

/** The port of the script's side when no packet names one. */
export const REMOTE_PORT = 40_000;
/** Hop limit and TTL of what is injected, unless the script says otherwise. */
const DEFAULT_TTL = 64;
/** Bytes of a quoted packet behind its IP header: the ports and what follows them (RFC 792). */
const QUOTED_BYTES = 8;

/** Where frames are injected. */
export interface InjectContext {
  readonly config: ScriptConfig;
  readonly flows: Flows;
  readonly localMac: Uint8Array;
  readonly remoteMac: Uint8Array;
  /** The port that the script's socket listens on. */
  readonly boundPort: (protocol: 'tcp' | 'udp') => number;
}

/** Builds the frame of a packet that the script injects, or says why it cannot be. */
export function buildFrame(packet: Packet, context: InjectContext): Uint8Array | string {
  const frame = build(packet, context);
  if (typeof frame === 'string' || context.config.mss !== null) return frame;
  const bytes = frame.length - ethernet.HEADER_BYTES;
  return bytes > context.config.mtu ? `it has ${bytes} bytes, more than the MTU of ${context.config.mtu}` : frame;
}

function build(packet: Packet, context: InjectContext): Uint8Array | string {
  if (packet.protocol === 'icmp') return buildIcmp(packet, context);
  const flow = flowOfInjected(packet, context);
  if (packet.protocol === 'udp') {
    return frameOf(packet, context, {
      udp: { sourcePort: flow.remotePort, destinationPort: flow.localPort, payload: patternBytes(0, packet.length) },
    });
  }
  return buildTcp(packet, flow, context);
}

/** The connection that an injected packet belongs to; without ports the default one, made if there is none. */
function flowOfInjected(packet: Exclude<Packet, IcmpSpec>, context: InjectContext): Flow {
  const { flows, boundPort } = context;
  const { protocol, ports } = packet;
  if (ports !== null) return flows.open(protocol, ports.destination, ports.source);
  return flows.default(protocol) ?? flows.openDefault(protocol, boundPort(protocol), REMOTE_PORT);
}

function buildTcp(packet: TcpSpec, flow: Flow, context: InjectContext): Uint8Array | string {
  const { flags } = packet;
  if ((flags & tcp.SYN) !== 0) flow.injectsSyn(packet.sequence);
  const options: TcpOption[] = [];
  for (const option of packet.options ?? []) {
    const translated = translateOption(option, flow, flags, context.config.timestampEchoScaled);
    if (typeof translated === 'string') return translated;
    options.push(translated);
  }
  const acknowledges = (flags & tcp.ACK) !== 0;
  const ack = packet.ack ?? 0;
  return frameOf(packet, context, {
    tcp: {
      sourcePort: flow.remotePort,
      destinationPort: flow.localPort,
      sequence: flow.remoteToLive(packet.sequence, flags),
      acknowledgment: acknowledges ? flow.localToLive(ack, flags) : ack,
      flags,
      window: packet.window ?? 0,
      urgentPointer: packet.urgent ?? 0,
      options: { raw: encodeOptions(options) },
      payload: patternBytes(packet.sequence, packet.length),
    },
  });
}

function translateOption(option: TcpOption, flow: Flow, flags: number, scaled: boolean): TcpOption | string {
  if (option.kind === 'sack') {
    const blocks = option.blocks.map(
      ([left, right]) => [flow.localToLive(left, flags), flow.localToLive(right, flags)] as const,
    );
    return { kind: 'sack', blocks };
  }
  if (option.kind !== 'TS' || (flags & tcp.ACK) === 0) return option;
  const echo = flow.echoToLive(option.echo, scaled);
  return echo === null
    ? `no packet before carried TS val ${option.echo}, so it cannot be echoed; --tcp_ts_ecr_scaled translates it by distance`
    : { ...option, echo };
}

function frameOf(packet: Packet, context: InjectContext, upper: FrameLayers): Uint8Array {
  const { config, localMac, remoteMac } = context;
  const trafficClass = trafficClassOf(packet.ip);
  const hops = packet.ip?.ttl ?? DEFAULT_TTL;
  const addresses = { source: config.remoteAddress, destination: config.localAddress };
  const ip: FrameLayers =
    config.wireVersion === 4
      ? { ipv4: { ...addresses, trafficClass, timeToLive: hops } }
      : { ipv6: { ...addresses, trafficClass, hopLimit: hops, flowLabel: packet.ip?.flowLabel ?? 0 } };
  return composeFrame({
    ethernet: { source: formatMac(remoteMac), destination: formatMac(localMac) },
    ...ip,
    ...upper,
  });
}

function buildIcmp(packet: IcmpSpec, context: InjectContext): Uint8Array | string {
  const { wireVersion } = context.config;
  const type = icmpTypeNumber(wireVersion, packet.type) ?? 0;
  const code = packet.code === null ? 0 : (icmpCodeNumber(wireVersion, type, packet.code) ?? 0);
  const rest = packet.id !== null ? packet.id * 0x10000 : (packet.mtu ?? 0);
  const body = quotedBytes(packet, context);
  if (typeof body === 'string') return body;
  const message = { type, code, rest, body };
  return frameOf(packet, context, wireVersion === 4 ? { icmp: message } : { icmpv6: message });
}

/** What the message carries: the beginning of a packet that the stack sent, or, for an echo, bytes. */
function quotedBytes(packet: IcmpSpec, context: InjectContext): Uint8Array | string {
  const echoed: EchoedSpec = packet.echoed ?? {
    ...(packet.id === null ? { protocol: 'tcp' as const, sequence: 0 } : { protocol: 'raw' as const }),
    length: 0,
  };
  if (echoed.protocol === 'raw') return patternBytes(0, echoed.length);
  const flow = context.flows.default(echoed.protocol);
  if (flow === null) return `there is no ${echoed.protocol} connection that the message could speak of`;
  const ports = { sourcePort: flow.localPort, destinationPort: flow.remotePort };
  const payload = new Uint8Array(echoed.length);
  const upper: FrameLayers =
    echoed.protocol === 'udp'
      ? { udp: { ...ports, payload } }
      : { tcp: { ...ports, sequence: flow.localToLive(echoed.sequence, 0), payload } };
  const { localAddress, remoteAddress, wireVersion } = context.config;
  const addresses = { source: localAddress, destination: remoteAddress };
  const quoted = composeFrame({ ...(wireVersion === 4 ? { ipv4: addresses } : { ipv6: addresses }), ...upper });
  const header = wireVersion === 4 ? ipv4.MIN_HEADER_BYTES : ipv6.HEADER_BYTES;
  return quoted.slice(ethernet.HEADER_BYTES, ethernet.HEADER_BYTES + header + QUOTED_BYTES);
}
