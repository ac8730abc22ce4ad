import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MALFORMED, MessageReader, NEEDS_MORE, WHOLE } from './message-reader.ts';
import { message } from './mock/messages.ts';
import { HEADER, MESSAGE_BYTES_MAX } from './protocol.ts';

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

describe('MessageReader', () => {
  it('finds the same messages however the stream is cut', () => {
    const body = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.uint8Array({ minLength: MESSAGE_BYTES_MAX - 20, maxLength: MESSAGE_BYTES_MAX - 16 }),
    );
    const cuts = fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.array(body, { maxLength: 6 }), cuts, (bodies, lengths) => {
        const sent = bodies.map((bytes, id) => message(id, 9, bytes));
        const stream = joined(sent);
        const reader = new MessageReader();
        const found: Uint8Array[] = [];
        for (let at = 0, n = 0; at < stream.length; n++) {
          const length = lengths[n % lengths.length] * (1 + (n % 3) * 300);
          reader.push(stream.subarray(at, at + length));
          at += length;
          while (reader.next() === WHOLE) found.push(reader.bytes.slice(reader.at, reader.at + reader.length));
        }
        expect(found).toEqual(sent);
        expect(reader.held).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it('refuses sizes that no message has, and holds no more than one message', () => {
    for (const size of [0, 15, MESSAGE_BYTES_MAX + 1, 0xffff_ffff]) {
      const bytes = message(1, 9, new Uint8Array(0));
      new DataView(bytes.buffer).setUint32(HEADER.size, size, true);
      const whole = new MessageReader();
      whole.push(bytes);
      expect(whole.next()).toBe(MALFORMED);
      const cut = new MessageReader();
      cut.push(bytes.subarray(0, 7));
      expect(cut.next()).toBe(NEEDS_MORE);
      cut.push(bytes.subarray(7));
      expect(cut.next()).toBe(MALFORMED);
    }
  });
});
