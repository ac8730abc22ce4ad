import { LinearMemory } from '@netmem/region';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createChecksum } from './index.ts';

describe('createChecksum', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('falls back to JavaScript where there is no WebAssembly', () => {
    vi.stubGlobal('WebAssembly', undefined);
    const memory = new LinearMemory(65_536);
    memory.bytes.set([1, 2, 3], 5000);
    const checksum = createChecksum(memory);
    expect(checksum.backend).toBe('js');
    expect(checksum.sum(5000, 3)).toBe(0x0402);
  });

  it('falls back to JavaScript where compiling is forbidden', () => {
    const memory = new LinearMemory(65_536);
    const forbidden = (): void => {
      throw new Error('Refused to compile: violates the content security policy');
    };
    vi.stubGlobal('WebAssembly', { Module: forbidden, Instance: forbidden });
    expect(createChecksum(memory).backend).toBe('js');
  });
});
