import { describe, expect, it } from 'vitest';
import { parseArguments } from './arguments.ts';
import { parseTwin } from './native-twin.ts';
import { renderFigures, renderTable, type Samples } from './page-pool/report.ts';
import { figure, median } from './suite.ts';

const samples: Samples = {
  production: {
    cache: [3, 9, 4, 5, 3],
    cache_of_three: [5, 5, 5, 5, 5],
    ring: [6, 6, 6, 6, 6],
    slow: [100, 100, 100, 100, 100],
    niov_cache: [2, 2, 2, 2, 2],
    exhausted: [4, 4, 4, 4, 4],
  },
  checked: { cache: [20, 20, 20, 20, 20] },
  native: { cache: [2, 3, 2, 2, 2], ring: [8, 8, 8, 8, 8], cache_tight: [1, 1, 1, 1, 1] },
};

describe('median', () => {
  it('is the middle, or between the two in the middle', () => {
    expect([median([3, 1, 2]), median([4, 1, 3, 2]), median([])]).toEqual([2, 2.5, Number.NaN]);
  });
});

describe('the command line', () => {
  it('names suites and --json', () => {
    expect(parseArguments([], ['page-pool', 'path'])).toEqual({
      suites: ['page-pool', 'path'],
      json: false,
      mode: 'run',
    });
    expect(parseArguments(['path', '--json'], ['page-pool', 'path'])).toEqual({
      suites: ['path'],
      json: true,
      mode: 'run',
    });
    expect(() => parseArguments(['pool'], ['page-pool'])).toThrow('pool: no such suite');
    expect(parseArguments(['--record'], ['path']).mode).toBe('record');
    expect(parseArguments(['--check'], ['path']).mode).toBe('check');
    expect(() => parseArguments(['--check', 'path'], ['path'])).toThrow('--check stands alone. Usage: bench');
    expect(() => parseArguments(['--fast'], ['page-pool'])).toThrow('--fast: no such option');
  });
});

describe('the figures', () => {
  it('are flat, with ratios taken round by round', () => {
    expect(renderFigures(samples, { compiler: 'cc' })).toEqual({
      'page_pool.cache_ns': 4,
      'page_pool.cache_ratio_c': 2,
      'page_pool.ring_ns': 6,
      'page_pool.ring_ratio_c': 0.75,
      'page_pool.slow_ns': 100,
      'page_pool.niov_cache_ns': 2,
      'page_pool.exhausted_ns': 4,
    });
  });

  it('say why one is missing', () => {
    const figures = renderFigures({ ...samples, native: {} }, { reason: 'no C compiler' });
    expect(figures['page_pool.cache_ratio_c']).toEqual({ value: null, reason: 'no C compiler' });
    expect(figures['page_pool.cache_ns']).toBe(4);
    expect(figure(Number.NaN, 'not measured')).toEqual({ value: null, reason: 'not measured' });
  });

  it('stand in a table for people', () => {
    const lines = renderTable(samples, { compiler: 'cc 1' }, 'Node').split('\n');
    expect(lines[0]).toMatch(/median of 5 rounds\. Node\. C: twin\.c, cc 1, -O2\./);
    const cache = lines.find((line) => line.startsWith('cache  '));
    expect(cache?.split(/ {2,}/)).toEqual(['cache', '4.00', '3.00–9.00', '2.00', '2.00', '20.00']);
    expect(renderTable({ ...samples, native: {} }, { reason: 'no C compiler' }, 'Node')).toContain(
      'No C figures: no C compiler.',
    );
  });
});

describe('the C twin', () => {
  it('prints a line per case', () => {
    expect(parseTwin('cache 2.5\nring 8\n')).toEqual({ cache: 2.5, ring: 8 });
  });
});
