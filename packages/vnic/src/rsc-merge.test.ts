import { checksumBytes, Dissection, dissect, ipv4, ipv6, L3_IPV4, tcp } from '@netmem/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cardUp, type UpFixture, type UpOptions } from '../test/card-fixture.ts';
import { type IpAround, pattern, tcpFrame, udpFrame } from '../test/frames.ts';
import {
  ADMINQ_DESTROY_RX_QUEUE,
  REG_ADMINQ_EVENT_COUNTER,
  REGISTER_BAR,
  RX_COMPLETION_DESC_BYTES,
} from './abi/index.ts';
import { RSC_TIMEOUT_NS } from './choices.ts';
import type { Nic } from './index.ts';
import type { MockRxPacket } from './mock/index.ts';

const MSS = 1448;

interface Segment {
  sequence: number;
  payload?: Uint8Array;
  flags?: number;
  acknowledgment?: number;
  timestamp?: number;
  window?: number;
  around?: IpAround;
  from?: number;
}

function segment(fields: Segment): Uint8Array<ArrayBuffer> {
  const { sequence, payload = pattern(MSS, sequence), around = {} } = fields;
  return tcpFrame(
    {
      sourcePort: fields.from ?? 40000,
      sequence,
      acknowledgment: fields.acknowledgment ?? 5,
      flags: fields.flags ?? tcp.ACK,
      window: fields.window ?? 100,
      options: { timestamp: { value: fields.timestamp ?? 7, echo: 8 } },
      payload,
    },
    around,
  );
}

/** `count` full segments in a row. */
function train(count: number, more: Partial<Segment> = {}): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => segment({ ...more, sequence: 1000 + i * MSS }));
}

const payloadOf = (frames: readonly Uint8Array[]): number[] => frames.flatMap((frame) => [...frame.subarray(66)]);

function up(more: UpOptions = {}): UpFixture {
  return cardUp({ mtu: 1600 }, { packetBufferBytes: 4096, headerBufferBytes: 256, enableRsc: true, ...more });
}

function deliver(card: UpFixture, frames: readonly Uint8Array[]): MockRxPacket[] {
  for (const frame of frames) card.port.push(frame);
  card.driver.settle();
  const packets = card.rx[0].pollAll();
  card.rx[0].post(packets.reduce((sum, packet) => sum + packet.completions.length, 0));
  return packets;
}

/** Segments in each packet. */
const shape = (packets: readonly MockRxPacket[]): number[] =>
  packets.map((packet) => Math.ceil((packet.frame.length - 66) / MSS));

