import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checksumView,
  composeFrame,
  Dissection,
  decodeFrame,
  dissect,
  ethernet,
  finishChecksum,
  flowHash,
  icmpv6,
  ipv4,
  ipv6,
  L3_IPV4,
  L3_IPV6,
  L3_OTHER,
  L3_UNKNOWN,
  L4_ICMP,
  L4_OTHER,
  L4_SCTP,
  L4_TCP,
  L4_UDP,
  L4_UNKNOWN,
  MICROSOFT_RSS_KEY,
  parseMac,
  pseudoHeaderSum4,
  pseudoHeaderSum6,
  Toeplitz,
  tcp,
} from './index.ts';

const found = new Dissection();
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function dissected(bytes: Uint8Array): Dissection {
  dissect(viewOf(bytes), 0, bytes.length, found);
  return found;
}

const ip4 = { source: '66.9.149.187', destination: '161.142.100.80' };
const ip6 = { source: '3ffe:2501:200:1fff::7', destination: '3ffe:2501:200:3::1' };
const ports = { sourcePort: 2794, destinationPort: 1766 };
const body = new Uint8Array(100).fill(7);

/** Frames of every shape; the fuzz below starts from them. */
const frames: Record<string, Uint8Array<ArrayBuffer>> = {
  tcp4: composeFrame({ ipv4: ip4, tcp: { ...ports, payload: body, options: { timestamp: { value: 1, echo: 2 } } } }),
  tcp4Options: composeFrame({ ipv4: { ...ip4, options: new Uint8Array(8).fill(1) }, tcp: { ...ports, payload: body } }),
  tcp6: composeFrame({ ipv6: ip6, tcp: { ...ports, payload: body } }),
  udp4: composeFrame({ ipv4: ip4, udp: { ...ports, payload: body } }),
  udp6: composeFrame({ ipv6: ip6, udp: { ...ports, payload: body } }),
  icmp4: composeFrame({ ipv4: ip4, icmp: { body } }),
  icmp6: composeFrame({ ipv6: ip6, icmpv6: { body } }),
  sctp4: composeFrame({ ipv4: { ...ip4, protocol: ipv4.PROTOCOL_SCTP, payload: body } }),
  gre4: composeFrame({ ipv4: { ...ip4, protocol: 47, payload: body } }),
  fragment4: composeFrame({ ipv4: { ...ip4, protocol: 6, flags: ipv4.MORE_FRAGMENTS, payload: body } }),
  extensions6: composeFrame({
    ipv6: {
      ...ip6,
      nextHeader: ipv6.NEXT_DESTINATION_OPTIONS,
      payload: Uint8Array.from([6, 0, 1, 4, 0, 0, 0, 0, ...tcp.encode({ ...ports, payload: body })]),
    },
  }),
  arp: composeFrame({ arp: { senderAddress: '10.0.0.1', targetAddress: '10.0.0.2' } }),
};

