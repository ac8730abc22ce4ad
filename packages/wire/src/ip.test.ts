import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAddress4, formatAddress6, ipv4, ipv6, malformed } from './index.ts';

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const address4 = fc.nat(0xffffffff).map(formatAddress4);
const address6 = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => formatAddress6(bytes));
const payload = fc.uint8Array({ maxLength: 64 });

describe('ipv4', () => {
  const fields = fc.record({
    source: address4,
    destination: address4,
    protocol: fc.nat(255),
    timeToLive: fc.nat(255),
    identification: fc.nat(0xffff),
    flags: fc.constantFrom(0, ipv4.DONT_FRAGMENT, ipv4.MORE_FRAGMENTS),
    fragmentOffset: fc.nat(0x1fff).map((units) => units * 8),
    trafficClass: fc.nat(255),
    options: fc.nat(10).chain((words) => fc.uint8Array({ minLength: 4 * words, maxLength: 4 * words })),
    payload,
  });

  it('round-trips through plain values, with options and padding behind the packet', () => {
    fc.assert(
      fc.property(fields, fc.nat(20), (packet, padding) => {
        const bytes = new Uint8Array([...ipv4.encode(packet), ...new Uint8Array(padding)]);
        expect(ipv4.validateHeader(viewOf(bytes), 0, bytes.length)).toBe(0);
        expect(ipv4.decode(viewOf(bytes), 0, bytes.length)).toEqual(packet);
        expect(ipv4.isFragment(viewOf(bytes), 0)).toBe(
          packet.flags === ipv4.MORE_FRAGMENTS || packet.fragmentOffset > 0,
        );
      }),
      { seed: 12, numRuns: 300 },
    );
  });

  it('makes a known checksum', () => {
    const known = Uint8Array.of(
      0x45,
      0,
      0,
      0x73,
      0,
      0,
      0x40,
      0,
      0x40,
      0x11,
      0xb8,
      0x61,
      0xc0,
      0xa8,
      0,
      1,
      0xc0,
      0xa8,
      0,
      0xc7,
    );
    expect(ipv4.headerChecksum(viewOf(known), 0)).toBe(0xb861);
    expect(ipv4.isHeaderIntact(viewOf(known), 0)).toBe(true);
    expect(ipv4.validateHeader(viewOf(known), 0, 0x73)).toBe(0);
    const written = new Uint8Array(20);
    ipv4.writeHeader(viewOf(written), 0, 0x73, 17, 0xc0a80001, 0xc0a800c7);
    expect(written).toEqual(known);
  });

  it('takes either zero for a checksum of zero, as ip_fast_csum does, and no other', () => {
    const bytes = ipv4.encode({ source: '10.0.0.1', destination: '10.0.0.2', payload: new Uint8Array(0) });
    const view = viewOf(bytes);
    // Makes the rest of the header add up to ones-complement zero.
    view.setUint16(4, (view.getUint16(4) + ipv4.checksum(view, 0)) % 0xffff);
    const verdicts = [0, 0xffff, 1].map((checksum) => {
      view.setUint16(10, checksum);
      return ipv4.isHeaderIntact(view, 0);
    });
    expect(verdicts).toEqual([true, true, false]);
  });

  it('refuses with the reason, in the order of ip_rcv_core', () => {
    const reasonOf = (change: (bytes: Uint8Array) => void, length = 40): number => {
      const bytes = ipv4.encode({ source: '10.0.0.1', destination: '10.0.0.2', payload: new Uint8Array(20) });
      change(bytes);
      return ipv4.validateHeader(viewOf(bytes), 0, length);
    };
    expect(reasonOf(() => {})).toBe(0);
    expect(reasonOf(() => {}, 19)).toBe(malformed.TRUNCATED);
    expect(reasonOf((bytes) => bytes.fill(0x65, 0, 1))).toBe(malformed.BAD_VERSION);
    expect(reasonOf((bytes) => bytes.fill(0x44, 0, 1))).toBe(malformed.BAD_HEADER_LENGTH);
    expect(reasonOf((bytes) => bytes.fill(0x4f, 0, 1))).toBe(malformed.TRUNCATED);
    expect(reasonOf((bytes) => bytes.fill(19, 3, 4))).toBe(malformed.BAD_LENGTH);
    expect(reasonOf((bytes) => bytes.fill(41, 3, 4))).toBe(malformed.TRUNCATED);
    expect(reasonOf((bytes) => bytes.fill(9, 8, 9))).toBe(malformed.BAD_CHECKSUM);
    expect(malformed.name(malformed.BAD_CHECKSUM)).toBe('bad checksum');
    expect(malformed.name(-99)).toBe('unknown reason -99');
  });

  it('keeps the checksum right when the length is rewritten', () => {
    const bytes = ipv4.encode({ source: '10.0.0.1', destination: '10.0.0.2', payload: new Uint8Array(20) });
    ipv4.setTotalLength(viewOf(bytes), 0, 30);
    expect(ipv4.validateHeader(viewOf(bytes), 0, 40)).toBe(0);
    expect(ipv4.totalLength(viewOf(bytes), 0)).toBe(30);
  });

  it('refuses to encode nonsense', () => {
    expect(() => ipv4.encode({ source: 'here' })).toThrow(TypeError);
    expect(() => ipv4.encode({ options: new Uint8Array(3) })).toThrow(RangeError);
    expect(() => ipv4.encode({ options: new Uint8Array(44) })).toThrow(RangeError);
  });
});

