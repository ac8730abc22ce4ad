import { LinearMemory } from '@netmem/region';
import { composeFrame, pseudoHeaderSum4 } from '@netmem/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../test/manual-clock.ts';
import {
  type Cable,
  type CableOptions,
  createCable,
  FRAME_DATA_VALID,
  FRAME_NEEDS_CSUM,
  FrameSlots,
  GSO_TCPV4,
  type LinkClock,
  type Port,
} from './index.ts';

const US = 1000;
const MS = 1_000_000;

function setUp(options: CableOptions = {}, clock: LinkClock | null = null): { slots: FrameSlots; cable: Cable } {
  const slots = new FrameSlots(new LinearMemory(8 << 20), { count: 2000 });
  return { slots, cable: createCable(slots, clock, options) };
}

/** A frame that says its number. */
function send(port: Port, number: number, length = 64): boolean {
  const slot = port.slots.allocate();
  port.slots.length[slot] = length;
  port.slots.region.bytes.fill(0, port.slots.address(slot), port.slots.address(slot) + length);
  port.slots.region.view.setUint32(port.slots.address(slot), number);
  const taken = port.transmit(slot);
  if (!taken) port.slots.release(slot);
  return taken;
}

function receiveAll(port: Port): number[] {
  const numbers: number[] = [];
  for (let slot = port.receive(); slot !== 0; slot = port.receive()) {
    numbers.push(port.slots.region.view.getUint32(port.slots.address(slot)));
    port.slots.release(slot);
  }
  return numbers;
}

