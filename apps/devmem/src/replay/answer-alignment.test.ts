import { FrameSlots } from '@netmem/link';
import { LinearMemory } from '@netmem/region';
import { composeFrame, decodeFrame, tcp } from '@netmem/wire';
import { describe, expect, it } from 'vitest';
import { AnswerAlignment } from './answer-alignment.ts';
import { finishTcpChecksum } from './finish-checksum.ts';
import { RecordedStream } from './recorded-stream.ts';
import { TcpSegment } from './tcp-segment.ts';

type TcpPart = NonNullable<Parameters<typeof composeFrame>[0]['tcp']>;

const CLIENT = '10.0.0.1';
const SERVER = '10.0.0.2';
const slots = new FrameSlots(new LinearMemory(1 << 20), { count: 64 });

const toServer = (part: TcpPart): number =>
  slots.store(
    composeFrame({
      ipv4: { source: CLIENT, destination: SERVER },
      tcp: { sourcePort: 40_000, destinationPort: 80, ...part },
    }),
  );
const toClient = (part: TcpPart): number =>
  slots.store(
    composeFrame({
      ipv4: { source: SERVER, destination: CLIENT },
      tcp: { sourcePort: 80, destinationPort: 40_000, ...part },
    }),
  );

function segmentOf(slot: number): TcpSegment {
  expect(slot).toBeGreaterThan(0);
  const segment = new TcpSegment();
  expect(segment.read(slots.region.view, slots.address(slot), slots.length[slot] as number)).toBe(true);
  return segment;
}

/** A conversation in which the recorded host's SYN-ACK had sequence 5000 and timestamp 70, and ours has 9000 and 1070. */
function met(): AnswerAlignment {
  const stream = new RecordedStream(segmentOf(toServer({ sequence: 1, flags: tcp.SYN })));
  stream.serverStart = 5000;
  stream.serverTimestamp = 70;
  const alignment = new AnswerAlignment(80, [stream]);
  alignment.sent(
    slots,
    toClient({ sequence: 9000, flags: tcp.SYN | tcp.ACK, options: { mss: 1460, timestamp: { value: 1070, echo: 1 } } }),
  );
  return alignment;
}

/** What is acknowledged and echoed after alignment, and whether the checksum is right. */
function aligned(alignment: AnswerAlignment, slot: number): { ack: number; echo: number; good: boolean } {
  alignment.receive(slots, slot);
  const segment = segmentOf(slot);
  const good = finishTcpChecksum(slots.region.view, segment);
  return { ack: segment.acknowledgment, echo: segment.options.tsEcr, good };
}

describe('aligning answers', () => {
  it('moves acknowledgment and echo by the difference, and the checksum with them', () => {
    const alignment = met();
    alignment.sent(slots, toClient({ sequence: 9001, payload: new Uint8Array(500) }));
    const slot = toServer({
      acknowledgment: 5101,
      payload: Uint8Array.of(1, 2, 3),
      options: { timestamp: { value: 2, echo: 75 } },
    });
    expect(aligned(alignment, slot)).toEqual({ ack: 9101, echo: 1075, good: true });
    expect(alignment.changed).toBe(1);
    expect([...(decodeFrame(slots.copyOf(slot))?.tcp?.payload ?? [])]).toEqual([1, 2, 3]);
  });

  it('never acknowledges what our host has not sent', () => {
    const alignment = met();
    expect(aligned(alignment, toServer({ acknowledgment: 6000 })).ack).toBe(9001);
    alignment.sent(slots, toClient({ sequence: 9001, flags: tcp.FIN | tcp.ACK }));
    expect(aligned(alignment, toServer({ acknowledgment: 6000 }))).toMatchObject({ ack: 9002, good: true });
  });

  it('leaves a wrong checksum wrong, and a SYN alone', () => {
    const alignment = met();
    const slot = toServer({ acknowledgment: 5001 });
    slots.region.bytes[slots.address(slot) + 50] = (slots.region.bytes[slots.address(slot) + 50] ?? 0) ^ 8;
    expect(aligned(alignment, slot)).toMatchObject({ ack: 9001, good: false });
    const changed = alignment.changed;
    alignment.receive(slots, toServer({ sequence: 1, flags: tcp.SYN }));
    expect(alignment.changed).toBe(changed);
  });

  it('changes nothing when the numbers are the recorded ones, or of another conversation', () => {
    const stream = new RecordedStream(segmentOf(toServer({ sequence: 1, flags: tcp.SYN })));
    stream.serverStart = 9000;
    const alignment = new AnswerAlignment(80, [stream]);
    alignment.sent(slots, toClient({ sequence: 9000, flags: tcp.SYN | tcp.ACK }));
    alignment.receive(slots, toServer({ acknowledgment: 9001 }));
    alignment.receive(slots, toServer({ acknowledgment: 7, sourcePort: 40_001 }));
    const last = toServer({ acknowledgment: 7, destinationPort: 81 });
    expect(last).toBeGreaterThan(0);
    alignment.receive(slots, last);
    expect(alignment.changed).toBe(0);
  });
});