describe('dissect', () => {
  it('finds the headers of TCP over IPv4', () => {
    expect(dissected(frames.tcp4)).toMatchObject({
      etherType: ethernet.TYPE_IPV4,
      l3: L3_IPV4,
      l4: L4_TCP,
      l3At: 14,
      l4At: 34,
      payloadAt: 66,
      l4Length: 132,
      l4Protocol: 6,
      fragment: false,
      malformed: false,
    });
    expect(dissected(frames.tcp4Options)).toMatchObject({ l4: L4_TCP, l4At: 42, payloadAt: 62, l4Length: 120 });
  });

  it('does not count Ethernet padding as payload, and works at any offset', () => {
    const short = composeFrame({ ipv4: ip4, tcp: ports });
    const buffer = new Uint8Array(200);
    buffer.set(short, 33);
    dissect(viewOf(buffer), 33, 60, found);
    expect(found).toMatchObject({ l3At: 47, l4At: 67, payloadAt: 87, l4Length: 20, l4: L4_TCP, malformed: false });
  });

  it.each([
    ['tcp6', L3_IPV6, L4_TCP, 54, 74],
    ['udp4', L3_IPV4, L4_UDP, 34, 42],
    ['udp6', L3_IPV6, L4_UDP, 54, 62],
    ['icmp4', L3_IPV4, L4_ICMP, 34, 42],
    ['icmp6', L3_IPV6, L4_ICMP, 54, 62],
    ['sctp4', L3_IPV4, L4_SCTP, 34, 46],
    ['gre4', L3_IPV4, L4_OTHER, 34, 34],
    ['fragment4', L3_IPV4, L4_UNKNOWN, 34, 34],
    ['extensions6', L3_IPV6, L4_TCP, 62, 82],
    ['arp', L3_OTHER, L4_UNKNOWN, 14, 14],
  ])('knows %s', (name, l3, l4, l4At, payloadAt) => {
    expect(dissected(frames[name])).toMatchObject({ l3, l4, l4At, payloadAt, malformed: false });
    expect(found.fragment).toBe(name === 'fragment4');
    expect(found.ipv6ExtAdd).toBe(name === 'extensions6');
  });

  it('takes an ICMP number in the wrong IP version for something else', () => {
    const wrong = composeFrame({ ipv4: { ...ip4, protocol: ipv6.NEXT_ICMPV6, payload: body } });
    expect(dissected(wrong)).toMatchObject({ l4: L4_OTHER, l4Protocol: 58 });
  });

  it('looks behind up to two VLAN tags', () => {
    const tagged = (tags: number[]): Uint8Array => {
      const inner = frames.tcp4;
      return Uint8Array.from([...inner.slice(0, 12), ...tags, ...inner.slice(12)]);
    };
    expect(dissected(tagged([0x81, 0, 0, 5]))).toMatchObject({ vlanTags: 1, l4: L4_TCP, l3At: 18, l4At: 38 });
    expect(dissected(tagged([0x88, 0xa8, 0, 5, 0x81, 0, 0, 6]))).toMatchObject({ vlanTags: 2, l4: L4_TCP, l3At: 22 });
    const three = tagged([0x81, 0, 0, 5, 0x81, 0, 0, 6, 0x81, 0, 0, 7]);
    expect(dissected(three)).toMatchObject({ vlanTags: 2, l3: L3_OTHER, etherType: ethernet.TYPE_VLAN });
    expect(dissected(tagged([0x81, 0, 0, 5]).slice(0, 16))).toMatchObject({ l3: L3_UNKNOWN, malformed: true });
  });

  it.each<[string, number, (bytes: Uint8Array) => Uint8Array]>([
    ['too short for Ethernet', L3_UNKNOWN, (bytes) => bytes.slice(0, 13)],
    ['IPv4 header cut', L3_IPV4, (bytes) => bytes.slice(0, 33)],
    ['IPv4 longer than the frame', L3_IPV4, (bytes) => bytes.slice(0, -1)],
    ['IPv4 of version 5', L3_IPV4, (bytes) => bytes.fill(0x55, 14, 15)],
    ['TCP data offset too small', L3_IPV4, (bytes) => bytes.fill(0x40, 46, 47)],
    ['TCP data offset too large', L3_IPV4, (bytes) => bytes.fill(0xf0, 46, 47) && bytes.fill(60, 17, 18)],
  ])('says that a frame is malformed: %s', (_, l3, change) => {
    expect(dissected(change(frames.tcp4.slice()))).toMatchObject({ l3, l4: L4_UNKNOWN, malformed: true });
  });

  it('never throws and never reads or points outside, for random bytes and for frames with random changes', () => {
    const mutated = fc
      .tuple(
        fc.constantFrom(...Object.values(frames)),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }),
        fc.nat(200),
      )
      .map(([frame, changes, length]) => {
        const bytes = frame.slice(0, length);
        // Most changes go to the headers: that is where they matter.
        for (const [at, value] of changes) if (bytes.length > 0) bytes[at % Math.min(bytes.length, 80)] = value;
        return bytes;
      });
    const toeplitz = new Toeplitz(Uint8Array.from(MICROSOFT_RSS_KEY));
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 100 })), (bytes) => {
        // The view ends with the frame: a read past it would throw.
        const frame = dissected(bytes);
        expect(frame.l3At).toBeLessThanOrEqual(frame.l4At);
        expect(frame.l4At).toBeLessThanOrEqual(frame.payloadAt);
        expect(frame.payloadAt).toBeLessThanOrEqual(frame.l4At + frame.l4Length);
        expect(frame.l4At + frame.l4Length).toBeLessThanOrEqual(bytes.length);
        if (frame.malformed) expect(frame.l4).toBe(L4_UNKNOWN);
        expect(flowHash(toeplitz, bytes, frame)).toBeGreaterThanOrEqual(0);
        decodeFrame(bytes);
      }),
      { seed: 18, numRuns: 5000 },
    );
  });
});