function bitsThatDiffer(a: Uint8Array, b: Uint8Array): number[] {
  return Array.from({ length: a.length * 8 }, (_, bit) => bit).filter(
    (bit) => ((a[bit >> 3] ^ b[bit >> 3]) >> (bit & 7)) & 1,
  );
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describe('a perfect cable', () => {
  it('passes the very slot, both ways, in order, at once', () => {
    const { slots, cable } = setUp();
    const slot = slots.store(Uint8Array.of(1, 2, 3));
    expect(cable.a.transmit(slot)).toBe(true);
    expect(cable.a.receive()).toBe(0);
    expect(cable.b.receive()).toBe(slot);
    slots.release(slot);
    for (const i of range(50)) send(cable.b, i);
    expect(receiveAll(cable.a)).toEqual(range(50));
    expect(cable.step()).toBe(false);
    expect(slots.inUse).toBe(0);
  });

  it('counts at both ends', () => {
    const { cable } = setUp();
    send(cable.a, 0, 100);
    send(cable.a, 1, 50);
    receiveAll(cable.b);
    expect(cable.a.stats).toMatchObject({ txFrames: 2, txBytes: 150, rxFrames: 0, txDropped: 0 });
    expect(cable.b.stats).toMatchObject({ rxFrames: 2, rxBytes: 150, txFrames: 0, rxDropped: 0 });
  });

  it('is full after queueFrames, and the sender keeps the frame', () => {
    const { slots, cable } = setUp({ queueFrames: 3 });
    expect(range(5).map((i) => send(cable.a, i))).toEqual([true, true, true, false, false]);
    expect(cable.framesUnderWay).toBe(3);
    expect(receiveAll(cable.b)).toEqual([0, 1, 2]);
    expect(send(cable.a, 9)).toBe(true);
    expect(receiveAll(cable.b)).toEqual([9]);
    expect(slots.inUse).toBe(0);
  });

  it('drops and counts a frame above the MTU, unless it is to be cut', () => {
    const { slots, cable } = setUp({ mtu: 1500 });
    send(cable.a, 0, 1522);
    send(cable.a, 1, 1523);
    expect(receiveAll(cable.b)).toEqual([0]);
    expect(cable.a.stats.txDropped).toBe(1);
    const slot = slots.store(new Uint8Array(2000));
    slots.gsoType[slot] = GSO_TCPV4;
    cable.a.transmit(slot);
    expect(cable.b.receive()).toBe(slot);
  });
});

describe.each<[string, CableOptions]>([
  ['a perfect cable', {}],
  ['a slow cable', { latencyNs: MS }],
])('%s that is unplugged', (_, options) => {
  it('loses what is under way, drops what is sent, and works again when plugged in', () => {
    const clock = new ManualClock();
    const { slots, cable } = setUp(options, clock);
    for (const i of range(3)) send(cable.a, i);
    cable.setLinkUp(false);
    expect([cable.a.linkUp, cable.b.linkUp]).toEqual([false, false]);
    expect(cable.faults.lost).toBe(3);
    expect(send(cable.b, 7)).toBe(true);
    expect(cable.b.stats.txDropped).toBe(1);
    clock.advance(2 * MS);
    expect(receiveAll(cable.b)).toEqual([]);
    cable.setLinkUp(true);
    send(cable.a, 8);
    clock.advance(2 * MS);
    expect(receiveAll(cable.b)).toEqual([8]);
    expect(slots.inUse).toBe(0);
  });
});

describe('latency and bandwidth', () => {
  it('delays by the latency, waking the clock', () => {
    const clock = new ManualClock();
    const { slots, cable } = setUp({ latencyNs: 50 * US }, clock);
    send(cable.a, 1);
    clock.advance(10 * US);
    send(cable.a, 2);
    clock.advance(40 * US - 1);
    expect(receiveAll(cable.b)).toEqual([]);
    clock.advance(1);
    const slot = cable.b.receive();
    expect(slots.timestampNs[slot]).toBe(50 * US);
    slots.release(slot);
    clock.advance(10 * US);
    expect(receiveAll(cable.b)).toEqual([2]);
  });

  it('lets frames follow each other at line rate, with what Ethernet adds to each', () => {
    const clock = new ManualClock();
    // 1 Gbit/s: 1 byte takes 8 ns. 1514 bytes and 24 around them take 12.304 us; a short frame counts as 60.
    const { slots, cable } = setUp({ bandwidthBitsPerSecond: 1e9, latencyNs: 1000 }, clock);
    send(cable.a, 1, 1514);
    send(cable.a, 2, 1514);
    send(cable.a, 3, 42);
    clock.advance(MS);
    const times = range(3).map(() => {
      const slot = cable.b.receive();
      const time = slots.timestampNs[slot];
      slots.release(slot);
      return time;
    });
    expect(times).toEqual([12_304 + 1000, 24_608 + 1000, 24_608 + 84 * 8 + 1000]);
    // The line fell silent: the next frame starts now.
    send(cable.a, 4, 1514);
    clock.advance(13_304);
    expect(receiveAll(cable.b)).toEqual([4]);
  });

  it('asks to be woken about once a frame, however often a frame overtakes the one it waits for', () => {
    const clock = new ManualClock();
    const { cable } = setUp({ latencyNs: 50 * US, reorder: 0.5, reorderNs: MS, seed: 3 }, clock);
    const got: number[] = [];
    for (const i of range(1000)) {
      send(cable.a, i);
      clock.advance(20 * US);
      got.push(...receiveAll(cable.b));
    }
    clock.advance(2 * MS);
    got.push(...receiveAll(cable.b));
    expect([...got].sort((a, b) => a - b)).toEqual(range(1000));
    expect(clock.scheduled).toBeLessThanOrEqual(1100);
    expect(clock.pending).toBe(0);
  });

  it('delivers by step() too, for a clock that only tells the time', () => {
    const clock = { nowNs: 0, schedule: (): void => {} };
    const { cable } = setUp({ latencyNs: 100 }, clock);
    send(cable.a, 1);
    expect(cable.step()).toBe(false);
    clock.nowNs = 100;
    expect(cable.step()).toBe(true);
    expect(receiveAll(cable.b)).toEqual([1]);
  });

  it('needs a clock, and options that make sense', () => {
    expect(() => setUp({ latencyNs: 1 })).toThrow(/need a clock/);
    expect(() => setUp({ bandwidthBitsPerSecond: 1e9 })).toThrow(/need a clock/);
    expect(() => setUp({ loss: 1.5 })).toThrow(/loss is a probability/);
    expect(() => setUp({ corrupt: Number.NaN })).toThrow(/corrupt is a probability/);
    expect(() => setUp({ reorderNs: -1 })).toThrow(RangeError);
    expect(() => setUp({ queueFrames: 0 })).toThrow(RangeError);
    expect(() => setUp({ superFrames: true, corrupt: 0.1 })).toThrow(/no checksum yet/);
  });
});

describe('faults', () => {
  /** Sends numbered frames a few at a time, as a machine would, and returns what arrived. */
  function run(options: CableOptions, count = 1000, clock: ManualClock | null = null): { got: number[]; cable: Cable } {
    const { slots, cable } = setUp(options, clock);
    const got: number[] = [];
    for (let first = 0; first < count; first += 10) {
      for (let i = first; i < first + 10; i++) expect(send(cable.a, i)).toBe(true);
      clock?.advance(10 * US);
      cable.step();
      got.push(...receiveAll(cable.b));
    }
    clock?.advance(10 * MS);
    while (cable.step());
    got.push(...receiveAll(cable.b));
    expect(slots.inUse).toBe(0);
    expect(cable.framesUnderWay).toBe(0);
    return { got, cable };
  }

  it('lose about as many frames as asked, in order, and count them', () => {
    const { got, cable } = run({ loss: 0.1, seed: 11 });
    expect(cable.faults.lost).toBe(1000 - got.length);
    expect(cable.faults.lost).toBeGreaterThan(60);
    expect(cable.faults.lost).toBeLessThan(140);
    expect(got).toEqual([...got].sort((a, b) => a - b));
  });

  it.each([
    ['without a clock', null],
    ['with a clock', new ManualClock()],
  ])('reorder without losing or doubling, %s', (_, clock) => {
    const { got, cable } = run({ reorder: 0.2, seed: 12 }, 1000, clock);
    expect([...got].sort((a, b) => a - b)).toEqual(range(1000));
    const overtaken = got.filter((number, i) => got.slice(i + 1).some((later) => later < number)).length;
    expect(overtaken).toBeGreaterThan(50);
    expect(cable.faults.reordered).toBeGreaterThan(120);
  });

  it('hold a frame on a line that fell silent no longer than until the next idle step', () => {
    const { cable } = setUp({ reorder: 1, seed: 1 });
    send(cable.a, 1);
    let steps = 0;
    while (cable.step()) steps++;
    expect(steps).toBeGreaterThan(0);
    expect(receiveAll(cable.b)).toEqual([1]);
  });

  it('double frames, both of the same content', () => {
    const { got, cable } = run({ duplicate: 0.1, seed: 13 });
    expect(got).toHaveLength(1000 + cable.faults.duplicated);
    expect(cable.faults.duplicated).toBeGreaterThan(60);
    expect([...new Set(got)]).toEqual(range(1000));
  });

  it('flip exactly one bit', () => {
    const { slots, cable } = setUp({ corrupt: 1, seed: 14 });
    const frame = Uint8Array.from({ length: 200 }, (_, i) => i);
    const positions = new Set<number>();
    for (let i = 0; i < 50; i++) {
      cable.a.transmit(slots.store(frame));
      const slot = cable.b.receive();
      const bits = bitsThatDiffer(slots.copyOf(slot), frame);
      expect(bits).toHaveLength(1);
      positions.add(bits[0]);
      slots.release(slot);
    }
    expect(cable.faults.corrupted).toBe(50);
    expect(positions.size).toBeGreaterThan(20);
  });

  it('flip a bit so that the receiver can notice: checksums left to the line are finished first, and nobody vouches for them', () => {
    const { slots, cable } = setUp({ corrupt: 1, seed: 15 });
    const whole = composeFrame({
      ipv4: { source: '10.0.0.1', destination: '10.0.0.2' },
      tcp: { payload: new Uint8Array(900) },
    });
    const frame = whole.slice();
    const view = new DataView(frame.buffer);
    view.setUint16(50, pseudoHeaderSum4(view, 26, 30, 6, frame.length - 34));
    const slot = slots.store(frame);
    slots.flags[slot] = FRAME_NEEDS_CSUM | FRAME_DATA_VALID;
    slots.checksumStart[slot] = 34;
    slots.checksumOffset[slot] = 16;
    cable.a.transmit(slot);
    expect(cable.b.receive()).toBe(slot);
    expect(slots.flags[slot]).toBe(0);
    expect(bitsThatDiffer(slots.copyOf(slot), whole)).toHaveLength(1);
  });

  it('are the same for the same seed and others for another', () => {
    const options = { loss: 0.1, reorder: 0.1, duplicate: 0.1, corrupt: 0.1 };
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const { got } = run({ ...options, seed }, 100);
        expect(run({ ...options, seed }, 100).got).toEqual(got);
        expect(run({ ...options, seed: seed + 1 }, 100).got).not.toEqual(got);
      }),
      { seed: 21, numRuns: 20 },
    );
  });

  it('of one direction do not depend on traffic in the other', () => {
    const alone = run({ loss: 0.3, seed: 16 }, 100).got;
    const { cable } = setUp({ loss: 0.3, seed: 16 });
    for (const i of range(100)) {
      send(cable.b, i);
      send(cable.a, i);
    }
    expect(receiveAll(cable.b)).toEqual(alone);
    expect(receiveAll(cable.a)).not.toEqual(alone);
  });
});
