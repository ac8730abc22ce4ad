import fc from 'fast-check';
import type { CodeEvent, Expression, Packet, Script, ScriptEvent, TcpOption } from '../src/index.ts';

const AT = { line: 0, column: 0 };
const u32 = fc.nat(0xffffffff);
const u16 = fc.nat(0xffff);
const ns = fc.integer({ min: 0, max: 3_000_000_000_000 });

const option: fc.Arbitrary<TcpOption> = fc.oneof(
  fc.constantFrom('nop' as const, 'eol' as const, 'sackOK' as const).map((kind) => ({ kind })),
  u16.map((bytes) => ({ kind: 'mss' as const, bytes })),
  fc.nat(255).map((shift) => ({ kind: 'wscale' as const, shift })),
  fc.record({ kind: fc.constant('TS' as const), value: u32, echo: u32 }),
  fc.record({
    kind: fc.constant('sack' as const),
    blocks: fc.array(fc.tuple(u32, u32), { minLength: 1, maxLength: 3 }),
  }),
  fc.constantFrom('', '0123456789abcdef').map((cookie) => ({ kind: 'FO' as const, cookie })),
);

const SIZES = { nop: 1, eol: 1, sackOK: 2, mss: 4, wscale: 3, TS: 10 } as const;

function sizeOf(one: TcpOption): number {
  if (one.kind === 'sack') return 2 + 8 * one.blocks.length;
  if (one.kind === 'FO') return 2 + one.cookie.length / 2;
  return one.kind === 'other' ? 0 : SIZES[one.kind];
}

/** Options that fit a header, padded to its words. */
const options: fc.Arbitrary<readonly TcpOption[]> = fc.array(option, { maxLength: 4 }).map((some) => {
  const fitting: TcpOption[] = [];
  let bytes = 0;
  for (const one of some) {
    if (bytes + sizeOf(one) > 40) continue;
    fitting.push(one);
    bytes += sizeOf(one);
  }
  while (bytes % 4 !== 0) {
    fitting.push({ kind: 'nop' });
    bytes++;
  }
  return fitting;
});

const ports = fc.option(fc.record({ source: u16, destination: u16 }), { nil: null });
const ip = fc.option(
  fc.oneof(
    fc.constantFrom('noecn', 'ect0', 'ect1', 'ce').map((ecn) => ({ ecn }) as const),
    fc.record({ tos: fc.nat(255), ttl: fc.nat(255) }),
  ),
  { nil: null },
);

const packet: fc.Arbitrary<Packet> = fc.oneof(
  fc.record({
    protocol: fc.constant('tcp' as const),
    direction: fc.constantFrom('in' as const, 'out' as const),
    ip,
    ports,
    flags: fc.nat(255),
    sequence: u32,
    length: u16,
    ack: fc.option(u32, { nil: null }),
    window: u16,
    urgent: fc.option(u16, { nil: null }),
    options,
  }),
  fc.record({
    protocol: fc.constant('tcp' as const),
    direction: fc.constant('out' as const),
    ip,
    ports,
    flags: fc.nat(255),
    sequence: u32,
    length: u16,
    ack: fc.constant(null),
    window: fc.constant(null),
    urgent: fc.constant(null),
    options: fc.constant(null),
  }),
  fc.record({
    protocol: fc.constant('udp' as const),
    direction: fc.constantFrom('in' as const, 'out' as const),
    ip,
    ports,
    length: u16,
  }),
  fc.record({
    protocol: fc.constant('icmp' as const),
    direction: fc.constantFrom('in' as const, 'out' as const),
    ip,
    ports: fc.constant(null),
    type: fc.constant('unreachable'),
    code: fc.constantFrom('frag_needed', 'port_unreachable', 'code_77'),
    mtu: fc.option(u16, { nil: null }),
    id: fc.option(u16, { nil: null }),
    echoed: fc.option(
      fc.oneof(
        fc.record({ protocol: fc.constant('tcp' as const), sequence: u32, length: u16 }),
        fc.record({ protocol: fc.constantFrom('udp' as const, 'raw' as const), length: u16 }),
      ),
      { nil: null },
    ),
  }),
);