describe('ipv6', () => {
  const walk = new ipv6.ExtensionWalk();
  const header = (kind: number, next: number, words = 0): number[] =>
    [next, words, ...new Array(6 + 8 * words).fill(0), kind].slice(0, 8 + 8 * words);
  const packet = (first: number, ...extensions: number[][]): Uint8Array =>
    ipv6.encode({ nextHeader: first, payload: Uint8Array.from([...extensions.flat(), 0xaa, 0xbb]) });
  const walked = (bytes: Uint8Array): number => ipv6.walkExtensions(viewOf(bytes), 0, bytes.length, walk);

  it('round-trips through plain values', () => {
    const fields = fc.record({
      source: address6,
      destination: address6,
      nextHeader: fc.nat(255),
      hopLimit: fc.nat(255),
      trafficClass: fc.nat(255),
      flowLabel: fc.nat(0xfffff),
      payload,
    });
    fc.assert(
      fc.property(fields, (plain) => {
        const bytes = ipv6.encode(plain);
        expect(ipv6.decode(viewOf(bytes), 0, bytes.length)).toEqual(plain);
      }),
      { seed: 13, numRuns: 200 },
    );
  });

  it('refuses with the reason', () => {
    const bytes = packet(ipv6.NEXT_TCP);
    expect(ipv6.validateHeader(viewOf(bytes), 0, 39)).toBe(malformed.TRUNCATED);
    expect(ipv6.validateHeader(viewOf(bytes), 0, 41)).toBe(malformed.TRUNCATED);
    bytes[0] = 0x45;
    expect(ipv6.validateHeader(viewOf(bytes), 0, 42)).toBe(malformed.BAD_VERSION);
    expect(() => ipv6.encode({ source: '10.0.0.1' })).toThrow(TypeError);
  });

  it('skips extension headers of every kind and size', () => {
    const bytes = packet(
      ipv6.NEXT_HOP_BY_HOP,
      header(0, ipv6.NEXT_ROUTING, 2),
      header(0, ipv6.NEXT_AUTHENTICATION, 0),
      // An authentication header of 4 words, length field 4: 24 bytes.
      [ipv6.NEXT_DESTINATION_OPTIONS, 4, ...new Array(22).fill(0)],
      header(0, ipv6.NEXT_TCP, 0),
    );
    expect(walked(bytes)).toBe(0);
    expect(walk).toMatchObject({ nextHeader: ipv6.NEXT_TCP, headerAt: 40 + 24 + 8 + 24 + 8, count: 4 });
    expect(walk).toMatchObject({ fragment: false, routingOrDestination: true });
  });

  it('stops at what is not an extension, at once if need be', () => {
    expect(walked(packet(ipv6.NEXT_UDP))).toBe(0);
    expect(walk).toMatchObject({ nextHeader: ipv6.NEXT_UDP, headerAt: 40, count: 0, routingOrDestination: false });
    expect(walked(packet(ipv6.NEXT_HOP_BY_HOP, header(0, ipv6.NEXT_ENCRYPTED)))).toBe(0);
    expect(walk).toMatchObject({ nextHeader: ipv6.NEXT_ENCRYPTED, headerAt: 48 });
    expect(walked(packet(ipv6.NEXT_NONE))).toBe(0);
  });

  it('tells fragments: the first one, later ones, and the atomic one that is none', () => {
    expect(walked(packet(ipv6.NEXT_FRAGMENT, [ipv6.NEXT_TCP, 0, 0, 1, 0, 0, 0, 9]))).toBe(0);
    expect(walk).toMatchObject({ fragment: true, fragmentOffset: 0, moreFragments: true, nextHeader: ipv6.NEXT_TCP });
    // Behind a later fragment's header is payload, though it be called an extension header.
    expect(walked(packet(ipv6.NEXT_FRAGMENT, [ipv6.NEXT_ROUTING, 0, 0x05, 0xa8, 0, 0, 0, 9]))).toBe(0);
    expect(walk).toMatchObject({ fragment: true, fragmentOffset: 1448, moreFragments: false, headerAt: 48 });
    expect(walked(packet(ipv6.NEXT_FRAGMENT, [ipv6.NEXT_TCP, 0, 0, 0, 0, 0, 0, 9]))).toBe(0);
    expect(walk).toMatchObject({ fragment: false, nextHeader: ipv6.NEXT_TCP, headerAt: 48 });
  });

  it('refuses a header that runs out of the packet, and a chain without end', () => {
    // The view ends with the packet: a read past it would throw.
    for (const kind of [ipv6.NEXT_HOP_BY_HOP, ipv6.NEXT_FRAGMENT, ipv6.NEXT_AUTHENTICATION]) {
      for (let rest = 0; rest < 8; rest++) {
        expect(walked(ipv6.encode({ nextHeader: kind, payload: new Uint8Array(rest) }))).toBe(malformed.TRUNCATED);
      }
    }
    expect(walked(packet(ipv6.NEXT_HOP_BY_HOP, [ipv6.NEXT_TCP, 1, 0, 0, 0, 0, 0, 0]))).toBe(malformed.TRUNCATED);
    const eight = new Array(ipv6.MAX_EXTENSION_HEADERS).fill(header(0, ipv6.NEXT_ROUTING));
    expect(walked(packet(ipv6.NEXT_ROUTING, ...eight, header(0, ipv6.NEXT_TCP)))).toBe(malformed.TOO_DEEP);
    eight[eight.length - 1] = header(0, ipv6.NEXT_TCP);
    expect(walked(packet(ipv6.NEXT_ROUTING, ...eight))).toBe(0);
  });

  it('names the groups that neighbour discovery uses', () => {
    const address = Uint8Array.of(0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x11, 0x22, 0x33, 0x44);
    const group = ipv6.solicitedNodeAddress(address);
    expect(formatAddress6(group)).toBe('ff02::1:ff22:3344');
    expect([...ipv6.multicastMac(group)]).toEqual([0x33, 0x33, 0xff, 0x22, 0x33, 0x44]);
    expect(ipv6.isMulticast(viewOf(group), 0)).toBe(true);
  });
});
