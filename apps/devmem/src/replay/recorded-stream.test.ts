import { createHash } from 'node:crypto';
import { composeFrame, tcp } from '@netmem/wire';
import { describe, expect, it } from 'vitest';
import { RecordedStream } from './recorded-stream.ts';
import { TcpSegment } from './tcp-segment.ts';

const START = 0xffff_ff00;

function segment(part: { at?: number; flags?: number; payload?: Uint8Array; sequence?: number }): TcpSegment {
  const frame = composeFrame({
    ipv4: { source: '10.0.0.1', destination: '10.0.0.2' },
    tcp: {
      sourcePort: 40_000,
      destinationPort: 80,
      sequence: (START + 1 + (part.at ?? 0)) >>> 0,
      acknowledgment: 100,
      ...part,
    },
  });
  const read = new TcpSegment();
  expect(read.read(new DataView(frame.buffer), 0, frame.length)).toBe(true);
  return read;
}

const data = Uint8Array.from({ length: 1000 }, (_, i) => i * 3);
const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

function stream(...pieces: readonly (readonly [from: number, to: number])[]): RecordedStream {
  const recorded = new RecordedStream(segment({ sequence: START, flags: tcp.SYN }));
  for (const [from, to] of pieces) {
    const payload = data.subarray(from, to);
    recorded.add(segment({ at: from, payload: payload.slice() }), payload);
  }
  return recorded;
}

describe('a recorded stream', () => {
  it('puts segments in order, over the place where sequence numbers come round, and leaves out what came twice', () => {
    const recorded = stream([0, 300], [600, 1000], [250, 620], [0, 300]);
    recorded.add(segment({ at: 1000, flags: tcp.FIN | tcp.ACK }), new Uint8Array(0));
    recorded.finish();
    expect([recorded.length, recorded.digest, recorded.isWhole]).toEqual([1000, digestOf(data), true]);
    expect(recorded.serverStart).toBe(99);
  });

  it('ends at the first byte that the capture does not hold', () => {
    const recorded = stream([0, 300], [301, 1000]);
    recorded.add(segment({ at: 1000, flags: tcp.FIN | tcp.ACK }), new Uint8Array(0));
    recorded.finish();
    expect([recorded.length, recorded.digest, recorded.isWhole]).toEqual([300, digestOf(data.subarray(0, 300)), false]);
  });

  it('is not whole without its end, and whole without a byte', () => {
    const open = stream([0, 1000]);
    open.finish();
    expect([open.length, open.isWhole]).toEqual([1000, false]);
    const empty = stream();
    empty.add(segment({ flags: tcp.FIN | tcp.ACK }), new Uint8Array(0));
    empty.finish();
    expect([empty.length, empty.isWhole]).toEqual([0, true]);
  });

  it('knows its SYN when it comes again', () => {
    const recorded = stream();
    expect(recorded.startsWith(segment({ sequence: START, flags: tcp.SYN }))).toBe(true);
    expect(recorded.startsWith(segment({ sequence: START + 1, flags: tcp.SYN }))).toBe(false);
  });
});
