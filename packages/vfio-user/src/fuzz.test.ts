import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makePlainDevice } from '../test/plain-device.ts';
import type { DeviceSession } from './index.ts';
import { announceVector, connectCommands, enableCommands, payloads } from './mock/index.ts';
import * as protocol from './protocol.ts';

/** A session whose outgoing messages are kept, a few at a time so that nothing grows here either. */
function openSession() {
  const fixture = makePlainDevice();
  const replies: { id: number; command: number; error: boolean; length: number }[] = [];
  let closed = false;
  const session = fixture.device.connect({
    send: (bytes) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      for (let at = 0; at < bytes.length; at += view.getUint32(at + protocol.HEADER.size, true)) {
        const flags = view.getUint32(at + protocol.HEADER.flags, true);
        const length = view.getUint32(at + protocol.HEADER.size, true);
        if ((flags & protocol.FLAG_TYPE) !== protocol.TYPE_REPLY) continue;
        const error = (flags & protocol.FLAG_ERROR) !== 0;
        expect(error && length !== protocol.HEADER_BYTES).toBe(false);
        expect(error).toBe(view.getUint32(at + protocol.HEADER.error, true) !== 0);
        replies.push({
          id: view.getUint16(at + protocol.HEADER.id, true),
          command: view.getUint16(at + protocol.HEADER.command, true),
          error,
          length,
        });
      }
    },
    close: () => {
      closed = true;
    },
    congested: false,
  }) as DeviceSession;
  return { ...fixture, session, replies, isClosed: () => closed };
}

/** Whoever comes after must find a device that works. */
function expectServesNext({ device }: { device: ReturnType<typeof makePlainDevice>['device'] }): void {
  let answers = 0;
  const session = device.connect({ send: () => answers++, close: () => {}, congested: false });
  session?.receive(payloads.message(1, protocol.VERSION, payloads.versionPayload()));
  expect([session?.negotiated, answers]).toEqual([true, 1]);
}

const GOOD: readonly Uint8Array[] = [
  ...connectCommands([
    { iova: 0, size: 1 << 19, offset: 0 },
    { iova: 1 << 20, size: 1 << 16, offset: 1 << 19 },
  ]),
  ...enableCommands(makePlainDevice().device.function.pci),
  announceVector(1),
  { command: protocol.DMA_UNMAP, body: payloads.unmapPayload(1 << 20, 1 << 16) },
  { command: protocol.REGION_READ, body: payloads.regionPayload(0, 8, 8) },
  { command: protocol.REGION_WRITE, body: payloads.regionPayload(0, 8, 4, new Uint8Array(4)) },
  {
    command: protocol.REGION_WRITE_MULTI,
    body: payloads.writeMultiPayload([{ region: 0, offset: 0, count: 4, value: 1 }]),
  },
].map(({ command, body }, id) => payloads.message(id, command, body));

const word = fc.oneof(
  fc.nat({ max: 0xffff_ffff }),
  fc.constantFrom(0, 1, 2, 4, 7, 8, 16, 32, 4096, 0x8000_0000, 0xffff_ffff),
);
const good = fc.constantFrom(...GOOD);
/** A message with some of its 32-bit words replaced, header included or not. */
const bent = (from: number) =>
  fc
    .tuple(good, fc.array(fc.tuple(fc.nat({ max: 15 }), word), { minLength: 1, maxLength: 4 }))
    .map(([bytes, edits]) => {
      const copy = bytes.slice();
      const view = new DataView(copy.buffer);
      for (const [at, value] of edits) {
        const offset = from + 4 * at;
        if (offset + 4 <= copy.length) view.setUint32(offset, value, true);
      }
      return copy;
    });
const made = fc
  .tuple(
    fc.nat({ max: 0xffff }),
    fc.oneof(fc.nat({ max: 20 }), fc.nat({ max: 0xffff })),
    fc.uint8Array({ maxLength: 80 }),
    word,
  )
  .map(([id, command, body, flags]) => payloads.message(id, command, body, flags));

