import { LinearMemory } from '@netmem/region';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../test/manual-clock.ts';
import {
  createScriptedPort,
  type FaultPlan,
  type FaultyPort,
  FrameSlots,
  injectFaults,
  type ScriptedPort,
} from './index.ts';

function setUp(plan: FaultPlan): { slots: FrameSlots; inner: ScriptedPort; port: FaultyPort } {
  const slots = new FrameSlots(new LinearMemory(1 << 20), { count: 64, slotBytes: 256 });
  const inner = createScriptedPort(slots);
  return { slots, inner, port: injectFaults(inner, plan) };
}

const send = (port: FaultyPort, ...bytes: number[]): void => {
  for (const byte of bytes) expect(port.transmit(port.slots.store(Uint8Array.of(byte, 0, 0, 0)))).toBe(true);
};
const sent = (inner: ScriptedPort): number[] => inner.takeAll().map((frame) => frame[0]);

function received(port: FaultyPort): number[] {
  const bytes: number[] = [];
  for (let slot = port.receive(); slot !== 0; slot = port.receive()) {
    bytes.push(port.slots.region.bytes[port.slots.address(slot)]);
    port.slots.release(slot);
  }
  return bytes;
}

describe('injectFaults', () => {
  it('leaves all other frames alone', () => {
    const { slots, inner, port } = setUp({ rules: [] });
    send(port, 1, 2, 3);
    expect(sent(inner)).toEqual([1, 2, 3]);
    inner.push(Uint8Array.of(9));
    expect(received(port)).toEqual([9]);
    expect([port.mtu, port.linkUp, port.stats, port.slots]).toEqual([inner.mtu, true, inner.stats, slots]);
    expect(slots.inUse).toBe(0);
  });

  it('drops the n-th, or several', () => {
    const { slots, inner, port } = setUp({ rules: [{ action: 'drop', nth: [1, 3] }] });
    send(port, 1, 2, 3, 4);
    expect(sent(inner)).toEqual([2, 4]);
    expect(port.faults).toEqual({ drop: 2, duplicate: 0, corrupt: 0, delay: 0 });
    expect(slots.inUse).toBe(0);
  });

  it('counts for nth only frames that when() accepts', () => {
    const even = (slots: FrameSlots, slot: number): boolean => slots.region.bytes[slots.address(slot)] % 2 === 0;
    const { inner, port } = setUp({ rules: [{ action: 'drop', when: even, nth: 2 }] });
    send(port, 1, 2, 3, 4, 5, 6);
    expect(sent(inner)).toEqual([1, 2, 3, 5, 6]);
  });

  it('does not count a frame again that the port refused', () => {
    const { slots, inner, port } = setUp({
      rules: [
        { action: 'corrupt', nth: 1, corruptAt: 0 },
        { action: 'drop', nth: 2 },
      ],
    });
    const slot = slots.store(Uint8Array.of(0x40));
    inner.refuse(2);
    expect([port.transmit(slot), port.transmit(slot)]).toEqual([false, false]);
    expect(slots.region.bytes[slots.address(slot)]).toBe(0x40);
    expect(port.faults.corrupt).toBe(0);
    expect(port.transmit(slot)).toBe(true);
    expect(sent(inner)).not.toEqual([0x40]);
    send(port, 2, 3);
    expect(sent(inner)).toEqual([3]);
  });

  it('doubles a frame, one right after the other, each way', () => {
    const { slots, inner, port } = setUp({
      rules: [
        { action: 'duplicate', nth: 2 },
        { action: 'duplicate', nth: 1, direction: 'receive' },
      ],
    });
    send(port, 1, 2, 3);
    expect(sent(inner)).toEqual([1, 2, 2, 3]);
    inner.push(Uint8Array.of(7));
    inner.push(Uint8Array.of(8));
    expect(received(port)).toEqual([7, 7, 8]);
    expect(slots.inUse).toBe(0);
  });

  it('flips one bit of the byte that it is told', () => {
    const { inner, port } = setUp({ rules: [{ action: 'corrupt', corruptAt: 2 }] });
    send(port, 5);
    const [frame] = inner.takeAll();
    expect([frame[0], frame[1], frame[3]]).toEqual([5, 0, 0]);
    expect([1, 2, 4, 8, 16, 32, 64, 128]).toContain(frame[2]);
  });

  it('leaves a frame whole that has no such byte', () => {
    const { inner, port } = setUp({ rules: [{ action: 'corrupt', corruptAt: 40 }] });
    send(port, 5);
    expect([...inner.takeAll()[0]]).toEqual([5, 0, 0, 0]);
  });

  it('holds a frame until others passed it', () => {
    const { slots, inner, port } = setUp({ rules: [{ action: 'delay', nth: 1, delayFrames: 2 }] });
    send(port, 1, 2);
    expect(sent(inner)).toEqual([2]);
    expect(port.held).toBe(1);
    send(port, 3, 4);
    expect(sent(inner)).toEqual([3, 1, 4]);
    expect(slots.inUse).toBe(0);
  });

  it('holds a received frame until others passed it', () => {
    const { inner, port } = setUp({ rules: [{ action: 'delay', nth: 1, direction: 'receive' }] });
    for (const byte of [1, 2, 3]) inner.push(Uint8Array.of(byte));
    expect(received(port)).toEqual([2, 1, 3]);
  });

  it('holds frames for a time, each way', () => {
    const clock = new ManualClock();
    const { slots, inner, port } = setUp({
      clock,
      rules: [
        { action: 'delay', nth: 1, delayNs: 1000 },
        { action: 'delay', nth: 1, delayNs: 500, direction: 'receive' },
      ],
    });
    send(port, 1, 2);
    inner.push(Uint8Array.of(8));
    inner.push(Uint8Array.of(9));
    expect(received(port)).toEqual([9]);
    expect(sent(inner)).toEqual([2]);
    clock.advance(499);
    expect(received(port)).toEqual([]);
    clock.advance(1);
    expect(received(port)).toEqual([8]);
    clock.advance(500);
    expect(sent(inner)).toEqual([1]);
    expect(slots.inUse).toBe(0);
  });

  it('gives held frames back on request, and keeps what the port does not take', () => {
    const { slots, inner, port } = setUp({ rules: [{ action: 'delay', delayFrames: 100 }] });
    send(port, 1, 2);
    inner.refuse(1);
    port.releaseHeld();
    expect(port.held).toBe(2);
    port.releaseHeld();
    expect(sent(inner)).toEqual([1, 2]);
    expect(slots.inUse).toBe(0);
  });

  it('lets the first rule that hits decide', () => {
    const { inner, port } = setUp({ rules: [{ action: 'drop', nth: 1 }, { action: 'duplicate' }] });
    send(port, 1, 2);
    expect(sent(inner)).toEqual([2, 2]);
    expect(port.faults).toMatchObject({ drop: 1, duplicate: 1 });
  });

  it('hits by chance, the same frames for the same seed', () => {
    const survivors = (seed: number): number[] => {
      const { inner, port } = setUp({ seed, rules: [{ action: 'drop', probability: 0.5 }] });
      send(port, ...Array.from({ length: 40 }, (_, i) => i));
      return sent(inner);
    };
    expect(survivors(1)).toEqual(survivors(1));
    expect(survivors(1)).not.toEqual(survivors(2));
    expect(survivors(1).length).toBeGreaterThan(8);
    expect(survivors(1).length).toBeLessThan(32);
  });

  it('needs a clock for times', () => {
    expect(() => setUp({ rules: [{ action: 'delay', delayNs: 1 }] })).toThrow(/needs a clock/);
  });
});
