import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PCAP_BIG, PCAP_NANO, PCAPNG_BIG, PCAPNG_LITTLE } from '../test/fixtures.ts';
import { ReferenceEncoder } from '../test/reference-encoder.ts';
import {
  type CapturedPacket,
  CaptureError,
  DIRECTION_INBOUND,
  DIRECTION_OUTBOUND,
  DIRECTION_UNKNOWN,
  openCapture,
  readCapture,
} from './index.ts';

/** What a packet is, without its interface. */
function plain(packet: CapturedPacket): object {
  const { interface: from, data, ...rest } = packet;
  return { from: from.id, data: [...data], ...rest };
}

function errorOf(bytes: readonly number[] | Uint8Array): CaptureError | null {
  return readCapture(Uint8Array.from(bytes)).error;
}

describe('a little-endian pcapng file', () => {
  it('is read field by field', () => {
    const reader = openCapture(PCAPNG_LITTLE);
    expect([reader.format, reader.section, reader.interfaces]).toEqual(['pcapng', null, []]);
    expect(plain(reader.read() as CapturedPacket)).toEqual({
      from: 0,
      data: [1, 2, 3, 4, 5],
      timestampNs: Number(1736000103_500000498n),
      seconds: 1736000103,
      nanoseconds: 500_000_498,
      originalLength: 60,
      flags: 1,
      direction: DIRECTION_INBOUND,
      queue: 7,
      comments: ['hé'],
      offset: 104,
    });
    expect(reader.section).toEqual({ littleEndian: true, hardware: '', os: '', application: 'app', comments: [] });
    expect(reader.interfaces).toEqual([
      {
        id: 0,
        name: 'eth0',
        description: 'n1',
        comments: [],
        linkType: 1,
        snapLength: 256,
        ticksPerSecond: 1_000_000_000n,
        epochSeconds: 0,
      },
    ]);
    expect([reader.skippedBlocks, reader.offset]).toEqual([1, 172]);
    expect(plain(reader.read() as CapturedPacket)).toEqual({
      from: 0,
      data: [],
      timestampNs: 1000,
      seconds: 0,
      nanoseconds: 1000,
      originalLength: 0,
      flags: 0,
      direction: DIRECTION_UNKNOWN,
      queue: null,
      comments: [],
      offset: 172,
    });
    expect([reader.read(), reader.read(), reader.offset]).toEqual([null, null, PCAPNG_LITTLE.length]);
  });

  it('hands out windows on the file, also when the file is a window itself', () => {
    const around = new Uint8Array(PCAPNG_LITTLE.length + 7).fill(9);
    around.set(PCAPNG_LITTLE, 3);
    const file = around.subarray(3, 3 + PCAPNG_LITTLE.length);
    const [first] = [...openCapture(file)];
    expect(first?.data.buffer).toBe(around.buffer);
    expect([...(first?.data ?? [])]).toEqual([1, 2, 3, 4, 5]);
  });
});

describe('a big-endian pcapng file', () => {
  it('is read field by field, with every interface in its own time', () => {
    const reader = openCapture(PCAPNG_BIG);
    const [first, second, ...more] = [...reader].map(plain);
    expect(more).toEqual([]);
    expect(first).toMatchObject({
      from: 0,
      data: [10, 11, 12, 13],
      timestampNs: 1_500_001_000,
      seconds: 11,
      nanoseconds: 500_001_000,
      direction: DIRECTION_OUTBOUND,
      comments: ['hi'],
      queue: null,
    });
    expect(second).toMatchObject({ from: 1, data: [255], timestampNs: 3e9, seconds: 3, nanoseconds: 0, comments: [] });
    expect(reader.section).toMatchObject({ littleEndian: false, application: '' });
    expect(reader.interfaces).toMatchObject([
      { linkType: 1, ticksPerSecond: 1_000_000n, epochSeconds: 10 },
      { linkType: 113, ticksPerSecond: 1024n, epochSeconds: 0 },
    ]);
  });
});