describe('what a client sends', () => {
  it('well framed, in any order, any number of times, with any content: every command is answered once', () => {
    const messages = fc.array(fc.oneof(good, bent(protocol.HEADER_BYTES), made), { maxLength: 60 });
    fc.assert(
      fc.property(messages, fc.boolean(), (sent, negotiated) => {
        const { session, replies, isClosed, device, errors } = openSession();
        if (negotiated) session.receive(GOOD[0]);
        replies.length = 0;
        const expected: { id: number; command: number }[] = [];
        for (const bytes of sent) {
          if (isClosed()) break;
          const view = new DataView(bytes.buffer);
          const flags = view.getUint32(protocol.HEADER.flags, true);
          if ((flags & protocol.FLAG_TYPE) !== protocol.TYPE_REPLY && (flags & protocol.FLAG_NO_REPLY) === 0) {
            expected.push({
              id: view.getUint16(protocol.HEADER.id, true),
              command: view.getUint16(protocol.HEADER.command, true),
            });
          }
          session.receive(bytes);
          device.step();
        }
        expect(replies.map(({ id, command }) => ({ id, command }))).toEqual(expected);
        expect(isClosed()).toBe(errors.length > 0);
        expect(device.connected).toBe(!isClosed());
        session.close(null);
        expectServesNext({ device });
      }),
      { seed: 21, numRuns: 500 },
    );
  });

  it('as a stream of garbage, cut anywhere: a clean close or a wait for the rest, and never more held than one message', () => {
    const piece = fc.oneof(good, bent(0), fc.uint8Array({ maxLength: 200 }), made);
    const pieces = fc.array(piece, { maxLength: 40 });
    fc.assert(
      fc.property(pieces, fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 8 }), (sent, cuts) => {
        const { session, isClosed, device, errors } = openSession();
        const stream = Buffer.concat(sent);
        for (let at = 0, n = 0; at < stream.length; n++) {
          const length = cuts[n % cuts.length];
          session.receive(new Uint8Array(stream.subarray(at, at + length)));
          at += length;
          device.step();
        }
        expect(isClosed()).toBe(errors.length > 0);
        expect(device.guestDma.mappings.count).toBeLessThanOrEqual(protocol.DMA_MAPS_MAX);
        session.close(null);
        session.receive(GOOD[0]);
        expectServesNext({ device });
      }),
      { seed: 22, numRuns: 500 },
    );
  });

  it('as answers to what the server asks: any id, length and content', () => {
    const answer = fc.record({
      command: fc.constantFrom(protocol.DMA_READ, protocol.DMA_WRITE, protocol.VERSION),
      id: fc.nat({ max: 12 }),
      flags: fc.constantFrom(protocol.TYPE_REPLY, protocol.TYPE_REPLY | protocol.FLAG_ERROR),
      count: fc.oneof(fc.constantFrom(48, 0, 16), word),
      data: fc.uint8Array({ maxLength: 64 }),
      raise: fc.nat({ max: 2 }),
    });
    fc.assert(
      fc.property(fc.array(answer, { maxLength: 40 }), (answers) => {
        const { session, device, host, time, errors } = openSession();
        for (const bytes of GOOD) session.receive(bytes);
        for (const { command, id, flags, count, data, raise } of answers) {
          host.raise(raise);
          device.step();
          const body = new Uint8Array(16 + data.length);
          new DataView(body.buffer).setUint32(8, count, true);
          body.set(data, 16);
          session.receive(payloads.message(id, command, body, flags));
          time.nowNs += 5_000_000;
        }
        expect(errors).toEqual([]);
        // A retry, and nothing that piles up.
        expect(device.stats.tableReads).toBeLessThanOrEqual(answers.length + 1);
        session.close(null);
        expectServesNext({ device });
      }),
      { seed: 23, numRuns: 300 },
    );
  });
});