describe('flowHash', () => {
  const toeplitz = new Toeplitz(Uint8Array.from(MICROSOFT_RSS_KEY));
  const hashOf = (bytes: Uint8Array, withPorts = true): number =>
    flowHash(toeplitz, bytes, dissected(bytes), withPorts);

  it('is the published hash of the flow', () => {
    expect(hashOf(frames.tcp4)).toBe(0x51ccc178);
    expect(hashOf(frames.tcp4Options)).toBe(0x51ccc178);
    expect(hashOf(frames.udp4)).toBe(0x51ccc178);
    expect(hashOf(frames.udp4, false)).toBe(0x323e8fc2);
    expect(hashOf(frames.tcp6)).toBe(0x40207d3d);
    expect(hashOf(frames.extensions6)).toBe(0x40207d3d);
  });

  it('is that of the addresses where there are no ports to trust, and 0 without addresses', () => {
    expect(hashOf(frames.fragment4)).toBe(0x323e8fc2);
    expect(hashOf(frames.icmp4)).toBe(0x323e8fc2);
    expect(hashOf(frames.icmp6)).toBe(0x2cc18cd5);
    expect(hashOf(frames.arp)).toBe(0);
    // Cut within the addresses.
    expect(hashOf(frames.tcp4.slice(0, 33))).toBe(0);
  });
});

describe('composeFrame', () => {
  it('makes TCP and UDP checksums that receivers accept', () => {
    for (const name of ['tcp4', 'tcp4Options', 'udp4', 'tcp6', 'udp6']) {
      const view = viewOf(frames[name]);
      const { l3, l3At, l4At, l4Length, l4Protocol } = dissected(frames[name]);
      const pseudo =
        l3 === L3_IPV4
          ? pseudoHeaderSum4(view, l3At + ipv4.SOURCE_AT, l3At + ipv4.DESTINATION_AT, l4Protocol, l4Length)
          : pseudoHeaderSum6(view, l3At + ipv6.SOURCE_AT, l3At + ipv6.DESTINATION_AT, l4Protocol, l4Length);
      expect(finishChecksum(checksumView(view, l4At, l4Length, pseudo)), name).toBe(0);
    }
  });

  it('and decodeFrame are each other’s inverse', () => {
    const layers = {
      ethernet: { destination: '02:00:00:00:00:02', source: '02:00:00:00:00:01' },
      ipv4: ip4,
      tcp: { ...ports, sequence: 0xfffffff0, flags: tcp.SYN, options: { mss: 1460, windowScale: 7 } },
    };
    expect(decodeFrame(composeFrame(layers))).toMatchObject(layers);
    const echo = { ipv6: ip6, icmpv6: { type: icmpv6.ECHO_REPLY, rest: 0x10002, body } };
    expect(decodeFrame(composeFrame(echo))).toMatchObject(echo);
    const request = { arp: { operation: 1, senderMac: '02:00:00:00:00:01', senderAddress: '10.0.0.1' } };
    expect(decodeFrame(composeFrame(request))).toMatchObject(request);
    expect(decodeFrame(composeFrame({ ipv4: ip4, udp: { ...ports, payload: body } }))?.udp?.payload).toEqual(body);
  });

  it('leaves out of decodeFrame what is malformed or a fragment', () => {
    const broken = frames.tcp4.slice();
    broken[24] ^= 1;
    expect(decodeFrame(broken)).not.toHaveProperty('ipv4');
    expect(decodeFrame(frames.fragment4)).not.toHaveProperty('tcp');
    expect(decodeFrame(frames.fragment4)).toHaveProperty('ipv4');
    expect(decodeFrame(new Uint8Array(5))).toBeNull();
  });

  it('writes into frames as the data path does', () => {
    const bytes = new Uint8Array(80);
    const view = viewOf(bytes);
    const me = parseMac('02:00:00:00:00:01')!;
    const you = parseMac('02:00:00:00:00:02')!;
    let at = ethernet.writeHeader(view, 0, you, me, ethernet.TYPE_IPV4);
    at += ipv4.writeHeader(view, at, 40, ipv4.PROTOCOL_TCP, 0x0a000001, 0x0a000002);
    tcp.writeHeader(view, at, 1, 2, 3, 4, 20, tcp.ACK, 5);
    const pseudo = pseudoHeaderSum4(view, 26, 30, ipv4.PROTOCOL_TCP, 20);
    tcp.setChecksum(view, at, finishChecksum(checksumView(view, at, 20, pseudo)));
    const composed = composeFrame({
      ethernet: { destination: '02:00:00:00:00:02', source: '02:00:00:00:00:01' },
      ipv4: { source: '10.0.0.1', destination: '10.0.0.2' },
      tcp: { sourcePort: 1, destinationPort: 2, sequence: 3, acknowledgment: 4, window: 5 },
    });
    expect(bytes.slice(0, 54)).toEqual(composed);
  });
});