describe('a pcap file', () => {
  it('is read in microseconds, big-endian', () => {
    const reader = openCapture(PCAP_BIG);
    expect([reader.format, reader.section, reader.skippedBlocks]).toEqual(['pcap', null, 0]);
    expect(reader.interfaces).toMatchObject([{ id: 0, linkType: 1, snapLength: 0x40000, ticksPerSecond: 1_000_000n }]);
    expect([...reader].map(plain)).toEqual([
      {
        from: 0,
        data: [1, 2, 3],
        timestampNs: 0x65000001 * 1e9 + 999_999_000,
        seconds: 0x65000001,
        nanoseconds: 999_999_000,
        originalLength: 64,
        flags: 0,
        direction: 0,
        queue: null,
        comments: [],
        offset: 24,
      },
      expect.objectContaining({ data: [], seconds: 0x65000002, nanoseconds: 0, offset: 43 }),
    ]);
  });

  it('is read in nanoseconds, little-endian, whatever stands above the link type', () => {
    const reader = openCapture(PCAP_NANO);
    expect(reader.interfaces).toMatchObject([{ linkType: 1, ticksPerSecond: 1_000_000_000n }]);
    const packets = [...reader].map(plain);
    expect(packets).toMatchObject([{ data: [5, 6], seconds: 0x65000001, nanoseconds: 999_999_999 }]);
  });

  it('may let the fraction run past a second', () => {
    const file = new ReferenceEncoder(true);
    const bytes = [...file.pcapHeader(0xa1b2c3d4, 1), ...file.pcapRecord(5, 2_500_000, [1], 1)];
    expect(plain(readCapture(Uint8Array.from(bytes)).packets[0] as CapturedPacket)).toMatchObject({
      seconds: 7,
      nanoseconds: 500_000_000,
    });
  });
});

