import { LinearMemory } from '@netmem/region';
import { describe, expect, it } from 'vitest';
import { createPair, hostMemoryBytes } from './index.ts';

const MIB = 2 ** 20;

describe('hostMemoryBytes', () => {
  it.each([
    [{}, 64],
    [{ ramBytes: 32 * MIB }, 32],
    [{ dmaMode: 'non-coherent' }, 64],
    [{ dmaMode: 'swiotlb' }, 64 + 16],
    [{ dmaMode: 'swiotlb', swiotlbBytes: MIB }, 64 + 1],
    [{ dmabuf: { bytes: 8 * MIB } }, 64 + 8],
    // A udmabuf is made of RAM; bounced, it needs as many slots again.
    [{ dmabuf: { bytes: 8 * MIB, exporter: 'udmabuf' } }, 64],
    [{ dmaMode: 'swiotlb', dmabuf: { bytes: 8 * MIB, exporter: 'udmabuf' } }, 64 + 16 + 8],
    [{ dmaMode: 'swiotlb', dmabuf: { bytes: 8 * MIB, exporter: 'device' } }, 64 + 16 + 8],
  ] as const)('of %j is %i MiB', (options, mib) => expect(hostMemoryBytes(options)).toBe(mib * MIB));

  it('is what hosts carve, besides slots and scratch', () => {
    const host = { ramBytes: 32 * MIB, dmaMode: 'swiotlb', dmabuf: { bytes: 12 * MIB, exporter: 'udmabuf' } } as const;
    const carved = (dmabufBytes: number): number => {
      const options = { ...host, dmabuf: { ...host.dmabuf, bytes: dmabufBytes } };
      const memory = new LinearMemory(256 * MIB);
      const pair = createPair({ host: options, memory });
      expect(pair.close()).toEqual([]);
      return memory.carvedBytes - hostMemoryBytes(options);
    };
    expect(carved(12 * MIB)).toBe(carved(4 * MIB));
  });
});

describe('a udmabuf that is bounced', () => {
  it('may be larger than all bounce slots that a machine has by default', () => {
    const host = { ramBytes: 64 * MIB, dmaMode: 'swiotlb', dmabuf: { bytes: 24 * MIB, exporter: 'udmabuf' } } as const;
    const pair = createPair({ host });
    expect(pair.host.devmem.bindings()[0]?.areas.length).toBe((24 * MIB) / (256 * 1024));
    expect(pair.close()).toEqual([]);
  });

  it('needs slots: what it says when there are too few', () => {
    const host = {
      dmaMode: 'swiotlb',
      swiotlbBytes: 8 * MIB,
      dmabuf: { bytes: 12 * MIB, exporter: 'udmabuf' },
    } as const;
    expect(() => createPair({ host })).toThrow(/bind-rx: ENOMEM.*Failed to map dmabuf attachment/);
  });
});
