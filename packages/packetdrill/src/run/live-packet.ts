import {
  checksumView,
  ethernet,
  formatAddress4,
  formatAddress6,
  icmp,
  ipv4,
  ipv6,
  malformed,
  pseudoHeaderSum4,
  pseudoHeaderSum6,
  tcp,
  udp,
} from '@netmem/wire';
import type { TcpOption } from '../syntax/tcp-option.ts';
import type { TransmittedFrame } from './host.ts';
import { decodeOptions } from './tcp-option-bytes.ts';

/** ICMPv6 of neighbour discovery and multicast membership: the business of the interface, not of a script. */
const INTERFACE_ICMPV6: ReadonlySet<number> = new Set([130, 131, 132, 133, 134, 135, 136, 137, 143]);
const ONES = 0xffff;
const RESERVED_BITS = 0x0f;

/** A segment as it was on the wire. */
export interface LiveTcp {
  readonly protocol: 'tcp';
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence: number;
  readonly acknowledgment: number;
  readonly flags: number;
  readonly window: number;
  readonly urgent: number;
  readonly options: readonly TcpOption[];
  readonly payload: Uint8Array;
}

/** A datagram as it was on the wire. */
export interface LiveUdp {
  readonly protocol: 'udp';
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payload: Uint8Array;
}

/** An ICMP message as it was on the wire. */
export interface LiveIcmp {
  readonly protocol: 'icmp';
  readonly type: number;
  readonly code: number;
  /** The four bytes behind the checksum. */
  readonly rest: number;
  readonly body: Uint8Array;
}

/** A packet that the stack sent. */
export interface LivePacket {
  /** Script time. */
  readonly timeNs: number;
  readonly source: string;
  readonly destination: string;
  readonly trafficClass: number;
  readonly ttl: number;
  /** 0 in IPv4. */
  readonly flowLabel: number;
  readonly upper: LiveTcp | LiveUdp | LiveIcmp;
  /** What no packet may have, whatever the script says: wrong checksums and lengths. */
  readonly problems: readonly string[];
}

interface Ip {
  readonly version: 4 | 6;
  readonly source: string;
  readonly destination: string;
  readonly trafficClass: number;
  readonly ttl: number;
  readonly flowLabel: number;
  readonly protocol: number;
  readonly upperAt: number;
  readonly upperLength: number;
  readonly pseudoSum: number;
  readonly problems: string[];
  /** Whether there is anything behind the IP header to look at. */
  readonly readable: boolean;
}

function brokenIp(version: 4 | 6, reason: number): Ip {
  const problems = [`IP: ${malformed.name(reason)}`];
  const zeros = { trafficClass: 0, ttl: 0, flowLabel: 0, protocol: 0, upperAt: 0, upperLength: 0, pseudoSum: 0 };
  return { version, source: '', destination: '', ...zeros, problems, readable: false };
}

/** What stands for a packet whose header cannot be read: its problems tell. */
const UNREADABLE: LiveTcp = {
  protocol: 'tcp',
  sourcePort: 0,
  destinationPort: 0,
  sequence: 0,
  acknowledgment: 0,
  flags: 0,
  window: 0,
  urgent: 0,
  options: [],
  payload: new Uint8Array(0),
};

/** Takes a frame apart. Null when it is none of TCP, UDP and ICMP, or the interface's own traffic: scripts do not see those. */
export function decodeLive(frame: TransmittedFrame, startNs: number): LivePacket | null {
  const { bytes } = frame;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < ethernet.HEADER_BYTES) return null;
  const type = ethernet.type(view, 0);
  const at = ethernet.HEADER_BYTES;
  let ip: Ip;
  if (type === ethernet.TYPE_IPV4) ip = readIpv4(view, at, bytes.length - at);
  else if (type === ethernet.TYPE_IPV6) ip = readIpv6(view, bytes, at, bytes.length - at);
  else return null;
  const upper = ip.readable ? readUpper(view, bytes, ip) : UNREADABLE;
  if (upper === null) return null;
  const { source, destination, trafficClass, ttl, flowLabel, problems } = ip;
  return { timeNs: frame.timeNs - startNs, source, destination, trafficClass, ttl, flowLabel, upper, problems };
}

function readIpv4(view: DataView, at: number, length: number): Ip {
  const broken = ipv4.validateLengths(view, at, length);
  if (broken < 0) return brokenIp(4, broken);
  const problems: string[] = [];
  const reason = ipv4.validateHeader(view, at, length);
  if (reason < 0) problems.push(`IP: ${malformed.name(reason)}`);
  if (ipv4.isFragment(view, at)) problems.push('IP: a fragment');
  const header = ipv4.headerLength(view, at);
  const upperLength = ipv4.totalLength(view, at) - header;
  const protocol = ipv4.protocol(view, at);
  return {
    version: 4,
    source: formatAddress4(ipv4.source(view, at)),
    destination: formatAddress4(ipv4.destination(view, at)),
    trafficClass: ipv4.trafficClass(view, at),
    ttl: ipv4.timeToLive(view, at),
    flowLabel: 0,
    protocol,
    upperAt: at + header,
    upperLength,
    pseudoSum: pseudoHeaderSum4(view, at + ipv4.SOURCE_AT, at + ipv4.DESTINATION_AT, protocol, upperLength),
    problems,
    readable: true,
  };
}

