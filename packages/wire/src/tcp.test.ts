import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { malformed, parseTcpOptions, TcpOptions, tcp, tcpOptionsLength, writeTcpOptions } from './index.ts';

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const uint32 = fc.nat(0xffffffff);
const port = fc.nat(0xffff);

function parse(bytes: readonly number[]): { reason: number; options: TcpOptions } {
  const options = new TcpOptions();
  const reason = parseTcpOptions(viewOf(Uint8Array.from(bytes)), 0, bytes.length, options);
  return { reason, options };
}

describe('segments', () => {
  const optionFields: fc.Arbitrary<tcp.TcpOptionFields> = fc.record(
    {
      mss: fc.integer({ min: 1, max: 0xffff }),
      windowScale: fc.nat(255),
      sackPermitted: fc.constant(true),
      timestamp: fc.record({ value: uint32, echo: uint32 }),
      // MSS, timestamp and window scale leave room for two blocks.
      sack: fc.array(fc.tuple(uint32, uint32), { minLength: 1, maxLength: 2 }),
    },
    { requiredKeys: [] },
  );

  it('round-trip through plain values', () => {
    fc.assert(
      fc.property(
        fc.record({
          sourcePort: port,
          destinationPort: port,
          sequence: uint32,
          acknowledgment: uint32,
          flags: fc.nat(255),
          window: fc.nat(0xffff),
          urgentPointer: fc.nat(0xffff),
          options: optionFields,
          payload: fc.uint8Array({ maxLength: 64 }),
        }),
        (fields) => {
          const bytes = tcp.encode(fields);
          expect(tcp.validateHeader(viewOf(bytes), 0, bytes.length)).toBe(0);
          expect(tcp.decode(viewOf(bytes), 0, bytes.length)).toEqual(fields);
        },
      ),
      { seed: 9, numRuns: 300 },
    );
  });

  it('are written in place, without touching what is around', () => {
    const bytes = new Uint8Array(40).fill(0xee);
    const view = viewOf(bytes);
    expect(tcp.writeHeader(view, 10, 40000, 5201, -2, 0x80000001, 20, tcp.SYN | tcp.ACK, 512)).toBe(20);
    expect(tcp.sequence(view, 10)).toBe(0xfffffffe);
    expect(tcp.acknowledgment(view, 10)).toBe(0x80000001);
    expect(tcp.ports(view, 10) >>> 0).toBe((40000 * 65536 + 5201) >>> 0);
    expect(tcp.headerLength(view, 10)).toBe(20);
    expect(tcp.checksum(view, 10)).toBe(0);
    expect(tcp.urgentPointer(view, 10)).toBe(0);
    expect([...bytes.slice(0, 10), ...bytes.slice(30)].every((byte) => byte === 0xee)).toBe(true);
  });

  it('are refused with the reason', () => {
    const segment = tcp.encode({ payload: new Uint8Array(4) });
    const view = viewOf(segment);
    expect(tcp.validateHeader(view, 0, 19)).toBe(malformed.TRUNCATED);
    segment[12] = 4 << 4;
    expect(tcp.validateHeader(view, 0, 24)).toBe(malformed.BAD_HEADER_LENGTH);
    segment[12] = 7 << 4;
    expect(tcp.validateHeader(view, 0, 24)).toBe(malformed.TRUNCATED);
    expect(tcp.decode(view, 0, 24)).toBeNull();
  });

  it('refuse options that do not fit', () => {
    expect(() => tcp.encode({ options: { raw: new Uint8Array(41) } })).toThrow(RangeError);
    expect(() => tcp.encode({ options: { sack: Array.from({ length: 5 }, () => [0, 1]) } })).toThrow(RangeError);
    expect(tcp.encode({ options: { raw: new Uint8Array(38) } })).toHaveLength(60);
  });
});

