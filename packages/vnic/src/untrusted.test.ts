import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CardFixture, cardUp, makeCard, type UpFixture } from '../test/card-fixture.ts';
import { addRule } from '../test/flow-rules.ts';
import { pattern, tcpFrame } from '../test/frames.ts';
import { ADMINQ_STATUS_UNSET, AQ_COMMAND, REG_ADMINQ_DOORBELL } from './abi/index.ts';
import type { FlatBuffer } from './mock/index.ts';

const CANARY = 0xa5;
const SMALL = { ramBytes: 2 << 20, slotCount: 16, maxFlowRules: 8 };

/** Memory that the card has no business with: pages it may not reach, and every second frame slot. */
class Canaries {
  readonly #card: CardFixture;
  readonly #pages: FlatBuffer[] = [];
  readonly #slots: number[] = [];

  constructor(card: CardFixture) {
    this.#card = card;
    const { host, port } = card;
    for (let n = 0; n < 4; n++) {
      const page = host.allocate(4096);
      page.region.bytes.fill(CANARY, page.region.base, page.region.base + 4096);
      host.unmap(page);
      this.#pages.push(page);
      host.allocate(4096);
    }
    const { slots } = port;
    const all = Array.from({ length: slots.count }, () => slots.allocate());
    for (const slot of all) {
      if (slot % 2 === 0) {
        slots.release(slot);
        continue;
      }
      const at = slots.address(slot);
      slots.region.bytes.fill(CANARY, at, at + slots.slotBytes);
      this.#slots.push(slot);
    }
  }

  get pages(): readonly FlatBuffer[] {
    return this.#pages;
  }

