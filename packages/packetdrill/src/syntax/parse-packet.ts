import { icmpCodeName, icmpCodeNumber, icmpTypeName, icmpTypeNumber } from '../icmp-names.ts';
import { parseTcpOptions } from './parse-tcp-option.ts';
import type { Reader } from './reader.ts';
import type { EchoedSpec, IcmpSpec, IpSpec, Packet, PortSpec, TcpSpec, UdpSpec } from './script.ts';
import { flagsOf } from './tcp-flags.ts';
import type { TcpOption } from './tcp-option.ts';

const MAX_U16 = 0xffff;
const MAX_U32 = 0xffffffff;
const TWO_32 = 2 ** 32;
const FLAGS = /[A-Za-z]*\.|[A-Za-z]+|-/y;
const ECN = ['noecn', 'ect0', 'ect1', 'ect01', 'ce'] as const;
const ENCAPSULATIONS: ReadonlySet<string> = new Set(['ipv4', 'ipv6', 'gre', 'GREv0', 'mpls']);

type Direction = 'in' | 'out';

/** Reads a packet from its direction, `<` or `>`, on. `ipVersion` decides which ICMP names there are. */
export function parsePacket(reader: Reader, ipVersion: 4 | 6): Packet {
  const direction: Direction = reader.accept('<') ? 'in' : 'out';
  if (direction === 'out') reader.expect('>');
  const ip = parseIpInfo(reader, direction, ipVersion);
  const word = reader.seeWord();
  if (ENCAPSULATIONS.has(word)) reader.fail(`encapsulation (${word}) is not supported`);
  if (reader.acceptWord('udp')) return parseUdp(reader, direction, ip);
  if (reader.acceptWord('icmp')) return parseIcmp(reader, direction, ip, ipVersion);
  return parseTcp(reader, direction, ip);
}

function parseTcp(reader: Reader, direction: Direction, ip: IpSpec | null): TcpSpec {
  const ports = parsePorts(reader);
  const flags = parseFlags(reader);
  const { sequence, length } = parseSequence(reader);
  const ack = reader.acceptWord('ack') ? reader.unsigned('an acknowledgment number', MAX_U32) : null;
  const windowAt = reader.position();
  const window = reader.acceptWord('win') ? reader.unsigned('a window', MAX_U16) : null;
  if (window === null && direction === 'in') {
    reader.fail("expected 'win': a packet that is injected needs a window", windowAt);
  }
  const urgent = reader.acceptWord('urg') ? reader.unsigned('an urgent pointer', MAX_U16) : null;
  const optionsAt = reader.position();
  const options: readonly TcpOption[] | null = reader.sees('<') ? parseTcpOptions(reader) : [];
  if (options === null && direction === 'in') reader.fail('<...> is for packets that are expected', optionsAt);
  return { protocol: 'tcp', direction, ip, ports, flags, sequence, length, ack, window, urgent, options };
}

function parseFlags(reader: Reader): number {
  const at = reader.position();
  const letters = reader.acceptMatch(FLAGS);
  if (letters === null) return reader.expected('TCP flags');
  return flagsOf(letters) ?? reader.fail(`'${letters}' are no TCP flags: S, F, R, P, U, E, W and '.', or '-'`, at);
}

function parseSequence(reader: Reader): { readonly sequence: number; readonly length: number } {
  const at = reader.position();
  const sequence = reader.unsigned('a sequence number', MAX_U32);
  reader.expect(':');
  const end = reader.unsigned('a sequence number', MAX_U32);
  reader.expect('(');
  const length = reader.unsigned('a length', MAX_U16);
  reader.expect(')');
  if ((sequence + length) % TWO_32 !== end) {
    reader.fail(`${sequence} and ${length} bytes end at ${(sequence + length) % TWO_32}, not at ${end}`, at);
  }
  return { sequence, length };
}

function parsePorts(reader: Reader): PortSpec | null {
  if (!/[0-9]/.test(reader.peek(1))) return null;
  const source = reader.unsigned('a port', MAX_U16);
  reader.expect('>');
  return { source, destination: reader.unsigned('a port', MAX_U16) };
}

