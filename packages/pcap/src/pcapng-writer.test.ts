import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PCAP_BIG, PCAPNG_BIG, PCAPNG_LITTLE } from '../test/fixtures.ts';
import { ReferenceEncoder } from '../test/reference-encoder.ts';
import {
  type CapturedPacket,
  DIRECTION_INBOUND,
  DIRECTION_OUTBOUND,
  openCapture,
  type PacketToWrite,
  PcapngWriter,
  readCapture,
} from './index.ts';

const file = new ReferenceEncoder(true);

/** What a packet is, without where it stands in which file. */
function content(packet: CapturedPacket): object {
  const { interface: from, data, offset: _, timestampNs: __, ...rest } = packet;
  return { from: from.id, data: [...data], ...rest };
}

describe('PcapngWriter', () => {
  it('writes what the format says, byte by byte', () => {
    const writer = new PcapngWriter({ application: 'app' });
    const id = writer.addInterface({
      name: 'eth0',
      description: 'n1',
      snapLength: 256,
      epochSeconds: 1e9,
      comment: 'c',
    });
    writer.write(id, {
      timestampNs: 0x1_0000_0005,
      data: Uint8Array.of(1, 2, 3, 4, 5),
      originalLength: 60,
      direction: DIRECTION_INBOUND,
      queue: 7,
      comments: ['hé', ''],
    });
    writer.writeFrame(id, 9, Uint8Array.of(0, 8, 9, 0), 1, 2, DIRECTION_OUTBOUND, -1, null);
    const end = file.option(0, []);
    expect([...writer.toBytes()]).toEqual([
      ...file.section([...file.text(4, 'app'), ...end]),
      ...file.interface(1, 256, [
        ...file.text(2, 'eth0'),
        ...file.text(3, 'n1'),
        ...file.option(9, [9]),
        ...file.option(14, file.number(1e9, 8)),
        ...file.text(1, 'c'),
        ...end,
      ]),
      ...file.packet(0, 0x1_0000_0005n, [1, 2, 3, 4, 5], 60, [
        ...file.option(2, file.u32(1)),
        ...file.option(6, file.u32(7)),
        ...file.text(1, 'hé'),
        ...file.text(1, ''),
        ...end,
      ]),
      ...file.packet(0, 9n, [8, 9], 2, [...file.option(2, file.u32(2)), ...end]),
    ]);
    expect([writer.packets, writer.interfaces, writer.bytesWritten]).toEqual([2, 1, writer.toBytes().length]);
  });

  it('is read back as it was written: any packets, any interfaces', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 30 }).filter((value) => !value.endsWith('\0'));
    const interfaces = fc.array(
      fc.record({
        name: text,
        description: text,
        comment: text,
        linkType: fc.nat({ max: 0xffff }),
        snapLength: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 100 })),
        epochSeconds: fc.integer({ min: -1000, max: 2 ** 33 }),
      }),
      { minLength: 1, maxLength: 3 },
    );
    const packet = fc.record({
      pick: fc.nat(),
      data: fc.oneof(fc.uint8Array({ maxLength: 120 }), fc.uint8Array({ minLength: 20_000, maxLength: 90_000 })),
      seconds: fc.nat(),
      nanoseconds: fc.nat({ max: 999_999_999 }),
      beyond: fc.nat({ max: 100 }),
      direction: fc.nat({ max: 2 }),
      flags: fc.integer({ min: 0, max: 0xffff }).map((bits) => bits << 2),
      queue: fc.option(fc.nat({ max: 0xffff_ffff })),
      comments: fc.array(text, { maxLength: 2 }),
    });
    const options = fc.record({ hardware: text, os: text, application: text, comment: text });
    fc.assert(
      fc.property(options, interfaces, fc.array(packet, { maxLength: 12 }), (section, described, packets) => {
        const writer = new PcapngWriter(section);
        for (const it of described) writer.addInterface(it);
        const expected = packets.map(({ pick, beyond, ...it }) => {
          const id = pick % described.length;
          const { epochSeconds, snapLength } = described[id] as (typeof described)[0];
          const seconds = it.seconds + epochSeconds;
          const originalLength = it.data.length + beyond;
          writer.write(id, { ...it, seconds, originalLength });
          const kept = snapLength === 0 ? it.data : it.data.slice(0, snapLength);
          const flags = it.flags | it.direction;
          return { ...it, from: id, data: [...kept], seconds, originalLength, flags };
        });
        const reader = openCapture(writer.toBytes());
        expect([...reader].map(content)).toEqual(expected);
        const { comment, ...rest } = section;
        expect(reader.section).toEqual({ ...rest, comments: [comment], littleEndian: true });
        expect(reader.interfaces).toEqual(
          described.map(({ comment: its, ...it }, id) => ({
            ...it,
            id,
            comments: [its],
            ticksPerSecond: 1_000_000_000n,
          })),
        );
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    ['pcapng, little-endian', PCAPNG_LITTLE],
    ['pcapng, big-endian, other times', PCAPNG_BIG],
    ['pcap', PCAP_BIG],
  ])('copies what was read from another file: %s', (_, bytes) => {
    const reader = openCapture(bytes);
    const packets = [...reader];
    const writer = new PcapngWriter();
    for (const { linkType, epochSeconds } of reader.interfaces) writer.addInterface({ linkType, epochSeconds });
    for (const packet of packets) writer.write(packet.interface.id, packet);
    const copy = readCapture(writer.toBytes());
    expect(copy.packets.map(content)).toEqual(packets.map(content));
    expect(copy.packets.map((packet) => packet.timestampNs)).toEqual(packets.map((packet) => packet.timestampNs));
  });

  it.each([
    [0, 0, 0],
    [1, 0, 1],
    [4294967295, 4, 294967295],
    [4294967296, 4, 294967296],
    [2 ** 53 - 1, 9007199, 254740991],
    [1.75, 0, 1],
    [-5, 0, 0],
    [Number.NaN, 0, 0],
    [Number.POSITIVE_INFINITY, 0, 0],
  ])('writes the clock’s %d ns as %d s and %d ns', (timestampNs, seconds, nanoseconds) => {
    const writer = new PcapngWriter();
    writer.writeFrame(writer.addInterface(), timestampNs, new Uint8Array(1), 0, 1, 0, 0, null);
    writer.write(0, { timestampNs, data: new Uint8Array(1) });
    const { packets } = readCapture(writer.toBytes());
    expect(packets).toMatchObject([
      { seconds, nanoseconds },
      { seconds, nanoseconds },
    ]);
  });

  it('has defaults for everything', () => {
    const writer = new PcapngWriter();
    writer.write(writer.addInterface(), { data: Uint8Array.of(1), flags: DIRECTION_OUTBOUND });
    const [packet] = readCapture(writer.toBytes()).packets as [CapturedPacket];
    expect(content(packet)).toEqual({
      from: 0,
      data: [1],
      seconds: 0,
      nanoseconds: 0,
      originalLength: 1,
      flags: 2,
      direction: 2,
      queue: null,
      comments: [],
    });
    expect(packet.interface).toMatchObject({ name: '', description: '', comments: [], linkType: 1, snapLength: 0 });
  });

  it('cuts a comment that is too long for an option, between characters', () => {
    const writer = new PcapngWriter();
    writer.addInterface();
    for (const text of ['x'.repeat(70_000), 'é'.repeat(40_000), '€'.repeat(30_000)]) {
      writer.writeFrame(0, 0, new Uint8Array(0), 0, 0, 0, 0, text);
    }
    const comments = readCapture(writer.toBytes()).packets.map((packet) => packet.comments[0]);
    expect(comments).toEqual(['x'.repeat(65535), 'é'.repeat(32767), '€'.repeat(21845)]);
  });

  it('hands out what is new, so that the pieces make the file', () => {
    const data = fc.uint8Array({ maxLength: 100_000, minLength: 1 });
    fc.assert(
      fc.property(fc.array(fc.tuple(data, fc.boolean()), { maxLength: 20 }), (packets) => {
        const whole = new PcapngWriter();
        const pieces = new PcapngWriter();
        const parts: Uint8Array[] = [];
        for (const writer of [whole, pieces]) writer.addInterface();
        for (const [bytes, isTaken] of packets) {
          for (const writer of [whole, pieces]) writer.write(0, { data: bytes });
          if (isTaken) parts.push(pieces.take());
          expect(pieces.bytesWritten).toBe(whole.bytesWritten);
        }
        parts.push(pieces.take());
        expect(pieces.take()).toHaveLength(0);
        expect(parts.flatMap((part) => [...part])).toEqual([...whole.toBytes()]);
      }),
      { numRuns: 20 },
    );
  });

  it('refuses interfaces that are none, numbers out of range and times that do not fit', () => {
    const writer = new PcapngWriter();
    const data = new Uint8Array(1);
    expect(() => writer.write(0, { data })).toThrow(/no interface 0/);
    expect(() => writer.writeFrame(0, 0, data, 0, 1, 0, 0, null)).toThrow(RangeError);
    expect(() => writer.addInterface({ snapLength: -1 })).toThrow(/snapLength is -1/);
    expect(() => writer.addInterface({ linkType: 0x10000 })).toThrow(RangeError);
    expect(() => writer.addInterface({ epochSeconds: 0.5 })).toThrow(RangeError);
    writer.addInterface({ epochSeconds: 10 });
    const before = writer.bytesWritten;
    expect(() => writer.write(0, { data, seconds: 9 })).toThrow(/do not fit/);
    expect(() => writer.write(0, { data, seconds: 2 ** 40 })).toThrow(/do not fit/);
    expect(() => writer.write(0, { data, seconds: 1.5 })).toThrow(RangeError);
    expect([writer.bytesWritten, writer.packets]).toEqual([before, 0]);
  });
});

