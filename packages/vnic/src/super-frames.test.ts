import { FRAME_NEEDS_CSUM, type FrameMetadata, GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4 } from '@netmem/link';
import { checksumBytes, ipv4, tcp } from '@netmem/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CardOptions, cardUp, type UpFixture, type UpOptions } from '../test/card-fixture.ts';
import { type IpAround, ipFrame, pattern, pseudoSum, tcpFrame, udpFrame } from '../test/frames.ts';

const MSS = 1448;
const OPTIONS = { timestamp: { value: 7, echo: 8 } };
const HEADER_4 = 66;
const HEADER_6 = 86;

interface Super {
  frame: Uint8Array;
  metadata: Partial<FrameMetadata>;
}

const FIELDS = { sequence: 0xffff_f000, acknowledgment: 5, window: 100, options: OPTIONS };

/** A TCP super-frame as a kernel hands it to a virtual card: checksum over the pseudo header only. */
function superFrame(payload: Uint8Array, around: IpAround = {}, flags = tcp.ACK, mss = MSS): Super {
  const frame = tcpFrame({ ...FIELDS, flags, payload }, around);
  const start = frame.length - payload.length - 32;
  const sum = pseudoSum(around, ipv4.PROTOCOL_TCP, 32 + payload.length);
  new DataView(frame.buffer).setUint16(start + tcp.CHECKSUM_AT, sum);
  const metadata = {
    flags: FRAME_NEEDS_CSUM,
    gsoType: around.six === true ? GSO_TCPV6 : GSO_TCPV4,
    gsoSize: mss,
    headerLength: frame.length - payload.length,
    checksumStart: start,
    checksumOffset: tcp.CHECKSUM_AT,
  };
  return { frame, metadata };
}

/** What a wire would have carried. */
function segments(payload: Uint8Array, around: IpAround = {}, flags = tcp.ACK, mss = MSS): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let at = 0; at < payload.length; at += mss) {
    const last = at + mss >= payload.length;
    let bits = flags;
    if (!last) bits &= ~(tcp.FIN | tcp.PSH);
    if (at > 0) bits &= ~tcp.CWR;
    const identification = ((around.identification ?? 7) + at / mss) & 0xffff;
    const part = { payload: payload.subarray(at, at + mss), flags: bits };
    frames.push(
      tcpFrame({ ...FIELDS, sequence: (FIELDS.sequence + at) >>> 0, ...part }, { ...around, identification }),
    );
  }
  return frames;
}

function up(rsc: boolean, more: UpOptions & CardOptions = {}): UpFixture {
  return cardUp(
    { slotBytes: 66_000, slotCount: 8, mtu: 1600, maxMtu: 1600, ...more },
    { packetBufferBytes: 4096, headerBufferBytes: 256, enableRsc: rsc, entries: 512, ...more },
  );
}

