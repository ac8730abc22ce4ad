import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PciConfigSpace } from './pci-config-space.ts';

const IDENTITY = {
  vendor: 0x1ae0,
  device: 0x0042,
  subsystemVendor: 0x1ae0,
  subsystemDevice: 0x0058,
  revision: 3,
  classCode: 0x020001,
  bars: [{ size: 4096 }, { size: 65536, prefetchable: true }, { size: 0 }],
  msixVectors: 33,
};
const MSIX = { bar: 1, tableOffset: 0x1000, pendingOffset: 0x8000 };

function word(config: PciConfigSpace, at: number): number {
  return new DataView(config.bytes.buffer).getUint32(at, true);
}

function write(config: PciConfigSpace, at: number, ...bytes: number[]): void {
  config.write(at, Uint8Array.from(bytes), 0, bytes.length);
}

describe('PciConfigSpace', () => {
  it('shows identity, BARs and MSI-X where PCI has them', () => {
    const config = new PciConfigSpace(IDENTITY, MSIX);
    expect(word(config, 0x00)).toBe(0x0042_1ae0);
    expect(word(config, 0x04)).toBe(0x0010_0000);
    expect(word(config, 0x08)).toBe(0x0200_0103);
    expect([0x10, 0x14, 0x18].map((at) => word(config, at))).toEqual([0, 8, 0]);
    expect(word(config, 0x2c)).toBe(0x0058_1ae0);
    const capability = config.bytes[0x34];
    expect(word(config, capability)).toBe((32 << 16) | 0x11);
    expect(word(config, capability + 4)).toBe(0x1001);
    expect(word(config, capability + 8)).toBe(0x8001);
  });

  it('is sized by writing ones, as PCI is, and keeps addresses', () => {
    const config = new PciConfigSpace(IDENTITY, MSIX);
    for (const bar of [0x10, 0x14, 0x18]) write(config, bar, 0xff, 0xff, 0xff, 0xff);
    expect([0x10, 0x14, 0x18].map((at) => word(config, at))).toEqual([0xffff_f000, 0xffff_0008, 0]);
    write(config, 0x14, 0, 0, 0x12, 0xfe);
    expect(word(config, 0x14)).toBe(0xfe12_0008);
    expect(config.barAddress(1)).toBe(-1);
    write(config, 4, 2);
    expect(config.barAddress(1)).toBe(0xfe12_0000);
    expect(config.busMaster).toBe(false);
    write(config, 4, 6);
    expect(config.busMaster).toBe(true);
    write(config, 0x43, 0xc0);
    expect(config.msixMasked).toBe(true);
    config.powerOn();
    expect([config.barAddress(1), config.busMaster, config.msixMasked]).toEqual([-1, false, false]);
  });

  it('keeps what is read-only, whatever is written', () => {
    const writes = fc.array(fc.tuple(fc.nat({ max: 255 }), fc.uint8Array({ maxLength: 16 })), { maxLength: 20 });
    fc.assert(
      fc.property(writes, (all) => {
        const fresh = new PciConfigSpace(IDENTITY, MSIX);
        const config = new PciConfigSpace(IDENTITY, MSIX);
        for (const [at, bytes] of all) config.write(at, bytes, 0, Math.min(bytes.length, 256 - at));
        for (const [at, mask] of [
          [0x00, 0xffff_ffff],
          [0x08, 0xffff_ffff],
          [0x10, 0x0000_0fff],
          [0x14, 0x0000_ffff],
          [0x2c, 0xffff_ffff],
          [0x34, 0xffff_ffff],
          [0x40, 0x3fff_ffff],
          [0x44, 0xffff_ffff],
          [0x48, 0xffff_ffff],
        ]) {
          expect((word(config, at) & mask) >>> 0).toBe((word(fresh, at) & mask) >>> 0);
        }
      }),
    );
  });
});
