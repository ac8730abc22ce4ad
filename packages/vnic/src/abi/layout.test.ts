import { describe, expect, it } from 'vitest';
import type { LayoutInfo } from './index.ts';
import * as abi from './index.ts';

interface Described {
  readonly $: LayoutInfo;
}

const layouts = (Object.values(abi) as unknown[])
  .filter((value): value is Described => typeof value === 'object' && value !== null && '$' in value)
  .map((value) => value.$);

/** Pairs of fields that share bits on purpose: one place, two names. */
const UNIONS = new Set(['rawCs rscSegLen', 'completionTag txHead', 'srcPort spi', 'dstPort spi', 'payload *']);

function bitsOf(layout: LayoutInfo, name: string): Set<number> {
  const field = layout.fields.find((one) => one.name === name);
  if (field === undefined) throw new Error(name);
  const bits = new Set<number>();
  for (let bit = field.lowBit; bit < field.lowBit + field.bits; bit++) {
    // Little-endian numbering of bits over bytes; for whole units of big-endian structures it covers the same bytes.
    bits.add(field.offset * 8 + bit);
  }
  return bits;
}

describe('layouts', () => {
  it('are all there', () => {
    expect(layouts.length).toBeGreaterThan(35);
  });

  it.each(layouts.map((one) => [one.name, one] as const))('%s: fields lie within it', (_, one) => {
    for (const field of one.fields) {
      expect(field.offset + field.bytes, field.name).toBeLessThanOrEqual(Math.max(one.sizeBytes, field.offset));
      expect(field.lowBit + field.bits, field.name).toBeLessThanOrEqual(field.bytes * 8);
    }
  });

  it.each(layouts.map((one) => [one.name, one] as const))('%s: no two fields share a bit, unions apart', (_, one) => {
    for (const [i, a] of one.fields.entries()) {
      for (const b of one.fields.slice(i + 1)) {
        if (UNIONS.has(`${a.name} ${b.name}`)) continue;
        const shared = [...bitsOf(one, a.name)].filter((bit) => bitsOf(one, b.name).has(bit));
        expect(shared, `${a.name} and ${b.name}`).toEqual([]);
      }
    }
  });

  it('have the sizes that drivers use', () => {
    const size = (of: Described) => of.$.sizeBytes;
    expect(size(abi.AQ_COMMAND)).toBe(64);
    expect(size(abi.DEVICE_DESCRIPTOR)).toBe(40);
    expect(size(abi.RX_BUFFER_DESC)).toBe(32);
    expect(size(abi.RX_COMPLETION_DESC)).toBe(32);
    expect(size(abi.TX_PACKET_DESC)).toBe(16);
    expect(size(abi.TX_COMPLETION_DESC)).toBe(8);
    expect(size(abi.FLOW_RULE)).toBe(84);
    expect(size(abi.CONFIGURE_FLOW_RULE)).toBe(92);
    expect(size(abi.QUERIED_FLOW_RULE)).toBe(88);
    expect(size(abi.DRIVER_INFO)).toBe(304);
  });
});

describe('doorbells', () => {
  it('give the words that Linux was seen to write', () => {
    expect(abi.irqDoorbellWithInterval(50)).toBe(0x321);
    expect(abi.irqDoorbellWithInterval(20)).toBe(0x141);
    expect(abi.IRQ_DOORBELL_REARM).toBe(0x19);
    expect(abi.IRQ_DOORBELL_NO_INT_MODE | abi.IRQ_DOORBELL_ITR_NO_UPDATE).toBe(0x40000018);
  });
});

describe('integers', () => {
  it('swap and split 64 bits without a bigint', () => {
    expect(abi.swap32(0x04000000)).toBe(4);
    expect(abi.swap32(0xf1f2f3f4)).toBe(0xf4f3f2f1);
    expect(abi.swap16(0x1234)).toBe(0x3412);
    const view = new DataView(new ArrayBuffer(16));
    for (const value of [0, 1, 0xffffffff, 0x1_0000_0000, 0x000f_ffff_ffff_f000]) {
      abi.writeU64be(view, 0, value);
      abi.writeU64le(view, 8, value);
      expect(abi.readU64be(view, 0)).toBe(value);
      expect(abi.readU64le(view, 8)).toBe(value);
      expect(view.getBigUint64(0)).toBe(BigInt(value));
      expect(view.getBigUint64(8, true)).toBe(BigInt(value));
    }
  });
});
