import { EBADF, type KernelError, SO_DEVMEM_DONTNEED, SOL_SOCKET } from '@netmem/uapi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Endpoint } from './endpoint.ts';
import { TokenReturn } from './token-return.ts';

type Call = [start: number, count: number][];

/** Records what setsockopt was asked, call by call. */
function recorder(options: { open?: boolean; answer?: number } = {}): { endpoint: Endpoint; calls: Call[] } {
  const calls: Call[] = [];
  const setsockopt = (fd: number, level: number, name: number, value: Uint8Array, length: number): number => {
    expect([fd, level, name]).toEqual([7, SOL_SOCKET, SO_DEVMEM_DONTNEED]);
    const view = new DataView(value.buffer, value.byteOffset, length);
    const runs: Call = [];
    for (let at = 0; at < length; at += 8) runs.push([view.getUint32(at, true), view.getUint32(at + 4, true)]);
    calls.push(runs);
    return options.answer ?? runs.reduce((sum, [, count]) => sum + count, 0);
  };
  const endpoint = { open: options.open ?? true, fd: 7, sockets: { setsockopt } };
  return { endpoint: endpoint as unknown as Endpoint, calls };
}

function give(tokens: readonly number[], count: number = tokens.length): Call[] {
  const { endpoint, calls } = recorder();
  new TokenReturn(endpoint).give(Uint32Array.from(tokens), count);
  return calls;
}

const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);

describe('TokenReturn', () => {
  it('returns neighbours as one run, and everything in one call', () => {
    expect(give([1, 2, 3])).toEqual([[[1, 3]]]);
    expect(give([1, 2, 5, 6, 7, 9])).toEqual([
      [
        [1, 2],
        [5, 3],
        [9, 1],
      ],
    ]);
    expect(give([4, 3, 2])).toEqual([
      [
        [4, 1],
        [3, 1],
        [2, 1],
      ],
    ]);
  });

  it('passes over bytes that came without a token', () => {
    expect(give([0, 1, 0, 2, 0])).toEqual([[[1, 2]]]);
    expect(give([0, 0])).toEqual([]);
    expect(give([])).toEqual([]);
  });

  it('looks at the first `count` only', () => {
    expect(give([1, 2, 3, 4], 2)).toEqual([[[1, 2]]]);
  });

  it('puts 128 runs into a call', () => {
    const calls = give(range(0, 200).map((i) => 1 + 2 * i));
    expect(calls.map((runs) => runs.length)).toEqual([128, 72]);
  });

  it('puts 1024 tokens into a call, because no more are looked at', () => {
    expect(give(range(1, 2500))).toEqual([[[1, 1024]], [[1025, 1024]], [[2049, 452]]]);
    expect(give([...range(1, 1000), ...range(2000, 100)])).toEqual([
      [
        [1, 1000],
        [2000, 24],
      ],
      [[2024, 76]],
    ]);
  });

  it('says everything once, within what a call takes', () => {
    const tokens = fc.uniqueArray(fc.integer({ min: 1, max: 3000 }), { maxLength: 2000 });
    fc.assert(
      fc.property(tokens, fc.boolean(), (drawn, sorted) => {
        const ids = sorted ? drawn.toSorted((a, b) => a - b) : drawn;
        const calls = give(ids);
        for (const runs of calls) {
          expect(runs.length).toBeLessThanOrEqual(128);
          expect(runs.reduce((sum, [, count]) => sum + count, 0)).toBeLessThanOrEqual(1024);
        }
        expect(calls.flat().flatMap(([start, count]) => range(start, count))).toEqual(ids);
      }),
    );
  });

  it('leaves a closed descriptor alone: its number may be another socket’s', () => {
    const { endpoint, calls } = recorder({ open: false });
    new TokenReturn(endpoint).give(Uint32Array.of(1, 2), 2);
    expect(calls).toEqual([]);
  });

  it('throws what setsockopt says, and starts afresh after it', () => {
    const options = { answer: -EBADF };
    const { endpoint, calls } = recorder(options);
    const tokens = new TokenReturn(endpoint);
    let code = '';
    try {
      tokens.give(Uint32Array.of(1), 1);
    } catch (error) {
      code = (error as KernelError).code;
    }
    expect(code).toBe('EBADF');
    options.answer = 1;
    tokens.give(Uint32Array.of(5), 1);
    expect(calls).toEqual([[[1, 1]], [[5, 1]]]);
  });
});
