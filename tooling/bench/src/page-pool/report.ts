import { type Figure, figure, median } from '../suite.ts';

/** Nanoseconds of every round, by case. */
export interface Samples {
  readonly production: Record<string, number[]>;
  readonly checked: Record<string, number[]>;
  readonly native: Record<string, number[]>;
}

/** What the C twin was built with, or why it was not. */
export type Native = { readonly compiler: string } | { readonly reason: string };

const LABELS: readonly (readonly [name: string, label: string, twin: string | null])[] = [
  ['loop', 'empty loop', null],
  ['cache', 'cache', 'cache'],
  ['cache_of_three', 'cache, three pools by turns', 'cache'],
  ['ring', 'ring', 'ring'],
  ['slow', 'page allocator', null],
  ['niov_cache', 'cache, net_iovs of a provider', 'cache'],
  ['niov_ring', 'ring, net_iovs of a provider', 'ring'],
  ['exhausted', 'nothing to be had', null],
];

/** The figures of `--json`. `cache_ratio_c` and `ring_ratio_c`: how many times as long as C. */
export function renderFigures(samples: Samples, native: Native): Record<string, Figure> {
  const { production } = samples;
  const ns = (name: string): Figure => figure(median(production[name] ?? []), 'not measured');
  const ratio = (name: string): Figure =>
    figure(median(ratios(production[name], samples.native[name])), 'reason' in native ? native.reason : 'not measured');
  return {
    'page_pool.cache_ns': ns('cache'),
    'page_pool.cache_ratio_c': ratio('cache'),
    'page_pool.ring_ns': ns('ring'),
    'page_pool.ring_ratio_c': ratio('ring'),
    'page_pool.slow_ns': ns('slow'),
    'page_pool.niov_cache_ns': ns('niov_cache'),
    'page_pool.exhausted_ns': ns('exhausted'),
  };
}

/** The table for people. */
export function renderTable(samples: Samples, native: Native, where: string): string {
  const rows = [['', 'production', 'min–max', 'C', 'times C', 'with checks']];
  for (const [name, label, twin] of LABELS) {
    const own = samples.production[name];
    const other = twin === null ? undefined : samples.native[twin];
    const times = median(ratios(own, other));
    rows.push([
      label,
      ns(own),
      range(own),
      ns(other),
      Number.isNaN(times) ? '' : times.toFixed(2),
      ns(samples.checked[name]),
    ]);
  }
  for (const [name, label] of [
    ['cache_tight', 'C: cache, fill level kept in a register'],
    ['ring_unlocked', 'C: ring without its lock'],
  ] as const) {
    if (samples.native[name] !== undefined) rows.push([label, '', '', ns(samples.native[name]), '', '']);
  }
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd(),
  );
  const against = 'reason' in native ? `No C figures: ${native.reason}.` : `C: twin.c, ${native.compiler}, -O2.`;
  return [
    `page_pool: ns per pair of alloc and put, median of ${samples.production.cache?.length ?? 0} rounds. ${where}. ${against}`,
    '',
    ...lines,
    '',
  ].join('\n');
}

/** Round by round. */
function ratios(own: readonly number[] = [], other: readonly number[] = []): number[] {
  return other.length === 0 ? [] : own.map((value, round) => value / other[round]!);
}

function ns(values: readonly number[] | undefined): string {
  return values === undefined ? '' : median(values).toFixed(2);
}

function range(values: readonly number[] | undefined): string {
  return values === undefined ? '' : `${Math.min(...values).toFixed(2)}–${Math.max(...values).toFixed(2)}`;
}