describe('a super-frame from the port', () => {
  it.each([false, true])('is one merged packet on a queue that merges; IPv6: %s', (six) => {
    const card = up(true);
    const payload = pattern(40_000);
    const { frame, metadata } = superFrame(payload, { six }, tcp.ACK | tcp.PSH);
    card.port.push(frame, metadata);
    card.driver.settle();
    const [packet, ...others] = card.rx[0].pollAll();
    expect(others).toEqual([]);
    expect(packet.header.length).toBe(six ? HEADER_6 : HEADER_4);
    expect(packet.frame).toEqual(frame);
    expect(packet.completions).toHaveLength(Math.ceil(40_000 / 4096));
    for (const { rsc, rscSegLen, l3L4Processed, csumL4Err, csumIpErr } of packet.completions) {
      expect([rsc, rscSegLen, l3L4Processed, csumL4Err, csumIpErr]).toEqual([true, MSS, true, false, false]);
    }
    expect(packet.completions.map((completion) => completion.splitHeader)).toEqual(
      packet.completions.map((_, i) => i === 0),
    );
    expect(card.nic.stats.rx[0]).toMatchObject({ rscPackets: 1, rscSegments: Math.ceil(40_000 / MSS), packets: 1 });
  });

  it.each([false, true])('is cut for a queue that does not, as a wire would have carried it; IPv6: %s', (six) => {
    const card = up(false);
    const payload = pattern(30_000);
    const around = { six, identification: 0xfffe };
    const flags = tcp.ACK | tcp.PSH | tcp.FIN | tcp.CWR;
    const { frame, metadata } = superFrame(payload, around, flags);
    card.port.push(frame, metadata);
    card.driver.settle();
    const packets = card.rx[0].pollAll();
    expect(packets.map((packet) => packet.frame)).toEqual(segments(payload, around, flags));
    for (const { header, completions } of packets) {
      expect(header.length).toBe(six ? HEADER_6 : HEADER_4);
      expect(completions).toHaveLength(1);
      expect([completions[0].rsc, completions[0].l3L4Processed, completions[0].csumL4Err]).toEqual([
        false,
        true,
        false,
      ]);
    }
    expect(card.nic.stats.device.rxCut).toBe(1);
    expect(card.port.slots.inUse).toBe(0);
  });

  it('holds all that an IP packet can', () => {
    const payload = pattern(65_535 - 52);
    for (const rsc of [true, false]) {
      const card = up(rsc, { slotBytes: 66_000 });
      const { frame, metadata } = superFrame(payload);
      card.port.push(frame, metadata);
      card.driver.settle();
      const got = card.rx[0].pollAll();
      if (rsc) expect(got.map((packet) => packet.frame)).toEqual([frame]);
      else expect(got.map((packet) => packet.frame)).toEqual(segments(payload));
    }
  });

  it.each<[string, IpAround, number]>([
    ['FIN', {}, tcp.ACK | tcp.FIN],
    ['CWR', {}, tcp.ACK | tcp.CWR],
    ['URG', {}, tcp.ACK | tcp.URG],
    ['IP options', { options: new Uint8Array(4).fill(1) }, tcp.ACK],
    ['no DF', { flags: 0 }, tcp.ACK],
  ])('is cut all the same when segments with %s would not have been merged', (_, around, flags) => {
    const card = up(true);
    const payload = pattern(5000);
    const { frame, metadata } = superFrame(payload, around, flags);
    card.port.push(frame, metadata);
    card.driver.settle();
    expect(card.rx[0].pollAll().map((packet) => packet.frame)).toEqual(segments(payload, around, flags));
  });

  it('closes the packet that is open before it', () => {
    const card = up(true);
    const [first] = segments(pattern(MSS));
    const { frame, metadata } = superFrame(pattern(3000));
    card.port.push(first);
    card.port.push(frame, metadata);
    card.driver.settle();
    expect(card.rx[0].pollAll().map((packet) => packet.frame)).toEqual([first, frame]);
  });

  it('of one segment is an ordinary packet', () => {
    const card = up(true);
    const payload = pattern(1000);
    const { frame, metadata } = superFrame(payload);
    card.port.push(frame, metadata);
    card.driver.settle();
    const [packet] = card.rx[0].pollAll();
    expect(packet.completions[0].rsc).toBe(false);
    expect(packet.frame).toEqual(segments(payload)[0]);
  });

  it('of UDP is cut into datagrams', () => {
    const card = up(true);
    const payload = pattern(3000);
    const frame = udpFrame(payload);
    card.port.push(frame, { flags: FRAME_NEEDS_CSUM, gsoType: GSO_UDP_L4, gsoSize: 1000 });
    card.driver.settle();
    const expected = [0, 1, 2].map((i) =>
      udpFrame(payload.subarray(i * 1000, i * 1000 + 1000), { identification: 7 + i }),
    );
    expect(card.rx[0].pollAll().map((packet) => packet.frame)).toEqual(expected);
  });

  it('is over the MRU when its segments are', () => {
    const card = up(true, { mtu: 1500, maxMtu: 1500 });
    const { frame, metadata } = superFrame(pattern(5000), {}, tcp.ACK, 1460);
    card.port.push(frame, metadata);
    card.port.push(frame, { ...metadata, gsoSize: 1456 });
    card.driver.settle();
    expect(card.rx[0].pollAll()).toHaveLength(1);
    expect(card.nic.stats.rx[0].overMru).toBe(1);
  });

  it('that cannot be cut is dropped and counted', () => {
    const card = up(false);
    const { frame, metadata } = superFrame(pattern(5000));
    card.port.push(frame, { ...metadata, gsoSize: 0 });
    card.port.push(ipFrame({}, 47, pattern(3000)), metadata);
    card.port.push(frame.slice(0, 3000), metadata);
    card.driver.settle();
    expect(card.rx[0].pollAll()).toEqual([]);
    expect(card.nic.stats.device.rxNotSegmentable).toBe(3);
    expect(card.port.slots.inUse).toBe(0);
  });

  it('needs a buffer for each of its parts', () => {
    const whole = up(true, { post: 2 });
    const { frame, metadata } = superFrame(pattern(3 * 4096));
    whole.port.push(frame, metadata);
    whole.driver.settle();
    expect(whole.rx[0].pollAll()).toEqual([]);
    expect(whole.nic.stats.rx[0]).toMatchObject({ noBuffers: 1, rscPackets: 0 });
    const cut = up(false, { post: 2 });
    cut.port.push(frame, metadata);
    cut.driver.settle();
    expect(cut.rx[0].pollAll()).toHaveLength(2);
    expect(cut.nic.stats.rx[0].noBuffers).toBe(Math.ceil((3 * 4096) / MSS) - 2);
  });

  it('counts against the budget by its size, so that the ring is not run dry in one go', () => {
    const card = up(true);
    const { frame, metadata } = superFrame(pattern(40_000));
    for (let i = 0; i < 4; i++) card.port.push(frame, metadata);
    expect(card.nic.run(16)).toBeGreaterThanOrEqual(16);
    expect(card.port.pending).toBe(2);
    card.driver.settle();
    expect(card.rx[0].pollAll()).toHaveLength(4);
  });

  it('is the same bytes whichever way it comes', () => {
    const one = up(true);
    const many = up(false);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20_000 }),
        fc.integer({ min: 50, max: 1500 }),
        fc.boolean(),
        (length, mss, six) => {
          const payload = pattern(length, length);
          const { frame, metadata } = superFrame(payload, { six }, tcp.ACK, mss);
          for (const card of [one, many]) {
            card.port.push(frame, metadata);
            card.driver.settle();
            const packets = card.rx[0].pollAll();
            card.rx[0].post(512);
            const bytes = packets.flatMap((packet) => [...packet.payload]);
            expect(bytes.length === length && bytes.every((byte, i) => byte === payload[i])).toBe(true);
          }
        },
      ),
      { seed: 8, numRuns: 40 },
    );
  });
});

