import { FRAME_DATA_VALID, FRAME_NEEDS_CSUM, FrameSlots, GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4 } from '@netmem/link';
import { LinearMemory } from '@netmem/region';
import { describe, expect, it } from 'vitest';
import { readVnetHeader, VNET_HEADER_BYTES, writeVnetHeader } from './vnet-header.ts';

function slotWith(header: number[]): { slots: FrameSlots; slot: number; read: () => boolean } {
  const slots = new FrameSlots(new LinearMemory(65_536), { count: 2, slotBytes: 128 });
  const slot = slots.allocate();
  slots.region.bytes.set(header, slots.address(slot) - VNET_HEADER_BYTES);
  return { slots, slot, read: () => readVnetHeader(slots, slot) };
}

function columns(slots: FrameSlots, slot: number): number[] {
  const { flags, gsoType, headerLength, gsoSize, checksumStart, checksumOffset } = slots;
  return [flags, gsoType, headerLength, gsoSize, checksumStart, checksumOffset].map((column) => column[slot]);
}

describe('struct virtio_net_hdr', () => {
  it('is read from the ten bytes in front of the frame', () => {
    const { slots, slot, read } = slotWith([1, 1, 66, 0, 0xb4, 0x05, 34, 0, 16, 0]);
    expect(read()).toBe(true);
    expect(columns(slots, slot)).toEqual([FRAME_NEEDS_CSUM, GSO_TCPV4, 66, 1460, 34, 16]);
  });

  it('is written as it is read', () => {
    const header = [1, GSO_TCPV6, 0x56, 1, 0x94, 5, 54, 0, 16, 0];
    const { slots, slot, read } = slotWith(header);
    read();
    const at = slots.address(slot);
    slots.region.bytes.fill(0xee, at - VNET_HEADER_BYTES, at);
    slots.region.bytes[at] = 0x77;
    writeVnetHeader(slots, slot);
    expect([...slots.region.bytes.subarray(at - VNET_HEADER_BYTES, at)]).toEqual(header);
    expect(slots.region.bytes[at]).toBe(0x77);
  });

  it('leaves nothing of an earlier frame in the columns', () => {
    const { slots, slot, read } = slotWith([1, 1, 66, 0, 0xb4, 0x05, 34, 0, 16, 0]);
    read();
    slots.region.bytes.fill(0, slots.address(slot) - VNET_HEADER_BYTES, slots.address(slot));
    expect(read()).toBe(true);
    expect(columns(slots, slot)).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('knows the flags that a frame has, and passes over the congestion bit', () => {
    const { slots, slot, read } = slotWith([0xff, 0x80 | GSO_TCPV6, 0, 0, 1, 0, 0, 0, 0, 0]);
    expect(read()).toBe(true);
    expect(columns(slots, slot).slice(0, 2)).toEqual([FRAME_NEEDS_CSUM | FRAME_DATA_VALID, GSO_TCPV6]);
  });

  it.each([
    ['UDP, which was not asked for', [1, GSO_UDP_L4, 0, 0, 100, 0, 0, 0, 0, 0]],
    ['fragments', [1, 3, 0, 0, 100, 0, 0, 0, 0, 0]],
    ['a kind that is none', [0, 77, 0, 0, 100, 0, 0, 0, 0, 0]],
    ['segments of no length', [1, GSO_TCPV4, 66, 0, 0, 0, 34, 0, 16, 0]],
  ])('refuses %s', (_, header) => {
    expect(slotWith(header).read()).toBe(false);
  });
});
