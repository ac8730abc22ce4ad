import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  arp,
  ethernet,
  formatAddress4,
  formatMac,
  icmp,
  icmpv6,
  ipv6,
  malformed,
  ndp,
  parseAddress6,
  parseMac,
  pseudoHeaderSum6,
  udp,
} from './index.ts';

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const mac = fc.uint8Array({ minLength: 6, maxLength: 6 }).map((bytes) => formatMac(bytes));
const address4 = fc.nat(0xffffffff).map(formatAddress4);
const payload = fc.uint8Array({ maxLength: 64 });
const word = fc.nat(0xffff);

describe('ethernet', () => {
  it('round-trips through plain values', () => {
    fc.assert(
      fc.property(fc.record({ destination: mac, source: mac, type: word, payload }), (fields) => {
        const bytes = ethernet.encode(fields);
        expect(ethernet.decode(viewOf(bytes), 0, bytes.length)).toEqual(fields);
      }),
      { seed: 14 },
    );
    expect(() => ethernet.encode({ source: 'me' })).toThrow(TypeError);
  });

  it('tells to whom a frame goes', () => {
    const me = parseMac('02:00:00:00:00:07')!;
    const view = viewOf(ethernet.encode({ destination: '02:00:00:00:00:07', source: '02:00:00:00:00:09' }));
    expect(ethernet.destinationIs(view, 0, me)).toBe(true);
    expect(ethernet.isMulticast(view, 0)).toBe(false);
    for (let i = 0; i < 6; i++) {
      const other = me.slice();
      other[i] ^= 1;
      expect(ethernet.destinationIs(view, 0, other)).toBe(false);
    }
    const sender = new Uint8Array(8);
    ethernet.copySource(view, 0, sender, 1);
    expect([...sender]).toEqual([0, 2, 0, 0, 0, 0, 9, 0]);
    const everybody = viewOf(ethernet.encode({}));
    expect(ethernet.isBroadcast(everybody, 0) && ethernet.isMulticast(everybody, 0)).toBe(true);
    const group = viewOf(ethernet.encode({ destination: '33:33:00:00:00:01' }));
    expect(ethernet.isBroadcast(group, 0)).toBe(false);
    expect(ethernet.isMulticast(group, 0)).toBe(true);
    expect(ethernet.validateHeader(group, 0, 13)).toBe(malformed.TRUNCATED);
  });
});

describe('arp', () => {
  it('round-trips through plain values', () => {
    const fields = fc.record({
      operation: word,
      senderMac: mac,
      senderAddress: address4,
      targetMac: mac,
      targetAddress: address4,
    });
    fc.assert(
      fc.property(fields, (packet) => {
        const bytes = arp.encode(packet);
        expect(arp.decode(viewOf(bytes), 0, bytes.length)).toEqual(packet);
      }),
      { seed: 15 },
    );
    expect(() => arp.encode({ senderMac: 'x' })).toThrow(TypeError);
  });

  it.each([0, 2, 4, 5])('refuses another hardware, protocol or address size (byte %i)', (at) => {
    const bytes = arp.encode({});
    expect(arp.validatePacket(viewOf(bytes), 0, 28)).toBe(0);
    expect(arp.validatePacket(viewOf(bytes), 0, 27)).toBe(malformed.TRUNCATED);
    bytes[at] ^= 0x10;
    expect(arp.validatePacket(viewOf(bytes), 0, 28)).toBe(malformed.UNSUPPORTED);
  });
});

describe('udp', () => {
  it('round-trips through plain values, with padding behind the datagram', () => {
    fc.assert(
      fc.property(fc.record({ sourcePort: word, destinationPort: word, payload }), fc.nat(9), (fields, padding) => {
        const bytes = new Uint8Array([...udp.encode(fields), ...new Uint8Array(padding)]);
        expect(udp.decode(viewOf(bytes), 0, bytes.length)).toEqual(fields);
      }),
      { seed: 16 },
    );
  });

  it('never sends a computed checksum of 0, which would mean none', () => {
    // All words sum to 0xffff, so that the inverted sum is 0.
    const bytes = udp.encode({ sourcePort: 0xffff - 8 - 8, destinationPort: 8 }, 0);
    expect(udp.checksum(viewOf(bytes), 0)).toBe(0xffff);
    expect(udp.checksum(viewOf(udp.encode({})), 0)).toBe(0);
  });

  it('refuses lengths that cannot be', () => {
    const bytes = udp.encode({ payload: new Uint8Array(8) });
    expect(udp.validateHeader(viewOf(bytes), 0, 7)).toBe(malformed.TRUNCATED);
    expect(udp.validateHeader(viewOf(bytes), 0, 15)).toBe(malformed.TRUNCATED);
    bytes[5] = 7;
    expect(udp.validateHeader(viewOf(bytes), 0, 16)).toBe(malformed.BAD_LENGTH);
  });
});

