import { LinearMemory } from '@netmem/region';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FRAME_DATA_VALID, FrameSlots, GSO_TCPV4 } from './index.ts';

const make = (count = 4, slotBytes = 128): FrameSlots => new FrameSlots(new LinearMemory(65_536), { count, slotBytes });

describe('FrameSlots', () => {
  it('hands each slot out once, none of them 0, and then none', () => {
    const slots = make(3);
    const taken = [slots.allocate(), slots.allocate(), slots.allocate()];
    expect(new Set(taken).size).toBe(3);
    expect(taken).not.toContain(0);
    expect(slots.allocate()).toBe(0);
    expect(slots.inUse).toBe(3);
    slots.release(taken[1]);
    expect(slots.allocate()).toBe(taken[1]);
  });

  it('places slots one after the other within its region', () => {
    const slots = make(4, 128);
    const addresses = [1, 2, 3, 4].map((slot) => slots.address(slot));
    // Each behind its headroom.
    expect(addresses).toEqual([16, 160, 304, 448].map((offset) => slots.region.base + offset));
    expect([slots.region.length, slots.headroomBytes]).toEqual([576, 16]);
  });

  it('keeps as much room before each frame as is asked for, none included', () => {
    for (const headroomBytes of [0, 10, 64]) {
      const slots = new FrameSlots(new LinearMemory(65_536), { count: 3, slotBytes: 100, headroomBytes });
      const frames = [slots.allocate(), slots.allocate(), slots.allocate()];
      for (const slot of frames) {
        const at = slots.address(slot);
        slots.region.bytes.fill(slot, at - headroomBytes, at + slots.slotBytes);
      }
      // Nobody's headroom is another's frame.
      for (const slot of frames) {
        const at = slots.address(slot);
        expect(new Set(slots.region.bytes.slice(at - headroomBytes, at + slots.slotBytes))).toEqual(new Set([slot]));
      }
    }
  });

  it('forgets what it knew of a frame when the slot is given out again', () => {
    const slots = make();
    const slot = slots.allocate();
    for (const column of [
      'length',
      'flags',
      'gsoType',
      'gsoSize',
      'headerLength',
      'checksumStart',
      'checksumOffset',
      'timestampNs',
      'queue',
    ] as const) {
      slots[column][slot] = 9;
    }
    slots.release(slot);
    expect(slots.allocate()).toBe(slot);
    expect(slots.length[slot] + slots.flags[slot] + slots.gsoType[slot] + slots.gsoSize[slot]).toBe(0);
    expect(slots.headerLength[slot] + slots.checksumStart[slot] + slots.checksumOffset[slot]).toBe(0);
    expect(slots.timestampNs[slot] + slots.queue[slot]).toBe(0);
  });

  it('throws when a slot is released that nobody owns', () => {
    const slots = make();
    const slot = slots.allocate();
    slots.release(slot);
    expect(() => slots.release(slot)).toThrow(/frame slot 1 is not in use/);
    expect(() => slots.release(0)).toThrow(/not in use/);
    expect(() => slots.release(5)).toThrow(/not in use/);
  });

  it('stores, copies and duplicates frames with their columns', () => {
    const slots = make();
    const slot = slots.store(Uint8Array.of(1, 2, 3));
    slots.flags[slot] = FRAME_DATA_VALID;
    slots.gsoType[slot] = GSO_TCPV4;
    slots.gsoSize[slot] = 1448;
    slots.queue[slot] = 3;
    const copy = slots.duplicate(slot);
    slots.region.bytes[slots.address(slot)] = 99;
    expect([...slots.copyOf(copy)]).toEqual([1, 2, 3]);
    expect([...slots.copyOf(slot)]).toEqual([99, 2, 3]);
    expect([slots.flags[copy], slots.gsoType[copy], slots.gsoSize[copy], slots.queue[copy]]).toEqual([2, 1, 1448, 3]);
    expect(slots.store(new Uint8Array(129))).toBe(0);
    expect(slots.inUse).toBe(2);
  });

  it('neither loses nor doubles a slot, whatever the order', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(9), { maxLength: 200 }), (steps) => {
        const slots = make(6, 64);
        const owned: number[] = [];
        for (const step of steps) {
          if (step < 6) {
            const slot = slots.allocate();
            expect(slot === 0).toBe(owned.length === 6);
            if (slot !== 0) {
              expect(owned).not.toContain(slot);
              owned.push(slot);
            }
          } else if (owned.length > 0) {
            slots.release(owned.splice(step % owned.length, 1)[0]);
          }
          expect(slots.inUse).toBe(owned.length);
        }
      }),
      { seed: 20 },
    );
  });

  it('says how much memory was missing', () => {
    expect(() => new FrameSlots(new LinearMemory(65_536))).toThrow(RangeError);
  });
});
