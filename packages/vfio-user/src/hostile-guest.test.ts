import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createScriptedPort, FrameSlots } from '@netmem/link';
import { LinearMemory } from '@netmem/region';
import { createNic } from '@netmem/vnic';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inFolder } from '../test/socket-fixture.ts';
import { createVfioUserDevice, openFileMemory, type VfioUserError } from './index.ts';
import { connectCommands, connectLoopback, enableCommands, payloads, prepareMsix } from './mock/index.ts';
import * as protocol from './protocol.ts';

const PAGE = protocol.PAGE_BYTES;
const MAPPED_BYTES = 64 * PAGE;
const MAPPING_BYTES = 8 * PAGE;
const FILE_BYTES = 128 * PAGE;
/** What the guest has not mapped: the second half of its file. */
const CANARY = Buffer.alloc(FILE_BYTES - MAPPED_BYTES, 0xc5);
const STEPS_MAX = 2000;
const FRAME_SLOTS = 64;

const address = fc.oneof(
  fc.nat({ max: 63 }).map((page) => page * PAGE),
  fc.nat({ max: MAPPED_BYTES + 2 * PAGE }),
  fc.constantFrom(MAPPED_BYTES - 4, MAPPED_BYTES - 32, MAPPED_BYTES, FILE_BYTES, 0xe100_0000, 2 ** 40),
);
const word = fc.oneof(fc.nat({ max: 70 }), fc.nat({ max: 0xffff_ffff }), fc.constantFrom(0x19, 0x321, 0xffff_ffff));