const leaf: fc.Arbitrary<Expression> = fc.oneof(
  fc.constant({ kind: 'any' as const, at: AT }),
  fc.record({
    kind: fc.constant('integer' as const),
    value: fc.integer(),
    hex: fc.constant(false),
    at: fc.constant(AT),
  }),
  fc.record({ kind: fc.constant('integer' as const), value: u32, hex: fc.constant(true), at: fc.constant(AT) }),
  fc.constantFrom('SOL_SOCKET', 'MSG_PEEK', 'POLLIN').map((name) => ({ kind: 'word' as const, name, at: AT })),
  fc.record({
    kind: fc.constant('string' as const),
    value: fc.string({ unit: 'binary' }),
    open: fc.boolean(),
    at: fc.constant(AT),
  }),
  fc.constant({
    kind: 'call' as const,
    name: 'htons',
    arguments: [{ kind: 'integer' as const, value: 8080, hex: false, at: AT }],
    at: AT,
  }),
);

const { value: expression } = fc.letrec<{ value: Expression; plain: Expression }>((tie) => ({
  plain: leaf,
  value: fc.oneof(
    { depthSize: 'small' },
    leaf,
    fc.array(tie('value'), { maxLength: 3 }).map((items) => ({ kind: 'list' as const, items, at: AT })),
    fc
      .array(
        fc.record({
          name: fc.constantFrom('fd', 'msg_flags', null),
          count: fc.constant(null),
          value: tie('value'),
        }),
        { maxLength: 3 },
      )
      .map((fields) => ({ kind: 'struct' as const, fields, at: AT })),
    fc.constantFrom(['MSG_PEEK', 'MSG_DONTWAIT'], ['O_RDWR', 'O_NONBLOCK']).map((names) => ({
      kind: 'or' as const,
      terms: names.map((name) => ({ kind: 'word' as const, name, at: AT })),
      at: AT,
    })),
  ),
}));

const time = fc.oneof(ns.map((t) => ({ kind: 'after' as const, ns: t })));
const expectedTime = fc.oneof(
  time,
  fc.constant({ kind: 'any' as const }),
  fc.tuple(ns, ns, fc.boolean()).map(([a, b, relative]) => ({
    kind: 'between' as const,
    relative,
    fromNs: Math.min(a, b),
    toNs: Math.max(a, b),
  })),
);

const code: fc.Arbitrary<CodeEvent> = fc.record({
  kind: fc.constant('code' as const),
  at: fc.constant(AT),
  time,
  text: fc.constantFrom('', 'assert tcpi_state == 1', 'assert a < 2, "b"\nassert not c'),
  statements: fc.constant([]),
});

const event: fc.Arbitrary<ScriptEvent> = fc.oneof(
  packet.chain((spec) =>
    fc.record({
      kind: fc.constant('packet' as const),
      at: fc.constant(AT),
      time: spec.direction === 'out' ? expectedTime : time,
      packet: fc.constant(spec),
    }),
  ),
  fc
    .record({
      time,
      extraNs: fc.option(fc.nat(1_000_000_000), { nil: null }),
      argument: expression,
      errno: fc.constantFrom('EAGAIN', null),
      note: fc.constantFrom('flags O_RDWR|O_NONBLOCK', null),
    })
    .map(({ time: start, extraNs, argument, errno, note }) => ({
      kind: 'syscall' as const,
      at: AT,
      time: start,
      endNs: extraNs === null ? null : start.ns + extraNs,
      name: 'close',
      arguments: [argument],
      result: { kind: 'integer' as const, value: errno === null ? 7 : -1, hex: false, at: AT },
      errno,
      note,
    })),
  fc.record({
    kind: fc.constant('command' as const),
    at: fc.constant(AT),
    time,
    text: fc.constantFrom('true', 'sysctl -w a=b'),
  }),
  code,
);

/** Scripts as the parser makes them, but for places and for what code means. */
export const scripts: fc.Arbitrary<Script> = fc.record({
  name: fc.constant('script'),
  options: fc.subarray([
    { key: 'tolerance_usecs', value: '1000', at: AT },
    { key: 'strict_segments', value: null, at: AT },
    { key: 'ip_version', value: 'ipv4', at: AT },
  ]),
  setUp: fc.option(fc.constant({ text: 'sysctl -w x=1', at: AT }), { nil: null }),
  events: fc.array(event, { minLength: 1, maxLength: 5 }),
  cleanUp: fc.option(fc.constant({ text: 'true', at: AT }), { nil: null }),
  lines: fc.constant([]),
});

/** A script without places, source lines and the meaning of code: what printing keeps. */
export function withoutPlaces(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutPlaces);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => key !== 'at' && key !== 'lines' && key !== 'statements');
  return Object.fromEntries(kept.map(([key, inner]) => [key, withoutPlaces(inner)]));
}
