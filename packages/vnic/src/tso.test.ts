import { Dissection, dissect, ipv4, ipv6, tcp } from '@netmem/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cardUp, type UpFixture } from '../test/card-fixture.ts';
import { type IpAround, ipFrame, pattern, tcpFrame, udpFrame } from '../test/frames.ts';
import { TX_COMPLETION_TYPE_DESC, TX_COMPLETION_TYPE_PACKET } from './abi/index.ts';

const OPTIONS = { timestamp: { value: 77, echo: 88 } };

/** What a card must make of a TCP packet: every segment built from nothing. */
function reference(payload: Uint8Array, mss: number, around: IpAround, flags: number, options = OPTIONS): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let at = 0; at < payload.length; at += mss) {
    const last = at + mss >= payload.length;
    let bits = flags;
    if (!last) bits &= ~(tcp.FIN | tcp.PSH);
    if (at > 0) bits &= ~tcp.CWR;
    const identification = ((around.identification ?? 7) + at / mss) & 0xffff;
    const fields = { sequence: (0xfffff000 + at) >>> 0, acknowledgment: 5, flags: bits, options, window: 9 };
    frames.push(tcpFrame({ ...fields, payload: payload.subarray(at, at + mss) }, { ...around, identification }));
  }
  return frames;
}

/** The packet as a driver hands it over: lengths of the whole, checksum field with a pseudo-header sum without length. */
function whole(payload: Uint8Array, around: IpAround, flags: number, options = OPTIONS): Uint8Array {
  const fields = { sequence: 0xfffff000, acknowledgment: 5, flags, options, window: 9 };
  const headers = tcpFrame(fields, around);
  const frame = new Uint8Array(headers.length + payload.length);
  frame.set(headers);
  frame.set(payload, headers.length);
  const view = new DataView(frame.buffer);
  const l3 = 14 + 4 * (around.vlanTags ?? 0);
  // Linux leaves the true length where it fits; 0 stands for "too long".
  const total = frame.length - l3 > 0xffff ? 0 : frame.length - l3;
  if (around.six === true) view.setUint16(l3 + ipv6.PAYLOAD_LENGTH_AT, total === 0 ? 0 : total - 40);
  else view.setUint16(l3 + ipv4.TOTAL_LENGTH_AT, total);
  view.setUint16(headers.length - 12 - 20 + tcp.CHECKSUM_AT, 0xbeef);
  return frame;
}

function cut(frame: Uint8Array, lengths: number[]): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const length of lengths) {
    if (at >= frame.length) break;
    parts.push(frame.subarray(at, Math.min(frame.length, at + length)));
    at += length;
  }
  if (at < frame.length) parts.push(frame.subarray(at));
  return parts;
}

function pieceUp(frame: Uint8Array, header: number, piece: number): Uint8Array[] {
  const body = frame.length - header;
  return cut(frame, [header, ...Array(Math.ceil(body / piece)).fill(piece)]);
}

function send(card: UpFixture, pieces: Uint8Array[], mss: number, headerLength: number, report = false): Uint8Array[] {
  card.tx[0].send({ pieces, tag: 3, tso: { mss, headerLength }, generalContext: true, report, checksum: true });
  const frames: Uint8Array[] = [];
  // More segments than slots: take them away as they come.
  for (let round = 0; round < 100; round++) {
    card.driver.settle();
    frames.push(...card.port.takeAll());
  }
  return frames;
}

function jumbo(entries = 512): UpFixture {
  return cardUp({ slotBytes: 10240, slotCount: 64, maxMtu: 1500, ramBytes: 12 << 20 }, { entries });
}

const HEADER_4 = 14 + 20 + 32;
const HEADER_6 = 14 + 40 + 32;