describe('what else pcapng files have', () => {
  const file = new ReferenceEncoder(true);

  it('several sections, each with its byte order and its interfaces', () => {
    const big = new ReferenceEncoder(false);
    const bytes = [
      ...file.section(file.text(4, 'one')),
      ...file.interface(1, 0, file.text(2, 'a')),
      ...file.packet(0, 1n, [1], 1),
      ...big.section(big.text(4, 'two')),
      ...big.interface(1, 0, big.text(2, 'b')),
      ...big.packet(0, 2n, [2], 1),
    ];
    const reader = openCapture(Uint8Array.from(bytes));
    expect([reader.read()?.interface.name, reader.section?.application]).toEqual(['a', 'one']);
    expect([reader.read()?.interface.name, reader.section?.application]).toEqual(['b', 'two']);
    expect(reader.interfaces).toHaveLength(1);
    const orphan = [...bytes, ...file.section(), ...file.packet(0, 1n, [], 0)];
    expect(errorOf(orphan)?.message).toMatch(/interface 0, which is not described/);
  });

  it('simple packets, cut by the snap length of the first interface', () => {
    const simple = (originalLength: number, data: number[]) =>
      file.block(3, [...file.u32(originalLength), ...file.pad(data)]);
    const head = [...file.section(), ...file.interface(1, 3)];
    const { packets } = readCapture(Uint8Array.from([...head, ...simple(2, [1, 2]), ...simple(9, [1, 2, 3])]));
    expect(packets.map(plain)).toMatchObject([
      { data: [1, 2], originalLength: 2, timestampNs: 0 },
      { data: [1, 2, 3], originalLength: 9 },
    ]);
    expect(errorOf([...head, ...file.block(3, file.u32(2))])?.offset).toBe(head.length);
    expect(errorOf([...head, ...file.block(3, [])])?.message).toMatch(/too short/);
    expect(errorOf([...file.section(), ...simple(1, [1])])?.message).toMatch(/not described/);
  });

  it('several comments, texts that end with a 0 or are no UTF-8, options nobody knows, the rest of the flags', () => {
    const options = [
      ...file.text(1, 'one'),
      ...file.option(1, [0x74, 0x77, 0x6f, 0]),
      ...file.option(1, [0xff]),
      ...file.option(2988, [1, 2, 3, 4, 5]),
      ...file.option(2, file.u32(0xffff_fff2)),
      ...file.option(0, []),
      ...file.text(1, 'after the end'),
    ];
    const bytes = [
      ...file.section([...file.text(1, 'c'), ...file.text(2, 'h'), ...file.text(3, 'o')]),
      ...file.interface(1, 0, file.text(1, 'i')),
      ...file.packet(0, 0n, [], 0, options),
    ];
    const reader = openCapture(Uint8Array.from(bytes));
    const packet = reader.read() as CapturedPacket;
    expect(packet.comments).toEqual(['one', 'two', '\ufffd']);
    expect([packet.flags, packet.direction]).toEqual([0xffff_fff2, DIRECTION_OUTBOUND]);
    expect(reader.section).toMatchObject({ comments: ['c'], hardware: 'h', os: 'o' });
    expect(reader.interfaces[0]?.comments).toEqual(['i']);
  });

  it.each([
    ['10^0', 0, 7n, 7, 0],
    ['10^-12', 12, 1_500_000_000_999n, 1, 500_000_000],
    ['10^-127', 127, 12345n, 0, 0],
    ['2^-32', 0x80 | 32, (5n << 32n) | 0x8000_0000n, 5, 500_000_000],
    ['2^-127', 0xff, 1n << 63n, 0, 0],
    ['10^-9, all bits', 9, (1n << 64n) - 1n, 18446744073, 709_551_615],
  ])('ticks of %s seconds, exactly', (_, resolution, ticks, seconds, nanoseconds) => {
    const bytes = [
      ...file.section(),
      ...file.interface(1, 0, file.option(9, [resolution])),
      ...file.packet(0, ticks, [], 0),
    ];
    expect(readCapture(Uint8Array.from(bytes)).packets).toMatchObject([{ seconds, nanoseconds }]);
  });

  it('a negative offset of time', () => {
    const bytes = [
      ...file.section(),
      ...file.interface(1, 0, file.option(14, file.number(-3n, 8))),
      ...file.packet(0, 5_250_000n, [], 0),
    ];
    expect(readCapture(Uint8Array.from(bytes)).packets).toMatchObject([
      { timestampNs: 5_250_000_000, seconds: 2, nanoseconds: 250_000_000 },
    ]);
  });
});