describe('icmp and icmpv6', () => {
  const fields = fc.record({ type: fc.nat(255), code: fc.nat(255), rest: fc.nat(0xffffffff), body: payload });

  it('round-trip through plain values and notice any flipped bit', () => {
    fc.assert(
      fc.property(fields, word, fc.nat(), (message, pseudo, flip) => {
        const four = icmp.encode(message);
        const six = icmpv6.encode(message, pseudo);
        expect(icmp.decode(viewOf(four), 0, four.length)).toEqual(message);
        expect(icmpv6.decode(viewOf(six), 0, six.length, pseudo)).toEqual(message);
        const bit = flip % (four.length * 8);
        four[bit >> 3] ^= 1 << (bit & 7);
        six[bit >> 3] ^= 1 << (bit & 7);
        expect(icmp.validateMessage(viewOf(four), 0, four.length)).toBe(malformed.BAD_CHECKSUM);
        expect(icmpv6.validateMessage(viewOf(six), 0, six.length, pseudo)).toBe(malformed.BAD_CHECKSUM);
      }),
      { seed: 17, numRuns: 200 },
    );
    expect(icmp.validateMessage(viewOf(new Uint8Array(8)), 0, 7)).toBe(malformed.TRUNCATED);
  });

  it('name the fields of an echo and of "too big"', () => {
    const echo = viewOf(icmp.encode({ rest: 0x12340007 }));
    expect([icmp.type(echo, 0), icmp.identifier(echo, 0), icmp.sequence(echo, 0)]).toEqual([8, 0x1234, 7]);
    const needed = icmp.encode({
      type: icmp.DESTINATION_UNREACHABLE,
      code: icmp.CODE_FRAGMENTATION_NEEDED,
      rest: 1400,
    });
    expect(icmp.nextHopMtu(viewOf(needed), 0)).toBe(1400);
    const big = icmpv6.encode({ type: icmpv6.PACKET_TOO_BIG, rest: 70_000 }, 0);
    expect(icmpv6.nextHopMtu(viewOf(big), 0)).toBe(70_000);
  });
});

describe('ndp', () => {
  const target = parseAddress6('fd00::2')!;
  const me = parseMac('02:00:00:00:00:07')!;
  const bytes = new Uint8Array(120);
  const view = viewOf(bytes);
  bytes.set(parseAddress6('fe80::1')!, 0);
  bytes.set(parseAddress6('ff02::1')!, 16);
  const pseudo = (length: number): number => pseudoHeaderSum6(view, 0, 16, ipv6.NEXT_ICMPV6, length);
  const at = 40;

  it('asks and answers with link-layer addresses', () => {
    expect(ndp.writeNeighbourSolicitation(view, at, target, me, pseudo(32))).toBe(32);
    expect(icmpv6.validateMessage(view, at, 32, pseudo(32))).toBe(0);
    expect(ndp.validateMessage(view, at, 32, 255)).toBe(0);
    expect(ipv6.addressEquals(view, at + ndp.TARGET_AT, target)).toBe(true);
    const found = ndp.linkLayerAddressAt(view, at, 32, ndp.OPTION_SOURCE_LINK_LAYER);
    expect(formatMac(bytes, found)).toBe('02:00:00:00:00:07');
    expect(ndp.linkLayerAddressAt(view, at, 32, ndp.OPTION_TARGET_LINK_LAYER)).toBe(0);

    const bits = ndp.FLAG_SOLICITED | ndp.FLAG_OVERRIDE;
    expect(ndp.writeNeighbourAdvertisement(view, at, target, me, bits, pseudo(32))).toBe(32);
    expect(icmpv6.validateMessage(view, at, 32, pseudo(32))).toBe(0);
    expect(ndp.flags(view, at)).toBe(bits);
    expect(ndp.linkLayerAddressAt(view, at, 32, ndp.OPTION_TARGET_LINK_LAYER)).toBe(at + 26);
  });

  it('looks for duplicates without a link-layer address, and for routers', () => {
    expect(ndp.writeNeighbourSolicitation(view, at, target, null, pseudo(24))).toBe(24);
    expect(icmpv6.validateMessage(view, at, 24, pseudo(24))).toBe(0);
    expect(ndp.linkLayerAddressAt(view, at, 24, ndp.OPTION_SOURCE_LINK_LAYER)).toBe(0);
    expect(ndp.writeRouterSolicitation(view, at, me, pseudo(16))).toBe(16);
    expect(ndp.validateMessage(view, at, 16, 255)).toBe(0);
    expect(ndp.linkLayerAddressAt(view, at, 16, ndp.OPTION_SOURCE_LINK_LAYER)).toBe(at + 10);
    expect(ndp.writeRouterSolicitation(view, at, null, pseudo(8))).toBe(8);
    expect(icmpv6.validateMessage(view, at, 8, pseudo(8))).toBe(0);
  });

  it('refuses what RFC 4861 says to drop', () => {
    ndp.writeNeighbourSolicitation(view, at, target, me, pseudo(32));
    expect(ndp.validateMessage(view, at, 32, 254)).toBe(malformed.BAD_FIELD);
    expect(ndp.validateMessage(view, at, 23, 255)).toBe(malformed.TRUNCATED);
    expect(ndp.validateMessage(view, at, 31, 255)).toBe(malformed.BAD_OPTION);
    expect(ndp.validateMessage(view, at, 25, 255)).toBe(malformed.BAD_OPTION);
    bytes[at + 25] = 0;
    expect(ndp.validateMessage(view, at, 32, 255)).toBe(malformed.BAD_OPTION);
    expect(ndp.linkLayerAddressAt(view, at, 32, ndp.OPTION_TARGET_LINK_LAYER)).toBe(0);
    bytes[at + 1] = 1;
    expect(ndp.validateMessage(view, at, 32, 255)).toBe(malformed.BAD_FIELD);
    ndp.writeNeighbourSolicitation(view, at, parseAddress6('ff02::5')!, me, pseudo(32));
    expect(ndp.validateMessage(view, at, 32, 255)).toBe(malformed.BAD_FIELD);
    icmpv6.writeHeader(view, at, icmpv6.ECHO_REQUEST, 0, 0, 8, pseudo(8));
    expect(ndp.validateMessage(view, at, 8, 255)).toBe(malformed.UNSUPPORTED);
  });
});