  check(): void {
    const { slots } = this.#card.port;
    const intact = (bytes: Uint8Array, at: number, length: number) =>
      bytes.subarray(at, at + length).every((byte) => byte === CANARY);
    for (const { region } of this.#pages) expect(intact(region.bytes, region.base, region.length)).toBe(true);
    for (const slot of this.#slots) expect(intact(slots.region.bytes, slots.address(slot), slots.slotBytes)).toBe(true);
  }
}

/** Runs the card until it is idle; a card that never is would fail here. */
function drain(card: CardFixture): void {
  for (let round = 0; round < 5000; round++) {
    card.port.takeAll();
    if (card.nic.run(16) === 0) return;
  }
  throw new Error('the card does not come to rest');
}

/** Bytes that are often something the card understands. */
const opcodes = fc.oneof(fc.integer({ min: 0, max: 0x13 }), fc.constantFrom(0xff, 0x101), fc.nat({ max: 0xffffffff }));
const addresses = fc.oneof(
  fc.integer({ min: 0, max: 520 }).map((page) => 0x1_0000_0000 + page * 4096),
  fc.integer({ min: 0, max: 2 << 20 }).map((at) => 0x1_0000_0000 + at),
  fc.constantFrom(0, 0xffff_ffff, 0x1_0020_0000 - 4, Number.MAX_SAFE_INTEGER),
);

describe('what a driver can do to the card', () => {
  it('random commands get a status each, throw nothing and reach nothing they may not', () => {
    const command = fc.record({
      opcode: opcodes,
      payload: fc.uint8Array({ minLength: 56, maxLength: 56 }),
      small: fc.array(
        fc.tuple(fc.integer({ min: 2, max: 15 }), fc.oneof(fc.nat({ max: 300 }), fc.constant(0xffffffff))),
        { maxLength: 10 },
      ),
      pointers: fc.array(fc.tuple(fc.integer({ min: 1, max: 7 }), addresses), { maxLength: 4 }),
    });
    fc.assert(
      fc.property(fc.array(command, { maxLength: 30 }), fc.boolean(), (commands, configured) => {
        const card = makeCard(SMALL);
        const canaries = new Canaries(card);
        const { driver, nic } = card;
        driver.start();
        if (configured) driver.configureResources();
        for (const { opcode, payload, small, pointers } of commands) {
          if (!nic.inspect().adminqLive) break;
          const before = driver.executed;
          const slot = driver.queueCommand(opcode, (view, at) => {
            for (let i = 0; i < 56; i++) view.setUint8(at + AQ_COMMAND.payload + i, payload[i]);
            for (const [word, value] of small) view.setUint32(at + 4 * word, value);
            for (const [pair, address] of pointers) {
              view.setUint32(at + 8 * pair, Math.floor(address / 2 ** 32));
              view.setUint32(at + 8 * pair + 4, address % 2 ** 32);
            }
          });
          driver.writeRegister(REG_ADMINQ_DOORBELL, driver.submitted);
          drain(card);
          // A command may write its reply over the page itself, so only what the card counts is certain.
          if (nic.inspect().adminqLive) {
            expect(driver.executed).toBe(before + 1);
            expect(driver.statusOf(slot)).not.toBe(ADMINQ_STATUS_UNSET);
          }
        }
        card.port.push(tcpFrame({ payload: pattern(100) }));
        drain(card);
        canaries.check();
      }),
      { seed: 11, numRuns: 300 },
    );
  });

  it('random register and doorbell accesses throw nothing and never keep it busy', () => {
    const access = fc.record({
      bar: fc.integer({ min: -1, max: 6 }),
      offset: fc.oneof(
        fc.integer({ min: 0, max: 0x30 }),
        fc.integer({ min: 0, max: 40 }).map((n) => 4 * n),
        fc.integer(),
      ),
      size: fc.constantFrom(1, 2, 4, 8, 0, 3),
      value: fc.oneof(fc.integer(), fc.nat({ max: 64 }), fc.constantFrom(0, 0xffffffff, 0x19, 0x321)),
      read: fc.boolean(),
      run: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(access, { maxLength: 200 }), fc.boolean(), (accesses, up) => {
        const card = up ? cardUp(SMALL, { queues: 2, entries: 16 }) : makeCard(SMALL);
        const canaries = new Canaries(card);
        for (const { bar, offset, size, value, read, run } of accesses) {
          if (read) {
            const got = card.nic.barRead(bar, offset, size);
            expect(Number.isInteger(got) && got >= 0 && got <= 0xffffffff).toBe(true);
          } else card.nic.barWrite(bar, offset, size, value);
          if (run) card.nic.run(4);
        }
        drain(card);
        canaries.check();
        expect(card.host.clock.scheduled).toBeLessThanOrEqual(20);
      }),
      { seed: 12, numRuns: 200 },
    );
  });

  const descriptorWords = fc.array(
    fc.record({
      index: fc.integer({ min: 0, max: 15 }),
      address: addresses,
      kind: fc.oneof(fc.constantFrom(0x0c, 0x2c, 0x6c, 0xec, 0x8c, 0x25, 0x04), fc.nat({ max: 255 })),
      rest: fc.nat({ max: 0xffffffff }),
      length: fc.oneof(fc.integer({ min: 17, max: 2000 }), fc.nat({ max: 0xffff })),
    }),
    { maxLength: 16 },
  );

  it('random transmit descriptors end in frames, drops or a stopped queue', () => {
    fc.assert(
      fc.property(descriptorWords, fc.array(fc.nat({ max: 0xffff }), { maxLength: 6 }), (words, tails) => {
        const card: UpFixture = cardUp(SMALL, { entries: 16 });
        const canaries = new Canaries(card);
        const { region } = card.tx[0].ring;
        for (const { index, address, kind, rest, length } of words) {
          const at = region.base + 16 * index;
          region.view.setUint32(at, address % 2 ** 32, true);
          region.view.setUint32(at + 4, Math.floor(address / 2 ** 32), true);
          region.view.setUint32(at + 8, rest, true);
          region.view.setUint8(at + 8, kind);
          region.view.setUint16(at + 12, rest & 0xffff, true);
          region.view.setUint16(at + 14, length, true);
        }
        for (const tail of tails) {
          card.tx[0].kick(tail);
          drain(card);
        }
        canaries.check();
        card.driver.release();
        card.port.takeAll();
        expect(card.port.slots.inUse).toBe(8);
      }),
      { seed: 13, numRuns: 300 },
    );
  });

  it('random buffer descriptors end in packets, drops or a stopped queue', () => {
    const descriptors = fc.array(fc.tuple(fc.integer({ min: 0, max: 15 }), addresses, addresses), { maxLength: 16 });
    const frames = fc.array(fc.integer({ min: 0, max: 1446 }), { maxLength: 20 });
    fc.assert(
      fc.property(descriptors, frames, fc.nat({ max: 0xffffffff }), (words, lengths, tail) => {
        const card = cardUp(SMALL, { entries: 16, headerBufferBytes: 256, post: 0, packetBufferBytes: 512 });
        const canaries = new Canaries(card);
        const { region } = card.rx[0].bufferRing;
        for (const [index, buffer, header] of words) {
          const at = region.base + 32 * index;
          for (const [offset, address] of [
            [8, buffer],
            [16, header],
          ]) {
            region.view.setUint32(at + offset, address % 2 ** 32, true);
            region.view.setUint32(at + offset + 4, Math.floor(address / 2 ** 32), true);
          }
        }
        card.rx[0].ring(tail);
        for (const length of lengths) {
          card.port.push(tcpFrame({ payload: pattern(length) }));
          drain(card);
        }
        canaries.check();
        expect(card.port.slots.inUse).toBe(8);
      }),
      { seed: 14, numRuns: 200 },
    );
  });
});

describe('what the wire can do to the card', () => {
  it('random frames are delivered byte for byte or dropped, split or not', () => {
    const card = cardUp({ maxFlowRules: 8 }, { entries: 64, headerBufferBytes: 256, packetBufferBytes: 512 });
    for (let type = 0; type < 8; type++)
      addRule(card.driver, type, { type, queue: 0, ports: [1, 1], portMask: [1, 1] });
    const head = fc.constantFrom([0x08, 0x00], [0x86, 0xdd], [0x81, 0x00], [0x88, 0xa8], [0x08, 0x06], [0, 0]);
    const ip = fc.constantFrom(0x45, 0x46, 0x4f, 0x44, 0x60, 0x00);
    const next = fc.constantFrom(6, 17, 1, 58, 132, 50, 51, 0, 43, 44, 60, 59, 200);
    const frame = fc.record({
      bytes: fc.uint8Array({ minLength: 14, maxLength: 1522 }),
      head,
      ip,
      next,
      total: fc.nat({ max: 1600 }),
    });
    fc.assert(
      fc.property(frame, ({ bytes, head, ip, next, total }) => {
        bytes.set(head, 12);
        const patch = (at: number, value: number) => {
          if (at < bytes.length) bytes[at] = value;
        };
        patch(14, ip);
        patch(14 + (ip === 0x60 ? 6 : 9), next);
        patch(14 + (ip === 0x60 ? 4 : 2), total >>> 8);
        patch(15 + (ip === 0x60 ? 4 : 2), total & 255);
        card.port.push(bytes);
        card.driver.settle(0);
        const packet = card.rx[0].poll();
        expect(packet?.frame).toEqual(bytes);
        card.rx[0].post(packet?.completions.length ?? 0);
        card.driver.settle(0);
      }),
      { seed: 15, numRuns: 1000 },
    );
    expect(card.nic.stats.rx[0].packets).toBe(1000);
    expect(card.port.slots.inUse).toBe(0);
  });
});