describe('CaptureError', () => {
  const file = new ReferenceEncoder(true);
  const section = file.section();
  const head = [...section, ...file.interface(1, 0)];
  const at = head.length;
  const long = file.packet(0, 0n, [1, 2, 3], 3);

  it.each<[string, number[], number, RegExp]>([
    ['nothing', [], 0, /0 bytes are no capture/],
    ['another file', [0x7f, 0x45, 0x4c, 0x46, ...new Array<number>(40).fill(0)], 0, /neither pcapng nor pcap/],
    ['half a section header', section.slice(0, 10), 0, /no block/],
    ['no byte-order magic', [...section.slice(0, 8), 1, 2, 3, 4, ...section.slice(12)], 0, /magic/],
    ['a later version', [...section.slice(0, 12), 2, ...section.slice(13)], 0, /version 2/],
    ['a section header without versions', file.block(0x0a0d0d0a, file.u32(0x1a2b3c4d)), 0, /too short/],
    ['a block too small', [...head, ...file.u32(5), ...file.u32(8), ...file.u32(8)], at, /cannot have 8 bytes/],
    ['a block of odd size', [...head, ...file.u32(5), ...file.u32(13), ...file.u32(13), 0], at, /cannot have 13/],
    ['a block cut', [...head, ...long.slice(0, -1)], at, /ends after the file/],
    ['lengths that differ', [...head, ...long.slice(0, -4), ...file.u32(40)], at, /says 40 at its end/],
    ['rubbish at the end', [...head, 1, 2, 3], at, /3 bytes are no block/],
    ['an interface without link type', [...section, ...file.block(1, [])], section.length, /too short/],
    ['a packet without lengths', [...head, ...file.block(6, file.u32(0))], at, /too short/],
    ['a packet of nobody', [...head, ...file.packet(1, 0n, [], 0)], at, /interface 1/],
    [
      'a packet longer than its block',
      [...head, ...file.block(6, [0, 0, 9, 9].flatMap((value) => file.u32(value)).concat(file.u32(0)))],
      at,
      /9 bytes in a block with less/,
    ],
    ['an option cut', [...head, ...file.packet(0, 0n, [], 0, [1, 0, 5, 0, 0, 0, 0, 0])], at + 28, /option 1 of 5/],
    ['flags of 2 bytes', [...head, ...file.packet(0, 0n, [], 0, file.option(2, [1, 2]))], at + 28, /2 bytes instead/],
    ['a resolution of 4 bytes', [...section, ...file.interface(1, 0, file.option(9, file.u32(9)))], 44, /of 1$/],
    ['an offset of 4 bytes', [...section, ...file.interface(1, 0, file.option(14, file.u32(9)))], 44, /of 8/],
    ['pcap: half a header', file.pcapHeader(0xa1b2c3d4, 1).slice(0, 23), 0, /no pcap header/],
    ['pcap: version 3', [...file.u32(0xa1b2c3d4), 3, ...new Array<number>(19).fill(0)], 0, /version 3/],
    ['pcap: half a record', [...file.pcapHeader(0xa1b2c3d4, 1), 1, 2, 3], 24, /3 bytes are no packet/],
    [
      'pcap: a packet cut',
      [...file.pcapHeader(0xa1b2c3d4, 1), ...file.pcapRecord(0, 0, [1, 2], 2).slice(0, -1)],
      24,
      /2 bytes ends after the file/,
    ],
  ])('%s', (_, bytes, offset, message) => {
    const error = errorOf(bytes) as CaptureError;
    expect(error.message.replace(/, at byte \d+$/, '')).toMatch(message);
    expect([error.name, error.code, error.offset]).toEqual(['CaptureError', 'EINVAL', offset]);
    expect(error.message).toMatch(new RegExp(`, at byte ${offset}$`));
  });

  it('comes again when reading is tried again, and leaves what was read before', () => {
    const reader = openCapture(Uint8Array.from([...head, ...long, ...long.slice(0, 20)]));
    expect(reader.read()?.data).toHaveLength(3);
    for (let i = 0; i < 2; i++) {
      expect(() => reader.read()).toThrow(CaptureError);
      expect(reader.offset).toBe(at + long.length);
    }
    expect(reader.interfaces).toHaveLength(1);
  });

  it.each([
    ['pcapng, little-endian', PCAPNG_LITTLE],
    ['pcapng, big-endian', PCAPNG_BIG],
    ['pcap, big-endian', PCAP_BIG],
    ['pcap, little-endian', PCAP_NANO],
  ])('is all that a file cut at any byte can cause: %s', (_, whole) => {
    const all = readCapture(whole).packets;
    expect(readCapture(whole).error).toBeNull();
    let found = 0;
    for (let length = 0; length <= whole.length; length++) {
      const { packets, error } = readCapture(whole.slice(0, length));
      // As many packets as end before the cut, each whole.
      expect(packets.length).toBeGreaterThanOrEqual(found);
      expect(packets.map(plain)).toEqual(all.slice(0, packets.length).map(plain));
      found = packets.length;
      if (error === null) continue;
      expect(error).toBeInstanceOf(CaptureError);
      expect(error.offset).toBeLessThanOrEqual(length);
    }
    expect(found).toBe(all.length);
  });

  it('is all that damaged bytes can cause', () => {
    const files = fc.constantFrom(PCAPNG_LITTLE, PCAPNG_BIG, PCAP_BIG, PCAP_NANO);
    const damage = fc.array(fc.tuple(fc.nat({ max: 300 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(files, damage, (whole, changes) => {
        const bytes = whole.slice();
        for (const [index, value] of changes) bytes[index % bytes.length] = value;
        const { packets, error } = readCapture(bytes);
        expect(error === null || (error.offset >= 0 && error.offset < bytes.length)).toBe(true);
        for (const packet of packets) expect(packet.nanoseconds >= 0 && packet.nanoseconds < 1e9).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  it('is all that random bytes can cause', () => {
    const magic = fc.constantFrom([], [...PCAPNG_LITTLE.slice(0, 12)], [...PCAP_BIG.slice(0, 8)]);
    fc.assert(
      fc.property(magic, fc.uint8Array({ maxLength: 200 }), (start, rest) => {
        const bytes = Uint8Array.from([...start, ...rest]);
        const { error } = readCapture(bytes);
        expect(error === null || error.offset <= bytes.length).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a pcapng file in either byte order', () => {
  it('says what a second implementation wrote', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((value) => !value.endsWith('\0'));
    const packet = fc.record({
      pick: fc.nat(),
      ticks: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
      data: fc.array(fc.nat({ max: 255 }), { maxLength: 40 }),
      beyond: fc.nat({ max: 2000 }),
      flags: fc.option(fc.nat({ max: 0xffff_ffff })),
      queue: fc.option(fc.nat({ max: 0xffff_ffff })),
      comments: fc.array(text, { maxLength: 3 }),
      isUnknown: fc.boolean(),
    });
    const ifaces = fc.array(
      fc.record({ name: text, linkType: fc.nat({ max: 0xffff }), snapLength: fc.nat(), tsresol: fc.nat({ max: 18 }) }),
      { minLength: 1, maxLength: 3 },
    );
    fc.assert(
      fc.property(fc.boolean(), ifaces, fc.array(packet, { maxLength: 8 }), (littleEndian, described, packets) => {
        const file = new ReferenceEncoder(littleEndian);
        const bytes = [
          ...file.section(),
          ...described.flatMap(({ name, linkType, snapLength, tsresol }) =>
            file.interface(linkType, snapLength, [...file.text(2, name), ...file.option(9, [tsresol])]),
          ),
          ...packets.flatMap(({ pick, ticks, data, beyond, flags, queue, comments, isUnknown }) => [
            ...(isUnknown ? file.block(0x0bad, file.u32(pick)) : []),
            ...file.packet(pick % described.length, ticks, data, data.length + beyond, [
              ...(flags === null ? [] : file.option(2, file.u32(flags))),
              ...(queue === null ? [] : file.option(6, file.u32(queue))),
              ...comments.flatMap((comment) => file.text(1, comment)),
            ]),
          ]),
        ];
        const reader = openCapture(Uint8Array.from(bytes));
        const found = [...reader];
        expect(reader.skippedBlocks).toBe(packets.filter((it) => it.isUnknown).length);
        expect(found.map(({ data, interface: from, ...rest }) => ({ data: [...data], from, ...rest }))).toMatchObject(
          packets.map(({ pick, ticks, data, beyond, flags, queue, comments }) => {
            const { name, linkType, snapLength, tsresol } = described[pick % described.length] as (typeof described)[0];
            const perSecond = 10n ** BigInt(tsresol);
            return {
              from: { id: pick % described.length, name, linkType, snapLength, ticksPerSecond: perSecond },
              seconds: Number(ticks / perSecond),
              nanoseconds: Number(((ticks % perSecond) * 1_000_000_000n) / perSecond),
              data,
              originalLength: data.length + beyond,
              flags: flags ?? 0,
              queue,
              comments,
            };
          }),
        );
      }),
      { numRuns: 200 },
    );
  });
});