describe('TSO', () => {
  it.each([
    ['IPv4', false, 1448, 10_000],
    ['IPv6', true, 1428, 10_000],
    ['IPv4, one segment', false, 1448, 700],
    ['IPv4, exact multiple', false, 1448, 1448 * 4],
    ['IPv4, smallest mss', false, 88, 1000],
    ['IPv6, 64 KiB', true, 1428, 65_000],
    ['IPv4, beyond 16 bits of length', false, 1448, 100_000],
  ])('makes the segments that a stack would have made: %s', (_, six, mss, length) => {
    const card = jumbo();
    const around = { six, identification: 0xfffe };
    const flags = tcp.ACK | tcp.PSH | tcp.FIN | tcp.CWR;
    const payload = pattern(length);
    const header = six ? HEADER_6 : HEADER_4;
    const frames = send(card, pieceUp(whole(payload, around, flags), header, 4096), mss, header);
    expect(frames).toEqual(reference(payload, mss, around, flags));
    expect(card.tx[0].pollAll()).toEqual([{ queueId: 0, type: TX_COMPLETION_TYPE_PACKET, value: 3 }]);
    expect(card.nic.stats.tx[0]).toMatchObject({ packets: 1, tsoPackets: 1, frames: Math.ceil(length / mss) });
  });

  it('keeps the flags of first and last segment apart', () => {
    const card = jumbo();
    const flags = tcp.ACK | tcp.FIN | tcp.PSH | tcp.CWR | tcp.ECE;
    const frames = send(card, [whole(pattern(300), {}, flags)], 100, HEADER_4);
    const at = 14 + 20 + tcp.FLAGS_AT;
    expect(frames.map((frame) => frame[at])).toEqual([
      tcp.ACK | tcp.CWR | tcp.ECE,
      tcp.ACK | tcp.ECE,
      tcp.ACK | tcp.FIN | tcp.PSH | tcp.ECE,
    ]);
  });

  it('finds headers behind VLAN tags, IP options and extension headers', () => {
    const card = jumbo();
    const payload = pattern(500);
    const hopByHop = Uint8Array.from([ipv4.PROTOCOL_TCP, 0, 1, 4, 0, 0, 0, 0]);
    const arounds: [IpAround, number][] = [
      [{ vlanTags: 1 }, HEADER_4 + 4],
      [{ vlanTags: 2, six: true }, HEADER_6 + 8],
      [{ options: new Uint8Array(12).fill(1) }, HEADER_4 + 12],
      [{ six: true, options: hopByHop, firstExtension: ipv6.NEXT_HOP_BY_HOP }, HEADER_6 + 8],
    ];
    for (const [around, header] of arounds) {
      expect(send(card, [whole(payload, around, tcp.ACK)], 200, header)).toEqual(
        reference(payload, 200, around, tcp.ACK),
      );
    }
  });

  it('cuts UDP into datagrams, each with its length and checksum', () => {
    const card = jumbo();
    const payload = pattern(1000);
    for (const six of [false, true]) {
      const headers = udpFrame(new Uint8Array(0), { six });
      const frame = Uint8Array.from([...headers, ...payload]);
      const l3 = new DataView(frame.buffer);
      if (six) l3.setUint16(14 + 4, 8 + 1000);
      else l3.setUint16(14 + 2, 28 + 1000);
      l3.setUint16(headers.length - 4, 1008);
      const frames = send(card, [frame], 300, headers.length);
      expect(frames).toEqual(
        [0, 300, 600, 900].map((at, n) =>
          udpFrame(payload.subarray(at, Math.min(1000, at + 300)), { six, identification: 7 + n }),
        ),
      );
    }
  });

  it('frees slots when asked, with the index behind the whole packet', () => {
    const card = jumbo();
    send(card, pieceUp(whole(pattern(5000), {}, tcp.ACK), HEADER_4, 1000), 1448, HEADER_4, true);
    // Two contexts, one header, five pieces.
    expect(card.tx[0].pollAll()).toEqual([
      { queueId: 0, type: TX_COMPLETION_TYPE_PACKET, value: 3 },
      { queueId: 0, type: TX_COMPLETION_TYPE_DESC, value: 8 },
    ]);
  });

  it('stops half-way when the port is full and loses nothing', () => {
    const card = jumbo();
    const payload = pattern(20_000);
    card.port.refuse(5);
    const frames = send(card, pieceUp(whole(payload, {}, tcp.ACK), HEADER_4, 3000), 1000, HEADER_4);
    expect(frames).toEqual(reference(payload, 1000, {}, tcp.ACK));
  });

  it('spends its budget per segment', () => {
    const card = jumbo();
    card.tx[0].send({
      pieces: pieceUp(whole(pattern(20_000), {}, tcp.ACK), HEADER_4, 4000),
      tso: { mss: 100, headerLength: HEADER_4 },
    });
    expect(card.nic.run(10)).toBe(10);
    expect(card.port.transmitted).toBe(10);
    expect(card.tx[0].pollAll()).toEqual([]);
  });

  it('completes and does not send what it cannot segment', () => {
    const card = jumbo();
    const notTcp = ipFrame({}, ipv4.PROTOCOL_ICMP, pattern(1000));
    expect(send(card, [notTcp], 200, 34)).toEqual([]);
    const wrongHeader = whole(pattern(1000), {}, tcp.ACK);
    expect(send(card, [wrongHeader], 200, HEADER_4 - 4)).toEqual([]);
    expect(send(card, [wrongHeader], 200, HEADER_4 + 4)).toEqual([]);
    const fragment = whole(pattern(1000), { flags: ipv4.MORE_FRAGMENTS }, tcp.ACK);
    expect(send(card, [fragment], 200, HEADER_4)).toEqual([]);
    expect(send(card, [pattern(1000)], 200, 54)).toEqual([]);
    expect(send(card, [pattern(1000)], 200, 1)).toEqual([]);
    expect(card.tx[0].pollAll().length).toBe(6);
    expect(card.nic.stats.tx[0].notSegmentable).toBe(6);
    expect(card.nic.inspect().txQueues[0].stopped).toBe(false);
  });

  it.each([
    ['mss 87', 87, HEADER_4, undefined],
    ['mss 9729', 9729, HEADER_4, undefined],
    ['no header', 1000, 0, undefined],
    ['a length that is not that of the packet', 1000, HEADER_4, 2999],
    ['nothing to segment', 1000, HEADER_4, 0],
  ])('stops the queue on %s', (_, mss, headerLength, totalLength) => {
    const card = jumbo();
    card.tx[0].send({
      pieces: [whole(pattern(3000), {}, tcp.ACK)],
      tso: totalLength === undefined ? { mss, headerLength } : { mss, headerLength, totalLength },
    });
    card.driver.settle();
    expect(card.nic.inspect().txQueues[0].stopped).toBe(true);
    expect(card.port.takeAll()).toEqual([]);
  });

  it('counts buffers by segment: nine and the header pass, ten do not', () => {
    const frame = whole(pattern(2700), {}, tcp.ACK);
    const nine = jumbo();
    expect(send(nine, pieceUp(frame, HEADER_4, 100), 900, HEADER_4).length).toBe(3);
    const ten = jumbo();
    expect(send(ten, pieceUp(frame, HEADER_4, 90), 900, HEADER_4)).toEqual([]);
    expect(ten.nic.inspect().txQueues[0].stopped).toBe(true);
  });

  it('counts what a segment leaves over of a buffer to the next', () => {
    const pieces = (rest: number) => {
      const lengths = [HEADER_4, 950, ...Array(rest).fill(90)];
      const frame = whole(pattern(950 + 90 * rest), {}, tcp.ACK);
      return cut(frame, lengths);
    };
    // 50 bytes of the first buffer and eight more make nine; one more buffer is one too many.
    const nine = jumbo();
    expect(send(nine, pieces(8), 900, HEADER_4).length).toBe(2);
    const ten = jumbo();
    expect(send(ten, pieces(9), 900, HEADER_4)).toEqual([]);
    expect(ten.nic.inspect().txQueues[0].stopped).toBe(true);
  });

  it('agrees with the reference for any payload, mss and cut into pieces', () => {
    const card = jumbo();
    const cases = fc.record({
      six: fc.boolean(),
      length: fc.integer({ min: 1, max: 20_000 }),
      mss: fc.integer({ min: 400, max: 3000 }),
      first: fc.integer({ min: 1, max: 200 }),
      piece: fc.integer({ min: 500, max: 16_383 }),
      flags: fc.integer({ min: 0, max: 255 }),
      identification: fc.integer({ min: 0, max: 0xffff }),
    });
    fc.assert(
      fc.property(cases, ({ six, length, mss, first, piece, flags, identification }) => {
        const around = { six, identification };
        const payload = pattern(length, length);
        const frame = whole(payload, around, flags);
        const frames = send(card, pieceUp(frame, first, piece), mss, six ? HEADER_6 : HEADER_4);
        expect(frames).toEqual(reference(payload, mss, around, flags));
        card.tx[0].pollAll();
      }),
      { seed: 5, numRuns: 60 },
    );
    expect(card.nic.inspect().txQueues[0].stopped).toBe(false);
  });

  it('makes frames that dissect finds nothing wrong with', () => {
    const card = jumbo();
    const frame = new Dissection();
    for (const bytes of send(card, [whole(pattern(5000), { six: true }, tcp.ACK)], 1000, HEADER_6)) {
      dissect(new DataView(bytes.buffer), 0, bytes.length, frame);
      expect(frame.malformed).toBe(false);
      expect(frame.l4Length).toBe(bytes.length - 54);
    }
  });
});