function readIpv6(view: DataView, bytes: Uint8Array, at: number, length: number): Ip {
  const broken = ipv6.validateHeader(view, at, length);
  if (broken < 0) return brokenIp(6, broken);
  const upperLength = ipv6.payloadLength(view, at);
  const protocol = ipv6.nextHeader(view, at);
  return {
    version: 6,
    source: formatAddress6(bytes, at + ipv6.SOURCE_AT),
    destination: formatAddress6(bytes, at + ipv6.DESTINATION_AT),
    trafficClass: ipv6.trafficClass(view, at),
    ttl: ipv6.hopLimit(view, at),
    flowLabel: ipv6.flowLabel(view, at),
    protocol,
    upperAt: at + ipv6.HEADER_BYTES,
    upperLength,
    pseudoSum: pseudoHeaderSum6(view, at + ipv6.SOURCE_AT, at + ipv6.DESTINATION_AT, protocol, upperLength),
    problems: [],
    readable: true,
  };
}

function readUpper(view: DataView, bytes: Uint8Array, ip: Ip): LivePacket['upper'] | null {
  const { version, protocol } = ip;
  if (protocol === ipv4.PROTOCOL_TCP) return readTcp(view, bytes, ip);
  if (protocol === ipv4.PROTOCOL_UDP) return readUdp(view, bytes, ip);
  if (protocol === (version === 4 ? ipv4.PROTOCOL_ICMP : ipv6.NEXT_ICMPV6)) return readIcmp(view, bytes, ip);
  return null;
}

function unreadable(ip: Ip, what: string, reason: number): LiveTcp {
  ip.problems.push(`${what}: ${malformed.name(reason)}`);
  return UNREADABLE;
}

function readTcp(view: DataView, bytes: Uint8Array, ip: Ip): LiveTcp {
  const { upperAt: at, upperLength } = ip;
  const broken = tcp.validateHeader(view, at, upperLength);
  if (broken < 0) return unreadable(ip, 'TCP', broken);
  if (checksumView(view, at, upperLength, ip.pseudoSum) !== ONES) ip.problems.push('TCP: bad checksum');
  if ((view.getUint8(at + tcp.DATA_OFFSET_AT) & RESERVED_BITS) !== 0) ip.problems.push('TCP: reserved bits are set');
  const header = tcp.headerLength(view, at);
  return {
    protocol: 'tcp',
    sourcePort: tcp.sourcePort(view, at),
    destinationPort: tcp.destinationPort(view, at),
    sequence: tcp.sequence(view, at),
    acknowledgment: tcp.acknowledgment(view, at),
    flags: tcp.flags(view, at),
    window: tcp.window(view, at),
    urgent: tcp.urgentPointer(view, at),
    options: decodeOptions(view, at + tcp.MIN_HEADER_BYTES, header - tcp.MIN_HEADER_BYTES),
    payload: bytes.slice(at + header, at + upperLength),
  };
}

function readUdp(view: DataView, bytes: Uint8Array, ip: Ip): LiveUdp | LiveTcp {
  const { upperAt: at, upperLength } = ip;
  const broken = udp.validateHeader(view, at, upperLength);
  if (broken < 0) return unreadable(ip, 'UDP', broken);
  const unchecked = udp.checksum(view, at) === 0;
  if (unchecked && ip.version === 6) ip.problems.push('UDP: no checksum');
  if (!unchecked && checksumView(view, at, upperLength, ip.pseudoSum) !== ONES) ip.problems.push('UDP: bad checksum');
  if (udp.length(view, at) !== upperLength) ip.problems.push('UDP: bad length');
  return {
    protocol: 'udp',
    sourcePort: udp.sourcePort(view, at),
    destinationPort: udp.destinationPort(view, at),
    payload: bytes.slice(at + udp.HEADER_BYTES, at + upperLength),
  };
}

function readIcmp(view: DataView, bytes: Uint8Array, ip: Ip): LiveIcmp | LiveTcp | null {
  const { upperAt: at, upperLength, version } = ip;
  if (upperLength < icmp.HEADER_BYTES) return unreadable(ip, 'ICMP', malformed.TRUNCATED);
  const type = icmp.type(view, at);
  if (version === 6 && INTERFACE_ICMPV6.has(type)) return null;
  const sum = checksumView(view, at, upperLength, version === 6 ? ip.pseudoSum : 0);
  if (sum !== ONES) ip.problems.push('ICMP: bad checksum');
  return {
    protocol: 'icmp',
    type,
    code: icmp.code(view, at),
    rest: view.getUint32(at + icmp.REST_AT),
    body: bytes.slice(at + icmp.HEADER_BYTES, at + upperLength),
  };
}
