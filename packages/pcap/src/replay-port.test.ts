import { createScriptedPort, FrameSlots } from '@netmem/link';
import { LinearMemory } from '@netmem/region';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PCAP_BIG, PCAPNG_LITTLE } from '../test/fixtures.ts';
import { ManualClock } from '../test/manual-clock.ts';
import {
  type CapturedPacket,
  CaptureError,
  capturePort,
  createReplayPort,
  DIRECTION_OUTBOUND,
  openCapture,
  PcapngWriter,
  type ReplayFrame,
  readCapture,
} from './index.ts';

const newSlots = (count = 8): FrameSlots => new FrameSlots(new LinearMemory(1 << 20), { count, slotBytes: 256 });
const at = (timestampNs: number, value: number = timestampNs): ReplayFrame => ({
  data: Uint8Array.of(value),
  timestampNs,
});

describe('createReplayPort', () => {
  it('yields frames at their recorded distances, beginning when it is asked first', () => {
    const slots = newSlots();
    const clock = new ManualClock();
    const port = createReplayPort(slots, [at(100), at(130), at(130, 7), at(200)], { clock });
    expect([clock.stops, port.remaining, port.frames]).toEqual([[], 4, 4]);
    clock.nowNs = 1000;
    const take = () => {
      const slot = port.receive();
      if (slot === 0) return null;
      const got = [slots.region.bytes[slots.address(slot)], slots.length[slot], slots.timestampNs[slot]];
      slots.release(slot);
      return got;
    };
    expect(take()).toEqual([100, 1, 1000]);
    expect([take(), take(), clock.stops]).toEqual([null, null, [1030]]);
    clock.nowNs = 1029;
    expect(take()).toBeNull();
    clock.nowNs = 1035;
    expect([take(), take(), take()]).toEqual([[130, 1, 1035], [7, 1, 1035], null]);
    expect(clock.stops).toEqual([1030, 1100]);
    clock.nowNs = 5000;
    expect([take(), take(), port.finished, port.remaining, port.passes]).toEqual([[200, 1, 5000], null, true, 0, 1]);
    expect(clock.stops).toEqual([1030, 1100]);
    expect(port.stats).toMatchObject({ rxFrames: 4, rxBytes: 4, rxDropped: 0 });
    expect(slots.inUse).toBe(0);
  });

  it('can begin at a given time', () => {
    const clock = new ManualClock();
    const slots = newSlots();
    const port = createReplayPort(slots, [at(0), at(10)], { clock, startNs: 500 });
    expect([clock.stops, port.receive()]).toEqual([[500], 0]);
    clock.nowNs = 500;
    slots.release(port.receive());
    expect([port.receive(), clock.stops]).toEqual([0, [500, 510]]);
  });

  it('yields everything at once when asked to, and needs no clock for it', () => {
    const slots = newSlots();
    const port = createReplayPort(slots, [at(1e9, 1), at(5e9, 2)], { speed: 'asap', mtu: 9000 });
    expect([slots.copyOf(port.receive()), slots.copyOf(port.receive()), port.receive()]).toEqual([
      Uint8Array.of(1),
      Uint8Array.of(2),
      0,
    ]);
    expect([port.mtu, port.linkUp, port.slots]).toEqual([9000, true, slots]);
    expect(() => createReplayPort(slots, [])).toThrow(RangeError);
    expect(createReplayPort(slots, [], { speed: 'asap', loop: true }).finished).toBe(true);
  });

  it('loops at the average pace of the recording', () => {
    const clock = new ManualClock();
    const slots = newSlots();
    const times: number[] = [];
    const play = (frames: ReplayFrame[], loop: boolean | number, rounds: number) => {
      const port = createReplayPort(slots, frames, { clock, loop });
      const start = clock.nowNs;
      times.length = 0;
      for (let i = 0; i < rounds; i++) {
        for (let slot = port.receive(); slot !== 0; slot = port.receive()) {
          times.push(clock.nowNs - start);
          slots.release(slot);
        }
        clock.nowNs = Math.max(clock.nowNs, clock.stops.at(-1) ?? 0);
      }
      return port;
    };
    expect(play([at(0), at(10), at(40)], 2, 20)).toMatchObject({ finished: true, passes: 2 });
    expect(times).toEqual([0, 10, 40, 60, 70, 100]);
    expect(play([at(7)], true, 3)).toMatchObject({ finished: false, passes: 3, remaining: 1 });
    expect(times).toEqual([0, 1e6, 2e6]);
    expect(play([at(0)], false, 3)).toMatchObject({ finished: true, passes: 1 });
    expect(play([at(0)], 0, 1)).toMatchObject({ finished: true, passes: 0 });
  });

  it('keeps seconds since 1970 exact, and plays late what was recorded early', () => {
    const clock = new ManualClock();
    const slots = newSlots();
    const frame = (seconds: number, nanoseconds: number): ReplayFrame => ({
      data: new Uint8Array(1),
      timestampNs: -1,
      seconds,
      nanoseconds,
    });
    const port = createReplayPort(slots, [frame(1_736_000_103, 999_999_999), frame(1_736_000_104, 3), frame(5, 0)], {
      clock,
    });
    slots.release(port.receive());
    expect([port.receive(), clock.stops]).toEqual([0, [4]]);
    clock.nowNs = 4;
    expect([port.receive(), port.receive(), port.receive()].filter((slot) => slot !== 0)).toHaveLength(2);
  });

  it('swallows and counts what is transmitted', () => {
    const slots = newSlots();
    const port = createReplayPort(slots, [], { speed: 'asap' });
    expect([port.transmit(slots.store(new Uint8Array(9))), slots.inUse]).toEqual([true, 0]);
    port.linkUp = false;
    expect([port.transmit(slots.store(new Uint8Array(9))), slots.inUse]).toEqual([true, 0]);
    expect(port.stats).toMatchObject({ txFrames: 1, txBytes: 9, txDropped: 1 });
  });

  it('waits while no slot is left or the link is down, and leaves out what no slot can hold', () => {
    const slots = newSlots(1);
    const frames = [{ data: new Uint8Array(256), queue: 3 }, { data: new Uint8Array(257) }, at(0, 9)];
    const port = createReplayPort(slots, frames, { speed: 'asap' });
    expect([port.stats.rxDropped, port.remaining]).toEqual([1, 2]);
    const slot = port.receive();
    expect([slots.length[slot], slots.queue[slot], port.receive()]).toEqual([256, 3, 0]);
    slots.release(slot);
    port.linkUp = false;
    expect(port.receive()).toBe(0);
    port.linkUp = true;
    expect(slots.copyOf(port.receive())).toEqual(Uint8Array.of(9));
    expect(port.stats).toMatchObject({ rxFrames: 2, rxBytes: 257 });
  });

  it('plays files: a reader, or what can be read of a damaged one', () => {
    const slots = newSlots();
    const port = createReplayPort(slots, openCapture(PCAP_BIG), { speed: 'asap' });
    expect([slots.copyOf(port.receive()), slots.copyOf(port.receive())]).toEqual([
      Uint8Array.of(1, 2, 3),
      new Uint8Array(0),
    ]);
    const cut = PCAPNG_LITTLE.slice(0, -5);
    expect(() => createReplayPort(slots, openCapture(cut), { speed: 'asap' })).toThrow(CaptureError);
    expect(createReplayPort(slots, readCapture(cut).packets, { speed: 'asap' }).frames).toBe(1);
  });

  it('plays only what the filter lets through', () => {
    const slots = newSlots();
    const writer = new PcapngWriter();
    const inner = createScriptedPort(slots);
    const captured = capturePort(inner, writer, { name: 'eth0', clock: new ManualClock() });
    captured.transmit(slots.store(Uint8Array.of(1)));
    inner.push(Uint8Array.of(2), { queue: 4 });
    slots.release(captured.receive());
    const filter = (packet: CapturedPacket) => packet.direction !== DIRECTION_OUTBOUND;
    const port = createReplayPort(slots, openCapture(writer.toBytes()), { speed: 'asap', filter });
    const slot = port.receive();
    expect([slots.copyOf(slot), slots.queue[slot], port.receive()]).toEqual([Uint8Array.of(2), 4, 0]);
  });

  it('plays a capture of itself the same again, to the nanosecond', () => {
    const recording = fc.array(
      fc.record({ data: fc.uint8Array({ minLength: 1, maxLength: 256 }), gapNs: fc.nat({ max: 1e9 }) }),
      { minLength: 1, maxLength: 20 },
    );
    fc.assert(
      fc.property(recording, fc.nat(), (gaps, startNs) => {
        let timestampNs = 0;
        let frames: readonly ReplayFrame[] = gaps.map(({ data, gapNs }) => {
          timestampNs += gapNs;
          return { data, timestampNs };
        });
        const played: unknown[] = [];
        for (let round = 0; round < 2; round++) {
          const slots = newSlots(2);
          const clock = new ManualClock();
          clock.nowNs = startNs;
          const writer = new PcapngWriter();
          const replay = createReplayPort(slots, frames, { clock });
          const port = capturePort(replay, writer, { name: 'eth0', clock });
          while (!replay.finished) {
            const slot = port.receive();
            if (slot !== 0) slots.release(slot);
            else clock.nowNs = clock.stops.at(-1) as number;
          }
          frames = readCapture(writer.toBytes()).packets;
          played.push(frames.map(({ data, timestampNs: time }) => [[...data], (time as number) - startNs]));
        }
        let sinceFirst = -(gaps[0] as (typeof gaps)[0]).gapNs;
        const expected = gaps.map(({ data, gapNs }) => {
          sinceFirst += gapNs;
          return [[...data], sinceFirst];
        });
        expect(played[0]).toEqual(expected);
        expect(played[1]).toEqual(played[0]);
      }),
      { numRuns: 60 },
    );
  });
});