describe('parseTcpOptions', () => {
  it('reads the SYN of a Linux host', () => {
    // MSS 1460, SACK permitted, timestamp, NOP, window scale 7.
    const { reason, options } = parse([2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 0, 1, 3, 3, 7]);
    expect(reason).toBe(0);
    expect(options).toMatchObject({
      mss: 1460,
      sackPermitted: true,
      hasTimestamp: true,
      tsVal: 0xdeadbeef,
      tsEcr: 0,
      windowScale: 7,
      sackCount: 0,
    });
  });

  it('reads the usual ACK, timestamps alone, by its short way', () => {
    const { reason, options } = parse([1, 1, 8, 10, 0, 0, 0, 5, 0xff, 0, 0, 1]);
    expect(reason).toBe(0);
    expect(options).toMatchObject({ hasTimestamp: true, tsVal: 5, tsEcr: 0xff000001, mss: 0, windowScale: -1 });
  });

  it('reads up to four SACK blocks', () => {
    const blocks = [1, 2, 3, 4].flatMap((n) => [0x80, 0, 0, n, 0x80, 0, 1, n]);
    const { reason, options } = parse([1, 1, 5, 34, ...blocks]);
    expect(reason).toBe(0);
    expect(options.sackCount).toBe(4);
    expect([...options.sackLeft]).toEqual([0x80000001, 0x80000002, 0x80000003, 0x80000004]);
    expect([...options.sackRight]).toEqual([0x80000101, 0x80000102, 0x80000103, 0x80000104]);
  });

  it('forgets what an earlier segment had', () => {
    const options = new TcpOptions();
    parseTcpOptions(viewOf(Uint8Array.of(2, 4, 5, 0xb4, 3, 3, 9, 4, 2)), 0, 9, options);
    expect(options.windowScale).toBe(9);
    parseTcpOptions(viewOf(new Uint8Array(0)), 0, 0, options);
    expect(options).toMatchObject({ mss: 0, windowScale: -1, sackPermitted: false });
  });

  it.each<[string, number[], number, Partial<TcpOptions>]>([
    ['ends at the end option', [2, 4, 1, 0, 0, 3, 3, 7], 0, { mss: 256, windowScale: -1 }],
    ['passes over an unknown kind', [253, 6, 1, 2, 3, 4, 3, 3, 7, 1], 0, { windowScale: 7 }],
    [
      'passes over a known kind of the wrong length',
      [2, 3, 9, 3, 4, 1, 1, 8, 4, 0, 0],
      0,
      { mss: 0, windowScale: -1, hasTimestamp: false },
    ],
    ['keeps what came before a length of 1', [2, 4, 1, 0, 8, 1, 3, 3], malformed.BAD_OPTION, { mss: 256 }],
    ['keeps what came before a length of 0', [3, 3, 7, 8, 0], malformed.BAD_OPTION, { windowScale: 7 }],
    [
      'keeps what came before an option that runs out of the header',
      [3, 3, 7, 8, 10, 0, 0, 0],
      malformed.BAD_OPTION,
      { windowScale: 7, hasTimestamp: false },
    ],
    ['refuses a kind without a length', [1, 1, 1, 8], malformed.BAD_OPTION, {}],
    ['refuses half a SACK block', [5, 6, 0, 0, 0, 1, 1, 1], 0, { sackCount: 0 }],
    ['refuses a SACK block and a half', [5, 14, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3], 0, { sackCount: 0 }],
    ['keeps an absurd window scale for the receiver to clamp', [3, 3, 200, 0], 0, { windowScale: 200 }],
    ['takes the last of two', [2, 4, 0, 1, 2, 4, 0, 2], 0, { mss: 2 }],
  ])('%s', (_, bytes, reason, expected) => {
    const parsed = parse(bytes);
    expect(parsed.reason).toBe(reason);
    expect(parsed.options).toMatchObject(expected);
  });

  it('never throws, and never reads past the length given', () => {
    const options = new TcpOptions();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        // The view ends where the options end: a read past them would throw.
        const reason = parseTcpOptions(viewOf(bytes), 0, bytes.length, options);
        expect([0, malformed.BAD_OPTION]).toContain(reason);
        expect(options.sackCount).toBeLessThanOrEqual(4);
      }),
      { seed: 10, numRuns: 2000 },
    );
  });
});

describe('writeTcpOptions', () => {
  const anyOptions = fc.record({
    mss: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 0xffff })),
    windowScale: fc.oneof(fc.constant(-1), fc.nat(255)),
    sackPermitted: fc.boolean(),
    hasTimestamp: fc.boolean(),
    sackCount: fc.nat(4),
    numbers: fc.array(uint32, { minLength: 10, maxLength: 10 }),
  });

  it('writes what parseTcpOptions reads, in a multiple of 4 bytes, at most 40, leaving out blocks that do not fit', () => {
    fc.assert(
      fc.property(anyOptions, (fields) => {
        const options = Object.assign(new TcpOptions(), { ...fields, numbers: undefined });
        options.tsVal = fields.hasTimestamp ? fields.numbers[0] : 0;
        options.tsEcr = fields.hasTimestamp ? fields.numbers[1] : 0;
        options.sackLeft.set(fields.numbers.slice(2, 6));
        options.sackRight.set(fields.numbers.slice(6, 10));
        const bytes = new Uint8Array(44).fill(0xee);
        const length = writeTcpOptions(viewOf(bytes), 2, options);
        expect(length % 4).toBe(0);
        expect(length).toBeLessThanOrEqual(40);
        expect(length).toBe(tcpOptionsLength(options));
        expect([bytes[0], bytes[1], ...bytes.slice(2 + length)].every((byte) => byte === 0xee)).toBe(true);
        const read = new TcpOptions();
        expect(parseTcpOptions(viewOf(bytes), 2, length, read)).toBe(0);
        const { mss, windowScale, sackPermitted, hasTimestamp, tsVal, tsEcr } = options;
        expect(read).toMatchObject({ mss, windowScale, sackPermitted, hasTimestamp, tsVal, tsEcr });
        const other = (mss > 0 ? 4 : 0) + (hasTimestamp ? 12 : sackPermitted ? 4 : 0) + (windowScale >= 0 ? 4 : 0);
        expect(read.sackCount).toBe(Math.min(fields.sackCount, Math.floor((36 - other) / 8)));
        const fit = read.sackCount;
        expect(read.sackLeft.slice(0, fit)).toEqual(options.sackLeft.slice(0, fit));
        expect(read.sackRight.slice(0, fit)).toEqual(options.sackRight.slice(0, fit));
      }),
      { seed: 11, numRuns: 500 },
    );
  });

  it('orders a SYN as Linux does', () => {
    const options = new TcpOptions();
    Object.assign(options, { mss: 1460, windowScale: 7, sackPermitted: true, hasTimestamp: true, tsVal: 1, tsEcr: 0 });
    const bytes = new Uint8Array(40);
    expect(writeTcpOptions(viewOf(bytes), 0, options)).toBe(20);
    expect([...bytes.slice(0, 20)]).toEqual([2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7]);
  });
});