describe('receive-side coalescing', () => {
  it('makes one packet of a train: header of the first, all payload, buffers filled to the brim', () => {
    const card = up();
    const frames = train(10);
    const [packet, ...others] = deliver(card, frames);
    expect(others).toEqual([]);
    expect([...packet.payload]).toEqual(payloadOf(frames));
    const lengths = packet.completions.map((completion) => completion.packetLen);
    expect(lengths).toEqual([4096, 4096, 4096, 14480 - 3 * 4096]);
    expect(packet.completions.map((completion) => completion.endOfPacket)).toEqual([false, false, false, true]);
    expect(packet.completions.map((completion) => completion.splitHeader)).toEqual([true, false, false, false]);
    expect(packet.completions[0].headerLen).toBe(66);
    for (const { rsc, rscSegLen, l3L4Processed, csumIpErr, csumL4Err } of packet.completions) {
      expect({ rsc, rscSegLen, l3L4Processed, csumIpErr, csumL4Err }).toEqual({
        rsc: true,
        rscSegLen: MSS,
        l3L4Processed: true,
        csumIpErr: false,
        csumL4Err: false,
      });
    }
    expect(card.nic.stats.rx[0]).toMatchObject({
      packets: 1,
      rscPackets: 1,
      rscSegments: 10,
      split: 1,
      bytes: 66 + 10 * MSS,
    });
  });

  it.each([false, true])('states the merged length in the IP header, with its checksum; IPv6: %s', (six) => {
    const card = up();
    const [{ frame }] = deliver(card, train(5, { around: { six } }));
    const view = new DataView(frame.buffer);
    const found = new Dissection();
    dissect(view, 0, frame.length, found);
    expect([found.malformed, found.l4At + found.l4Length]).toEqual([false, frame.length]);
    if (six) expect(ipv6.payloadLength(view, 14)).toBe(frame.length - 54);
    else {
      expect(ipv4.totalLength(view, 14)).toBe(frame.length - 14);
      expect(checksumBytes(frame, 14, 20)).toBe(0xffff);
    }
  });

  it('puts the header in front of the payload on a queue that does not split, and says so when it does not fit', () => {
    for (const headerBufferBytes of [0, 64]) {
      const card = cardUp({ headerBufferBytes: 64 }, { packetBufferBytes: 4096, headerBufferBytes, enableRsc: true });
      const frames = train(4);
      const [packet] = deliver(card, frames);
      expect(packet.header.length).toBe(0);
      expect([...packet.frame.subarray(66)]).toEqual(payloadOf(frames));
      expect(packet.completions.map((completion) => completion.packetLen)).toEqual([4096, 66 + 4 * MSS - 4096]);
      const overflow = packet.completions.map((completion) => completion.headerOverflow);
      expect(overflow).toEqual([headerBufferBytes > 0, false]);
      expect(card.nic.stats.rx[0].headerOverflow).toBe(headerBufferBytes > 0 ? 1 : 0);
    }
  });

  it('leaves a segment without company as it came', () => {
    const card = up();
    const frame = segment({ sequence: 1 });
    const [packet] = deliver(card, [frame]);
    expect(packet.frame).toEqual(frame);
    expect(packet.completions).toHaveLength(1);
    expect(packet.completions[0].rsc).toBe(false);
    expect(card.nic.stats.rx[0].rscPackets).toBe(0);
  });

  it('merges nothing on a queue that was made without', () => {
    const card = up({ enableRsc: false });
    expect(deliver(card, train(5)).map((packet) => packet.frame)).toEqual(train(5));
  });

  it('ends behind a short segment and behind a pushed one, which is said in the header', () => {
    const card = up();
    const frames = train(3);
    const short = segment({ sequence: 1000 + 3 * MSS, payload: pattern(10) });
    const next = segment({ sequence: 1000 + 3 * MSS + 10 });
    const pushed = segment({ sequence: 1000 + 4 * MSS + 10, flags: tcp.ACK | tcp.PSH });
    const after = segment({ sequence: 1000 + 5 * MSS + 10 });
    const packets = deliver(card, [...frames, short, next, pushed, after]);
    expect(packets.map((packet) => packet.payload.length)).toEqual([3 * MSS + 10, 2 * MSS, MSS]);
    const flags = packets.map((packet) => packet.header[14 + 20 + tcp.FLAGS_AT]);
    expect(flags).toEqual([tcp.ACK, tcp.ACK | tcp.PSH, tcp.ACK]);
  });

  it('does not keep a pushed segment back', () => {
    const card = up();
    card.port.push(segment({ sequence: 1, flags: tcp.ACK | tcp.PSH }));
    expect(card.nic.run(1)).toBeGreaterThan(0);
    expect(card.rx[0].poll()?.payload.length).toBe(MSS);
  });

  const head: Segment = { sequence: 1000 };
  const next = 1000 + MSS;
  it.each<[string, Uint8Array]>([
    ['a gap', segment({ sequence: next + 1 })],
    ['an older segment', segment({ sequence: 1000 })],
    ['more payload than the first', segment({ sequence: next, payload: pattern(MSS + 1) })],
    ['another port', segment({ sequence: next, from: 40001 })],
    ['another address', segment({ sequence: next, around: { source: '10.0.0.3' } })],
    ['another acknowledgment', segment({ sequence: next, acknowledgment: 6 })],
    ['another timestamp', segment({ sequence: next, timestamp: 9 })],
    ['another TOS', segment({ sequence: next, around: { trafficClass: 1 } })],
    ['a VLAN tag', segment({ sequence: next, around: { vlanTags: 1 } })],
    ['no DF', segment({ sequence: next, around: { flags: 0 } })],
    ['IP options', segment({ sequence: next, around: { options: new Uint8Array(4).fill(1) } })],
    ['no payload', segment({ sequence: next, payload: new Uint8Array(0) })],
    ['FIN', segment({ sequence: next, flags: tcp.ACK | tcp.FIN })],
    ['CWR', segment({ sequence: next, flags: tcp.ACK | tcp.CWR })],
    ['ECE', segment({ sequence: next, flags: tcp.ACK | tcp.ECE })],
    ['URG', segment({ sequence: next, flags: tcp.ACK | tcp.URG })],
    ['no ACK', segment({ sequence: next, flags: 0 })],
    ['a bad TCP checksum', segment({ sequence: next }).map((byte, i, all) => (i === all.length - 1 ? byte ^ 1 : byte))],
    ['a bad IP checksum', segment({ sequence: next }).map((byte, i) => (i === 24 ? byte ^ 1 : byte))],
    ['padding', Uint8Array.from([...segment({ sequence: next }), 0, 0])],
    ['no options', tcpFrame({ sequence: next, acknowledgment: 5, flags: tcp.ACK, window: 100, payload: pattern(MSS) })],
    ['UDP', udpFrame(pattern(100))],
  ])('ends an open packet before %s, and keeps the order', (_, other) => {
    const card = up();
    const packets = deliver(card, [segment(head), other]);
    expect(packets.map((packet) => packet.frame)).toEqual([segment(head), other]);
    expect(packets.every((packet) => packet.completions.every(({ rsc }) => !rsc))).toBe(true);
  });

  it('ignores a changed window and, with DF, the identification', () => {
    const card = up();
    const frames = [
      segment({ sequence: 1000, window: 1, around: { identification: 9 } }),
      segment({ sequence: next, window: 2, around: { identification: 77 } }),
    ];
    expect(shape(deliver(card, frames))).toEqual([2]);
  });

  it('merges tagged frames and IPv6 with equal flow labels', () => {
    const card = up();
    for (const around of [{ vlanTags: 2 }, { six: true }, { six: true, vlanTags: 1 }]) {
      const packets = deliver(card, train(3, { around }));
      expect(packets).toHaveLength(1);
      expect([...packets[0].payload]).toEqual(train(3, { around }).flatMap((frame) => [...frame.slice(-MSS)]));
    }
  });

  it('stays within 64 KiB of IP packet', () => {
    const card = up();
    const packets = deliver(card, train(60));
    expect(shape(packets)).toEqual([45, 15]);
    expect(packets[0].frame.length - 14).toBeLessThanOrEqual(65_535);
  });

  it('stays within the buffers that are posted, and drops what has none', () => {
    const card = up({ post: 2, packetBufferBytes: 2048 });
    for (const frame of train(5)) card.port.push(frame);
    card.driver.settle();
    const packets = card.rx[0].pollAll();
    // 4096 bytes of room hold two segments; the third and later need a buffer more.
    expect(shape(packets)).toEqual([2]);
    expect(card.nic.stats.rx[0].noBuffers).toBe(3);
  });

  it('keeps a packet open over rounds while frames come, and closes it when they end', () => {
    const card = up();
    for (const frame of train(10)) card.port.push(frame);
    card.nic.run(4);
    card.nic.run(4);
    expect(card.rx[0].poll()).toBeNull();
    // Two more, the end of the queue, and the packet that is closed.
    expect(card.nic.run(4)).toBe(3 + 1);
    expect(shape(card.rx[0].pollAll())).toEqual([10]);
    expect(card.nic.run(4)).toBe(0);
  });

  it('closes a packet that waits too long while frames for other queues come', () => {
    const card = up({ queues: 2 });
    const { host, nic, port, rx } = card;
    const isOther = (from: number): boolean => {
      port.push(segment({ sequence: 1, from, flags: tcp.ACK | tcp.PSH }));
      nic.run(64);
      return rx[0].poll() === null && rx[1].poll() !== null;
    };
    const zero = Array.from({ length: 64 }, (_, i) => 41000 + i).filter((from) => !isOther(from));
    const one = Array.from({ length: 64 }, (_, i) => 41000 + i).filter(isOther);
    for (const queue of rx) queue.pollAll();
    for (let i = 0; i < 40; i++) rx[0].post(1);
    for (let i = 0; i < 40; i++) rx[1].post(1);
    for (const frame of train(3, { from: zero[0] })) port.push(frame);
    for (let i = 0; i < 9; i++) port.push(segment({ sequence: 1 + i * 7, from: one[0], flags: tcp.ACK | tcp.PSH }));
    nic.run(6);
    expect(rx[0].poll()).toBeNull();
    host.clock.advance(RSC_TIMEOUT_NS - 1);
    nic.run(2);
    expect(rx[0].poll()).toBeNull();
    host.clock.advance(1);
    nic.run(2);
    expect(shape(rx[0].pollAll())).toEqual([3]);
  });

  it('delivers an open packet before its queue is destroyed, and forgets it in a reset', () => {
    const card = up();
    const [first, second] = train(2);
    for (const frame of [first, second]) card.port.push(frame);
    card.nic.run(2);
    card.port.push(udpFrame(pattern(20)));
    card.driver.destroyQueue(ADMINQ_DESTROY_RX_QUEUE, 0);
    expect(shape(card.rx[0].pollAll())).toEqual([2]);

    const other = up();
    for (const frame of [first, second]) other.port.push(frame);
    other.nic.run(2);
    other.nic.reset();
    other.nic.run(10);
    expect(other.rx[0].poll()).toBeNull();
    expect(other.host.dma.faults).toBe(0);
  });

  it('writes nothing more once DESTROY_RX_QUEUE is done', () => {
    const executed: number[] = [];
    let watching: Nic | null = null;
    let ring = -1;
    const noted = (iova: number): void => {
      if (watching === null || iova < ring || iova >= ring + 64 * RX_COMPLETION_DESC_BYTES) return;
      executed.push(watching.barRead(REGISTER_BAR, REG_ADMINQ_EVENT_COUNTER, 4));
    };
    const card = cardUp(
      {
        mtu: 1600,
        between: (host) => ({
          host: {
            ...host,
            raise: (vector) => host.raise(vector),
            note: (event) => host.note(event),
            clock: host.clock,
            dma: {
              read: (...at) => host.dma.read(...at),
              load32: (iova) => host.dma.load32(iova),
              store32: (iova, value) => host.dma.store32(iova, value),
              get epoch() {
                return host.dma.epoch;
              },
              write(iova, ...from) {
                noted(iova);
                return host.dma.write(iova, ...from);
              },
              publish32(iova, value) {
                noted(iova);
                return host.dma.publish32(iova, value);
              },
            },
          },
          attach: (nic) => nic,
        }),
      },
      { packetBufferBytes: 4096, headerBufferBytes: 256, enableRsc: true },
    );
    for (const frame of train(2)) card.port.push(frame);
    card.nic.run(2);
    ring = card.rx[0].completionRing.iova;
    watching = card.nic;
    const before = card.nic.barRead(REGISTER_BAR, REG_ADMINQ_EVENT_COUNTER, 4);
    card.driver.destroyQueue(ADMINQ_DESTROY_RX_QUEUE, 0);
    expect(new Set(executed)).toEqual(new Set([before]));
    expect(shape(card.rx[0].pollAll())).toEqual([2]);
  });

  it('goes round its rings', () => {
    const card = up({ entries: 16 });
    for (let round = 0; round < 50; round++) {
      const frames = train(1 + (round % 20));
      const packets = deliver(card, frames);
      expect(packets.flatMap((packet) => [...packet.payload])).toEqual(payloadOf(frames));
    }
  });

  for (const [what, unmap] of [
    ['buffer ring', 'bufferRing'],
    ['packet buffer', 'buffers'],
    ['header buffer', 'headers'],
    ['completion ring', 'completionRing'],
  ] as const) {
    it(`stops its queue when the ${what} goes while a packet is open`, () => {
      const card = up({ packetBufferBytes: 2048 });
      const { port, nic, host, rx, driver } = card;
      for (const frame of train(8)) port.push(frame);
      nic.run(1);
      host.unmap(rx[0][unmap] as NonNullable<(typeof rx)[0]['headers']>);
      driver.settle();
      expect(nic.inspect().rxQueues[0].stopped).toBe(true);
      expect(host.events.at(-1)).toEqual({ kind: 'rx-queue-stopped', detail: expect.stringContaining(what) });
      expect(host.dma.faults).toBe(1);
      expect(port.slots.inUse).toBe(0);
      expect(rx[0].poll()).toBeNull();
    });
  }

  it('loses, doubles and mixes up nothing, whatever comes', () => {
    const step = fc.record({
      flow: fc.integer({ min: 0, max: 2 }),
      size: fc.constantFrom(1, 100, 536, 536, 536, 1448, 1448),
      push: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
      fin: fc.integer({ min: 0, max: 20 }).map((n) => n === 0),
      skip: fc.integer({ min: 0, max: 8 }).map((n) => (n === 0 ? 1 : 0)),
      budget: fc.integer({ min: 1, max: 8 }),
    });
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1, maxLength: 60 }),
        fc.constantFrom(0, 256),
        fc.constantFrom(512, 2048, 4096),
        (steps, headerBufferBytes, packetBufferBytes) => {
          const card = up({ headerBufferBytes, packetBufferBytes, entries: 512 });
          const sequences = [0xffff_f000, 5, 0x7fff_ff00];
          const sent: string[][] = [[], [], []];
          const got: string[][] = [[], [], []];
          const order: number[] = [];
          for (const { flow, size, push, fin, skip, budget } of steps) {
            const sequence = (sequences[flow] + skip) >>> 0;
            const payload = pattern(size, order.length);
            const flags = tcp.ACK | (push ? tcp.PSH : 0) | (fin ? tcp.FIN : 0);
            card.port.push(segment({ sequence, payload, flags, from: 40000 + flow }));
            for (let i = 0; i < size; i++) sent[flow].push(`${(sequence + i) >>> 0}:${payload[i]}`);
            sequences[flow] = sequence + size;
            order.push(flow);
            if (budget > 4) card.nic.run(budget);
          }
          card.driver.settle();
          for (const { frame, completions } of card.rx[0].pollAll()) {
            const view = new DataView(frame.buffer);
            const found = new Dissection();
            dissect(view, 0, frame.length, found);
            expect(found.l3).toBe(L3_IPV4);
            expect(found.l4At + found.l4Length).toBe(frame.length);
            const flow = tcp.sourcePort(view, found.l4At) - 40000;
            const sequence = tcp.sequence(view, found.l4At);
            const length = frame.length - found.payloadAt;
            for (let i = 0; i < length; i++) got[flow].push(`${(sequence + i) >>> 0}:${frame[found.payloadAt + i]}`);
            const [{ rsc, rscSegLen = 0 }] = completions;
            if (rsc) expect(length).toBeGreaterThan(rscSegLen);
          }
          expect(got).toEqual(sent);
          expect(card.port.slots.inUse).toBe(0);
        },
      ),
      { seed: 31, numRuns: 80 },
    );
  });

  it('merges segments without options too', () => {
    const card = up();
    const bare = [0, 1, 2].map((i) =>
      tcpFrame({ sequence: 1 + i * 100, acknowledgment: 5, flags: tcp.ACK, window: 9, payload: pattern(100, i) }),
    );
    expect(deliver(card, bare).map((packet) => packet.payload.length)).toEqual([300]);
  });
});