describe('withdraw', () => {
  const frame = (length: number): PacketToWrite => ({ data: new Uint8Array(length).fill(0xee) });
  const put = (writer: PcapngWriter, length: number): number =>
    writer.writeFrame(0, 0, new Uint8Array(length).fill(0xdd), 0, length, 1, 1, null);

  it('takes back the last packet, and nothing of it shows in the next', () => {
    const writer = new PcapngWriter();
    writer.addInterface();
    writer.write(0, frame(5));
    const before = writer.toBytes();
    expect(writer.withdraw(put(writer, 100))).toBe(true);
    expect(writer.toBytes()).toEqual(before);
    expect(writer.packets).toBe(1);
    const other = new PcapngWriter();
    other.addInterface();
    other.write(0, frame(5));
    for (const it of [writer, other]) it.write(0, { data: Uint8Array.of(1), queue: 3, comments: ['abcde'] });
    expect(writer.toBytes()).toEqual(other.toBytes());
  });

  it('works where a new chunk began', () => {
    const writer = new PcapngWriter();
    writer.addInterface();
    for (let i = 0; i < 5; i++) writer.write(0, frame(60_000));
    const before = writer.toBytes();
    for (const length of [100_000, 500_000]) {
      expect(writer.withdraw(put(writer, length))).toBe(true);
      expect(writer.toBytes()).toEqual(before);
    }
    writer.write(0, frame(3));
    expect(readCapture(writer.toBytes())).toMatchObject({ error: null, packets: { length: 6 } });
  });

  it('leaves a packet that was followed by another, or taken', () => {
    const writer = new PcapngWriter();
    writer.addInterface();
    const first = put(writer, 40);
    put(writer, 40);
    expect(writer.withdraw(first)).toBe(false);
    const last = put(writer, 40);
    writer.take();
    expect(writer.withdraw(last)).toBe(false);
    expect(writer.packets).toBe(3);
    const next = put(writer, 8);
    expect(writer.withdraw(next)).toBe(true);
    expect(writer.withdraw(next)).toBe(false);
    expect(writer.toBytes()).toHaveLength(0);
  });
});
