import { LinearMemory } from '@netmem/region';
import { composeFrame, pseudoHeaderSum4, pseudoHeaderSum6 } from '@netmem/wire';
import { describe, expect, it } from 'vitest';
import { completeChecksum, FRAME_NEEDS_CSUM, FrameSlots } from './index.ts';

const slots = new FrameSlots(new LinearMemory(65_536), { count: 4 });
const ports = { sourcePort: 1, destinationPort: 2, payload: Uint8Array.of(1, 2, 3) };

function storePartial(whole: Uint8Array, start: number, offset: number, pseudo: number): number {
  const slot = slots.store(whole);
  slots.region.view.setUint16(slots.address(slot) + start + offset, pseudo);
  slots.flags[slot] = FRAME_NEEDS_CSUM;
  slots.checksumStart[slot] = start;
  slots.checksumOffset[slot] = offset;
  return slot;
}

describe('completeChecksum', () => {
  it('gives what the sender would have sent: TCP over IPv4, UDP over IPv6', () => {
    const four = composeFrame({ ipv4: { source: '10.0.0.1', destination: '10.0.0.2' }, tcp: ports });
    const six = composeFrame({ ipv6: { source: 'fd00::1', destination: 'fd00::2' }, udp: ports });
    const cases = [
      { whole: four, start: 34, offset: 16, pseudo: pseudoHeaderSum4(new DataView(four.buffer), 26, 30, 6, 23) },
      { whole: six, start: 54, offset: 6, pseudo: pseudoHeaderSum6(new DataView(six.buffer), 22, 38, 17, 11) },
    ];
    for (const { whole, start, offset, pseudo } of cases) {
      const slot = storePartial(whole, start, offset, pseudo);
      expect(slots.copyOf(slot)).not.toEqual(whole);
      expect(completeChecksum(slots, slot)).toBe(true);
      expect(slots.copyOf(slot)).toEqual(whole);
      expect(slots.flags[slot]).toBe(0);
      slots.release(slot);
    }
  });

  it('never leaves 0 in the field', () => {
    const slot = storePartial(new Uint8Array(20), 4, 6, 0xffff);
    expect(completeChecksum(slots, slot)).toBe(true);
    expect([...slots.copyOf(slot).slice(10, 12)]).toEqual([0xff, 0xff]);
    slots.release(slot);
  });

  it('refuses a field outside the frame, and leaves a finished frame alone', () => {
    const slot = storePartial(new Uint8Array(20), 4, 6, 5);
    slots.checksumOffset[slot] = 15;
    const before = slots.copyOf(slot);
    expect(completeChecksum(slots, slot)).toBe(false);
    expect(slots.flags[slot]).toBe(FRAME_NEEDS_CSUM);
    slots.flags[slot] = 0;
    expect(completeChecksum(slots, slot)).toBe(true);
    expect(slots.copyOf(slot)).toEqual(before);
    slots.release(slot);
  });
});