function parseUdp(reader: Reader, direction: Direction, ip: IpSpec | null): UdpSpec {
  const ports = parsePorts(reader);
  reader.expect('(');
  const length = reader.unsigned('a length', MAX_U16);
  reader.expect(')');
  return { protocol: 'udp', direction, ip, ports, length };
}

function parseIcmp(reader: Reader, direction: Direction, ip: IpSpec | null, ipVersion: 4 | 6): IcmpSpec {
  const typeAt = reader.position();
  const typeWord = reader.word('an ICMP type');
  const type = icmpTypeNumber(ipVersion, typeWord);
  if (type === null) return reader.fail(`'${typeWord}' is no ICMPv${ipVersion} type`, typeAt);
  const word = reader.seeWord();
  const codeAt = reader.position();
  const codeWord = word === '' || word === 'mtu' || word === 'id' ? 'code_0' : reader.word('an ICMP code');
  const code = icmpCodeNumber(ipVersion, type, codeWord);
  if (code === null) return reader.fail(`'${codeWord}' is no code of ICMPv${ipVersion} ${typeWord}`, codeAt);
  const mtu = reader.acceptWord('mtu') ? reader.unsigned('an MTU', ipVersion === 4 ? MAX_U16 : MAX_U32) : null;
  const id = reader.acceptWord('id') ? reader.unsigned('an identifier', MAX_U16) : null;
  const echoed = reader.accept('[') ? parseEchoed(reader) : null;
  // One name for each number, so that packets can be compared by name.
  const names = { type: icmpTypeName(ipVersion, type), code: icmpCodeName(ipVersion, type, code) };
  return { protocol: 'icmp', direction, ip, ports: null, ...names, mtu, id, echoed };
}

function parseEchoed(reader: Reader): EchoedSpec {
  let echoed: EchoedSpec;
  if (reader.sees('udp') || reader.sees('raw')) {
    const protocol = reader.acceptWord('udp') ? 'udp' : 'raw';
    if (protocol === 'raw' && !reader.acceptWord('raw')) reader.expected("'udp' or 'raw'");
    reader.expect('(');
    echoed = { protocol, length: reader.unsigned('a length', MAX_U16) };
    reader.expect(')');
  } else {
    echoed = { protocol: 'tcp', ...parseSequence(reader) };
  }
  reader.expect(']');
  return echoed;
}

function parseIpInfo(reader: Reader, direction: Direction, ipVersion: 4 | 6): IpSpec | null {
  const close = reader.accept('[') ? ']' : reader.accept('(') ? ')' : null;
  if (close === null) return null;
  let info: IpSpec = {};
  do info = { ...info, ...parseIpField(reader, direction, ipVersion, info) };
  while (reader.accept(','));
  reader.expect(close);
  return info;
}

function parseIpField(reader: Reader, direction: Direction, ipVersion: 4 | 6, seen: IpSpec): IpSpec {
  const at = reader.position();
  const word = reader.word("an ECN name, 'tos', 'ttl' or 'flowlabel'");
  const twice = (): never => reader.fail(`'${word}' contradicts what stands before it`, at);
  const ecn = ECN.find((name) => name === word);
  if (ecn !== undefined) {
    if (ecn === 'ect01' && direction === 'in') reader.fail('ect01 is for packets that are expected', at);
    return seen.ecn === undefined && seen.tos === undefined ? { ecn } : twice();
  }
  if (word === 'tos') {
    const tos = wholeUpTo(reader, 'the TOS byte', 0xff);
    return seen.ecn === undefined && seen.tos === undefined ? { tos } : twice();
  }
  if (word === 'ttl') return seen.ttl === undefined ? { ttl: wholeUpTo(reader, 'the TTL', 0xff) } : twice();
  if (word !== 'flowlabel') return reader.fail(`'${word}' is nothing an IP header has`, at);
  if (ipVersion === 4) reader.fail('an IPv4 header has no flow label', at);
  return seen.flowLabel === undefined ? { flowLabel: wholeUpTo(reader, 'the flow label', 0xfffff) } : twice();
}

function wholeUpTo(reader: Reader, what: string, max: number): number {
  const at = reader.position();
  const number = reader.integer();
  if (number === null) return reader.expected(what);
  if (number.value < 0 || number.value > max) reader.fail(`${what} is out of range: at most ${max}`, at);
  return number.value;
}