describe('a TSO packet on a port that takes super-frames', () => {
  function send(card: UpFixture, frame: Uint8Array, header: number, mss = MSS) {
    const body = frame.subarray(header);
    const pieces = [frame.subarray(0, header)];
    for (let at = 0; at < body.length; at += 16_000) pieces.push(body.subarray(at, at + 16_000));
    card.tx[0].send({ pieces, tag: 3, tso: { mss, headerLength: header }, checksum: true });
    card.driver.settle();
    expect(card.tx[0].pollAll()).toHaveLength(1);
  }

  it.each([false, true])('leaves whole, with what the other side needs to cut it; IPv6: %s', (six) => {
    const card = up(false, { portSuperFrames: true, ramBytes: 12 << 20 });
    const payload = pattern(50_000);
    const { frame, metadata } = superFrame(payload, { six }, tcp.ACK | tcp.PSH);
    const sent = frame.slice();
    const header = six ? HEADER_6 : HEADER_4;
    // Whatever a driver leaves in these fields.
    new DataView(sent.buffer).setUint16(header - 32 + tcp.CHECKSUM_AT, 0xbeef);
    if (!six) new DataView(sent.buffer).setUint16(14 + ipv4.CHECKSUM_AT, 0);
    send(card, sent, header);
    const slot = card.port.takeSlot();
    const { slots } = card.port;
    expect(slots.copyOf(slot)).toEqual(frame);
    expect({
      flags: slots.flags[slot],
      gsoType: slots.gsoType[slot],
      gsoSize: slots.gsoSize[slot],
      headerLength: slots.headerLength[slot],
      checksumStart: slots.checksumStart[slot],
      checksumOffset: slots.checksumOffset[slot],
    }).toEqual(metadata);
    expect(card.nic.stats.tx[0]).toMatchObject({ packets: 1, tsoPackets: 1, superFrames: 1, frames: 1 });
  });

  it('arrives at another card as if the wire had carried its segments', () => {
    const sender = up(false, { portSuperFrames: true, ramBytes: 12 << 20 });
    const receiver = up(false);
    const payload = pattern(20_000);
    const { frame } = superFrame(payload);
    send(sender, frame, HEADER_4);
    const slot = sender.port.takeSlot();
    const { slots } = sender.port;
    receiver.port.push(slots.copyOf(slot), {
      flags: slots.flags[slot],
      gsoType: slots.gsoType[slot],
      gsoSize: slots.gsoSize[slot],
    });
    receiver.driver.settle();
    expect(receiver.rx[0].pollAll().map((packet) => packet.frame)).toEqual(segments(payload));
  });

  it('of one segment is a frame whose checksum is left open', () => {
    const card = up(false, { portSuperFrames: true });
    const { frame } = superFrame(pattern(1000));
    send(card, frame, HEADER_4);
    const slot = card.port.takeSlot();
    expect([card.port.slots.gsoType[slot], card.port.slots.flags[slot]]).toEqual([0, FRAME_NEEDS_CSUM]);
  });

  it('is cut when the IP header cannot say how long it is, when it is not TCP, or when the slot is too small', () => {
    const headers = superFrame(new Uint8Array(0)).frame;
    const long = Uint8Array.from([...headers, ...pattern(70_000)]);
    new DataView(long.buffer).setUint16(14 + ipv4.TOTAL_LENGTH_AT, 0);
    const udp = udpFrame(pattern(3000));
    const cards = { portSuperFrames: true, slotBytes: 72_000, slotCount: 128, ramBytes: 12 << 20 };
    const card = up(false, cards);
    send(card, long, HEADER_4);
    expect(card.port.takeAll()).toHaveLength(Math.ceil(70_000 / MSS));
    send(card, udp, 42, 1000);
    expect(card.port.takeAll().map((frame) => frame.length)).toEqual([1042, 1042, 1042]);
    expect(card.nic.stats.tx[0].superFrames).toBe(0);
    const small = up(false, { portSuperFrames: true, slotBytes: 2048, slotCount: 64 });
    send(small, superFrame(pattern(10_000)).frame, HEADER_4);
    const frames = small.port.takeAll();
    expect(frames).toHaveLength(7);
    for (const frame of frames) {
      expect(checksumBytes(frame, 34, frame.length - 34, pseudoSum({}, ipv4.PROTOCOL_TCP, frame.length - 34))).toBe(
        0xffff,
      );
    }
  });

  it('is cut when the card is told to', () => {
    const card = up(false, { portSuperFrames: true, superFrames: false, slotCount: 64 });
    send(card, superFrame(pattern(10_000)).frame, HEADER_4);
    expect(card.port.takeAll()).toEqual(segments(pattern(10_000)));
  });
});