/** An admin command: an opcode that exists, words that are mostly small, pointers that are mostly mapped. */
const command = fc.record({
  kind: fc.constant('command' as const),
  opcode: fc.oneof(fc.integer({ min: 1, max: 0x12 }), fc.constantFrom(0xff, 0x101, 0)),
  words: fc.array(fc.tuple(fc.integer({ min: 2, max: 15 }), word), { maxLength: 12 }),
  pointers: fc.array(fc.tuple(fc.integer({ min: 1, max: 7 }), address), { maxLength: 4 }),
});
/** A command that is right, so that garbage also reaches what only a set-up card has. */
const setUp = fc.record({
  kind: fc.constant('set-up' as const),
  what: fc.constantFrom('start', 'resources', 'tx', 'rx', 'post', 'send'),
});
const action = fc.oneof(
  { weight: 6, arbitrary: command },
  { weight: 8, arbitrary: setUp },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('frame' as const), length: fc.nat({ max: 1600 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('step' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('memory' as const),
      at: address,
      bytes: fc.uint8Array({ maxLength: 64 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      region: fc.constantFrom(0, 2, 2, 2, 2, 1, 7),
      offset: fc.oneof(
        fc.nat({ max: 16 }).map((n) => 4 * n),
        fc.nat({ max: 4096 }),
      ),
      size: fc.constantFrom(1, 2, 4, 4),
      value: word,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.oneof(
      fc.record({ kind: fc.constant('read' as const), region: fc.nat({ max: 9 }), offset: fc.nat({ max: 4100 }) }),
      fc.record({ kind: fc.constant('unmap' as const), at: address }),
      fc.record({ kind: fc.constant('map' as const), page: fc.nat({ max: 70 }), position: fc.nat({ max: 63 }) }),
      fc.record({ kind: fc.constant('irqs' as const), flags: fc.nat({ max: 63 }), vector: fc.nat({ max: 8 }) }),
      fc.record({ kind: fc.constant('reset' as const) }),
    ),
  },
);

describe('a hostile guest', () => {
  it('makes the server neither throw, hang, grow, nor touch what is not mapped', async () => {
    await inFolder(async (folder) => {
      const path = join(folder, 'ram');
      const fd = openSync(path, 'w+');
      fc.assert(
        fc.property(fc.array(action, { minLength: 20, maxLength: 150, size: 'max' }), fc.boolean(), (actions, up) => {
          writeSync(fd, Buffer.alloc(MAPPED_BYTES), 0, MAPPED_BYTES, 0);
          writeSync(fd, CANARY, 0, CANARY.length, MAPPED_BYTES);
          const memory = new LinearMemory(2 << 20);
          const port = createScriptedPort(new FrameSlots(memory, { count: FRAME_SLOTS, slotBytes: 2048 }), {
            mtu: 1500,
          });
          const errors: VfioUserError[] = [];
          let nowNs = 0;
          const device = createVfioUserDevice({
            makeFunction: (host) =>
              createNic(host, { port, memory, maxQueues: 2, minRingEntries: 16, interruptModeration: true }),
            openMemory: () => openFileMemory(path),
            nowNs: () => nowNs,
            onError: (error) => errors.push(error),
          });
          const client = connectLoopback(device);
          const { pci } = device.function;
          prepareMsix(client, pci);
          const ram = Array.from({ length: MAPPED_BYTES / MAPPING_BYTES }, (_, n) => {
            return { iova: n * MAPPING_BYTES, size: MAPPING_BYTES, offset: n * MAPPING_BYTES };
          });
          for (const { command, body } of [...connectCommands(ram), ...enableCommands(pci)])
            client.callNow(command, body);
          const driver = new BlindDriver(fd, (region, offset, value) => client.writeRegion(region, offset, 4, value));
          if (up) for (const what of ['start', 'resources', 'tx', 'rx', 'post'] as const) driver.setUp(what, settle);
          function settle(): void {
            let steps = 0;
            while (device.step() && steps < STEPS_MAX) steps++;
            expect(steps).toBeLessThan(STEPS_MAX);
          }
          for (const one of actions) {
            nowNs += 30_000;
            switch (one.kind) {
              case 'command':
                driver.command(one.opcode, one.words, one.pointers);
                break;
              case 'set-up':
                driver.setUp(one.what, settle);
                break;
              case 'memory':
                if (one.at + one.bytes.length <= MAPPED_BYTES) writeSync(fd, one.bytes, 0, one.bytes.length, one.at);
                break;
              case 'write':
                client.writeRegion(one.region, one.offset, one.size, one.value);
                break;
              case 'read':
                client.callNow(protocol.REGION_READ, payloads.regionPayload(one.region, one.offset, 4));
                break;
              case 'unmap':
                client.callNow(
                  protocol.DMA_UNMAP,
                  payloads.unmapPayload(one.at - (one.at % MAPPING_BYTES), MAPPING_BYTES),
                );
                break;
              case 'map':
                client.callNow(
                  protocol.DMA_MAP,
                  payloads.mapPayload({ iova: one.page * PAGE, size: PAGE, offset: one.position * PAGE }),
                );
                break;
              case 'irqs':
                client.callNow(
                  protocol.DEVICE_SET_IRQS,
                  payloads.setIrqsPayload(one.flags, protocol.IRQ_MSIX, one.vector, 1, new Uint8Array(1)),
                );
                break;
              case 'reset':
                client.callNow(protocol.DEVICE_RESET);
                break;
              case 'frame':
                port.push(new Uint8Array(one.length));
                break;
              case 'step':
                settle();
            }
          }
          settle();
          const canary = Buffer.alloc(CANARY.length);
          readSync(fd, canary, 0, canary.length, MAPPED_BYTES);
          expect(canary.equals(CANARY)).toBe(true);
          expect(errors).toEqual([]);
          expect(client.closed).toBe(false);
          client.disconnect();
          port.takeAll();
          settle();
          expect(port.slots.inUse).toBe(0);
        }),
        { seed: 31, numRuns: 150 },
      );
      closeSync(fd);
    });
  });
});

/** Writes what a driver writes, in fixed places, and looks at nothing. */
class BlindDriver {
  #submitted = 0;
  readonly #fd: number;
  readonly #writeBar: (bar: number, offset: number, value: number) => void;

  constructor(fd: number, writeBar: (bar: number, offset: number, value: number) => void) {
    this.#fd = fd;
    this.#writeBar = writeBar;
  }

  command(
    opcode: number,
    words: readonly (readonly [number, number])[],
    pointers: readonly (readonly [number, number])[],
  ): void {
    const slot = Buffer.alloc(64);
    slot.writeUInt32BE(opcode, 0);
    for (const [at, value] of words) slot.writeUInt32BE(value, 4 * at);
    for (const [pair, address] of pointers) slot.writeBigUInt64BE(BigInt(address), 8 * pair);
    writeSync(this.#fd, slot, 0, 64, PAGE + 64 * (this.#submitted & 63));
    this.#submitted++;
    this.#writeBar(0, 0x14, bigEndian(this.#submitted));
  }

  setUp(what: 'start' | 'resources' | 'tx' | 'rx' | 'post' | 'send', settle: () => void): void {
    switch (what) {
      case 'start':
        this.#submitted = 0;
        this.#writeBar(0, 0x10, bigEndian(1));
        break;
      case 'resources':
        // Counters at page 2, doorbell indexes at page 3, four blocks, DQO-RDA.
        this.command(
          2,
          [
            [6, 16],
            [7, 4],
            [8, 64],
            [10, 0x0300_0000],
          ],
          [
            [1, 2 * PAGE],
            [2, 3 * PAGE],
          ],
        );
        break;
      case 'tx':
        this.command(
          5,
          [
            [8, 0xffff_ffff],
            [12, 0x0010_0010],
          ],
          [
            [2, 2 * PAGE + 64],
            [3, 4 * PAGE],
            [5, 5 * PAGE],
          ],
        );
        break;
      case 'rx':
        this.command(
          6,
          [
            [5, 2],
            [12, 0xffff_ffff],
            [13, 0x0010_0800],
            [14, 0x0010_0100],
            [15, 0x0100_0000],
          ],
          [
            [3, 2 * PAGE + 128],
            [4, 6 * PAGE],
            [5, 7 * PAGE],
          ],
        );
        break;
      case 'post':
        for (let n = 0; n < 16; n++) {
          const descriptor = Buffer.alloc(32);
          descriptor.writeUInt16LE(n, 0);
          descriptor.writeBigUInt64LE(BigInt((16 + n) * PAGE), 8);
          descriptor.writeBigUInt64LE(BigInt(8 * PAGE + 256 * n), 16);
          writeSync(this.#fd, descriptor, 0, 32, 7 * PAGE + 32 * n);
        }
        for (let block = 1; block <= 4; block++) this.#writeBar(2, 4 * block, 0x321);
        this.#writeBar(2, 4 * 7, 15);
        break;
      case 'send': {
        const descriptor = Buffer.alloc(16);
        descriptor.writeBigUInt64LE(BigInt(40 * PAGE), 0);
        descriptor.writeUInt8(0x0c | 0x20 | 0x80, 8);
        descriptor.writeUInt16LE(60, 14);
        for (let n = 0; n < 8; n++) writeSync(this.#fd, descriptor, 0, 16, 4 * PAGE + 16 * n);
        this.#writeBar(2, 4 * 5, 8);
      }
    }
    settle();
  }
}

function bigEndian(value: number): number {
  return Buffer.from(Uint32Array.of(value).buffer).readUInt32BE(0);
}
