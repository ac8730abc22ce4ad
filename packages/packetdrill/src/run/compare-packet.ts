import type { IpSpec, Packet } from '../syntax/script.ts';
import type { TcpOption } from '../syntax/tcp-option.ts';
import type { ActualPacket } from './actual-packet.ts';

const ECN_BITS = 3;

/** How much a timestamp value may be off, in ticks; null: values are not compared. */
export type StampTolerance = number | null;

/** The parts of a packet that are not as expected, by the keys of its line; empty when it is the one. Its time is for the caller. */
export function comparePacket(expected: Packet, actual: ActualPacket, stamps: StampTolerance): Set<string> {
  const differing = new Set<string>();
  const { packet } = actual;
  const check = (key: string, same: boolean): void => {
    if (!same) differing.add(key);
  };
  check('protocol', expected.protocol === packet.protocol);
  check('problems', actual.problems.length === 0);
  if (expected.protocol !== packet.protocol) return differing;
  check('ports', actual.rightFlow);
  check('ip', expected.ip === null || sameIp(expected.ip, packet.ip ?? {}));
  if (expected.protocol === 'tcp' && packet.protocol === 'tcp') {
    check('flags', expected.flags === packet.flags);
    check('seq', expected.sequence === packet.sequence && expected.length === packet.length);
    check('ack', (expected.ack ?? 0) === (packet.ack ?? 0));
    check('win', expected.window === null || expected.window === packet.window);
    check('urg', (expected.urgent ?? 0) === (packet.urgent ?? 0));
    compareOptions(expected.options, packet.options ?? [], stamps, differing);
  } else if (expected.protocol === 'udp' && packet.protocol === 'udp') {
    check('length', expected.length === packet.length);
  } else if (expected.protocol === 'icmp' && packet.protocol === 'icmp') {
    check('type', expected.type === packet.type);
    check('code', expected.code === packet.code);
    check('mtu', expected.mtu === null || expected.mtu === packet.mtu);
    check('id', expected.id === null || expected.id === packet.id);
    check('echoed', expected.echoed === null || sameEchoed(expected.echoed, packet.echoed));
  }
  return differing;
}

function sameIp(expected: IpSpec, actual: IpSpec): boolean {
  const { ecn } = expected;
  if (ecn === 'ect01' ? actual.ecn !== 'ect0' && actual.ecn !== 'ect1' : ecn !== undefined && ecn !== actual.ecn) {
    return false;
  }
  return (
    (expected.tos === undefined || expected.tos === actual.tos) &&
    (expected.ttl === undefined || expected.ttl === actual.ttl) &&
    (expected.flowLabel === undefined || expected.flowLabel === actual.flowLabel)
  );
}

type Echoed = (Packet & { readonly protocol: 'icmp' })['echoed'];

function sameEchoed(expected: NonNullable<Echoed>, actual: Echoed): boolean {
  if (actual === null || expected.protocol !== actual.protocol || expected.length !== actual.length) return false;
  return expected.protocol !== 'tcp' || actual.protocol !== 'tcp' || expected.sequence === actual.sequence;
}

function compareOptions(
  expected: readonly TcpOption[] | null,
  actual: readonly TcpOption[],
  stamps: StampTolerance,
  differing: Set<string>,
): void {
  if (expected === null) return;
  actual.forEach((option, i) => {
    const wanted = expected[i];
    if (wanted === undefined || !sameOption(wanted, option, stamps)) differing.add(`option ${i}`);
  });
  if (expected.length > actual.length) differing.add('options end');
}

function sameOption(expected: TcpOption, actual: TcpOption, stamps: StampTolerance): boolean {
  if (expected.kind === 'TS' && actual.kind === 'TS') {
    const off = Math.abs((actual.value - expected.value) | 0);
    return expected.echo === actual.echo && (stamps === null || off <= stamps);
  }
  if (expected.kind === 'sack' && actual.kind === 'sack') {
    return (
      expected.blocks.length === actual.blocks.length &&
      expected.blocks.every(([left, right], i) => left === actual.blocks[i]?.[0] && right === actual.blocks[i]?.[1])
    );
  }
  if (expected.kind === 'mss' && actual.kind === 'mss') return expected.bytes === actual.bytes;
  if (expected.kind === 'wscale' && actual.kind === 'wscale') return expected.shift === actual.shift;
  if (expected.kind === 'FO' && actual.kind === 'FO') return expected.cookie === actual.cookie;
  return expected.kind === actual.kind && expected.kind !== 'other';
}

/** The IP fields that `expected` speaks of, for showing the actual ones. */
export function namedIpFields(ip: IpSpec | null): readonly (keyof IpSpec)[] {
  if (ip === null) return [];
  return (['ecn', 'tos', 'ttl', 'flowLabel'] as const).filter((field) => ip[field] !== undefined);
}

/** The traffic class byte that an IP spec asks for. */
export function trafficClassOf(ip: IpSpec | null): number {
  const bits = { noecn: 0, ect1: 1, ect0: 2, ect01: 2, ce: ECN_BITS };
  return ip?.tos ?? (ip?.ecn === undefined ? 0 : bits[ip.ecn]);
}
