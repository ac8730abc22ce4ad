import { type CableOptions, createScriptedPort, FrameSlots, type ScriptedPort } from '@netmem/link';
import { Clock } from '@netmem/machine';
import { LinearMemory } from '@netmem/region';
import { describe, expect, it } from 'vitest';
import { PatchedTap } from './patched-tap.ts';

const FRAME_BYTES = 100;

function setUp(options: CableOptions): { tap: ScriptedPort; patch: PatchedTap; clock: Clock; slots: FrameSlots } {
  const slots = new FrameSlots(new LinearMemory(1 << 20), { count: 400, slotBytes: 256 });
  const tap = createScriptedPort(slots);
  const clock = new Clock();
  return { tap, patch: new PatchedTap(tap, clock, options), clock, slots };
}

/** Its number is in every byte. */
const frame = (n: number): Uint8Array => new Uint8Array(FRAME_BYTES).fill(n);

/** What the card gets, by number. */
function receiveAll({ port }: PatchedTap): number[] {
  const numbers: number[] = [];
  for (let slot = port.receive(); slot !== 0; slot = port.receive()) {
    numbers.push(port.slots.region.bytes[port.slots.address(slot)] as number);
    port.slots.release(slot);
  }
  return numbers;
}

function send({ port }: PatchedTap, n: number): void {
  const slot = port.slots.allocate();
  port.slots.region.bytes.set(frame(n), port.slots.address(slot));
  port.slots.length[slot] = FRAME_BYTES;
  expect(port.transmit(slot)).toBe(true);
}

describe('PatchedTap', () => {
  it('carries frames both ways, after the time that they travel', () => {
    const { tap, patch, clock, slots } = setUp({ latencyNs: 1000 });
    for (const n of [1, 2, 3]) tap.push(frame(n));
    for (const n of [7, 8]) send(patch, n);
    expect(patch.step()).toBe(true);
    expect([receiveAll(patch), tap.takeAll()]).toEqual([[], []]);
    clock.jumpTo(1000);
    patch.step();
    expect(receiveAll(patch)).toEqual([1, 2, 3]);
    expect(tap.takeAll()).toEqual([frame(7), frame(8)]);
    expect(patch.step()).toBe(false);
    expect(slots.inUse).toBe(0);
  });

  it('loses as many as it is told, and counts them', () => {
    const { tap, patch, clock } = setUp({ loss: 0.5, seed: 5 });
    for (let n = 0; n < 200; n++) tap.push(frame(n));
    const came: number[] = [];
    while (patch.step()) {
      clock.jumpTo(clock.nowNs + 1);
      came.push(...receiveAll(patch));
    }
    expect(came).toEqual([...came].sort((a, b) => a - b));
    expect(came.length + patch.faults.lost).toBe(200);
    expect(patch.faults.lost).toBeGreaterThan(60);
    expect(patch.faults.lost).toBeLessThan(140);
  });

  it('keeps what a full TAP refuses, and what a full cable does, for the next time', () => {
    const { tap, patch, clock, slots } = setUp({ latencyNs: 10, queueFrames: 2 });
    for (const n of [1, 2, 3, 4]) tap.push(frame(n));
    send(patch, 7);
    tap.refuse(1);
    patch.step();
    clock.jumpTo(10);
    patch.step();
    expect(tap.takeAll()).toEqual([]);
    expect(receiveAll(patch)).toEqual([1, 2]);
    for (let atNs = 20; atNs <= 60; atNs += 10) {
      patch.step();
      clock.jumpTo(atNs);
    }
    patch.step();
    expect(tap.takeAll()).toEqual([frame(7)]);
    expect(receiveAll(patch)).toEqual([3, 4]);
    expect(slots.inUse).toBe(0);
  });
});
