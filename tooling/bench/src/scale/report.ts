import { type Figure, figure, median } from '../suite.ts';

/** One size of the path. */
export interface ScalePoint {
  readonly name: string;
  readonly queues: number;
  readonly connections: number;
}

/** Nanoseconds per packet of every round, by point. */
export type ScaleSamples = Record<string, number[]>;

/** The figures of `--json`: each point's, and how many times as much the largest costs as the smallest. */
export function scaleFigures(points: readonly ScalePoint[], samples: ScaleSamples): Record<string, Figure> {
  const figures: Record<string, Figure> = {};
  for (const { name } of points) {
    figures[`scale.${name}_ns_per_packet`] = figure(median(samples[name] ?? []), 'not measured', 1);
  }
  figures['scale.queues_64_over_1'] = ratio(samples.q64, samples.q1);
  figures['scale.connections_10000_over_1'] = ratio(samples.c10000, samples.c1);
  return figures;
}

/** The table for people. */
export function scaleTable(points: readonly ScalePoint[], samples: ScaleSamples, where: string): string {
  const rounds = samples[points[0]?.name ?? '']?.length ?? 0;
  const rows = points.map(({ name, queues, connections }) => {
    const values = samples[name] ?? [];
    const range = values.length === 0 ? '' : `${Math.min(...values).toFixed(0)}–${Math.max(...values).toFixed(0)}`;
    return [`${queues}`, `${connections}`, median(values).toFixed(0), range];
  });
  const lines = [['queues', 'connections', 'ns', 'min–max'], ...rows].map((row) =>
    row.map((cell) => cell.padStart(12)).join(''),
  );
  const ratios = [
    `64 queues cost ${timesText(samples.q64, samples.q1)} what 1 does,`,
    `10,000 connections ${timesText(samples.c10000, samples.c1)} what 1 does.`,
  ].join(' ');
  return [
    `scale: ns of CPU per 1460-byte segment, median of ${rounds} rounds. ${where}.`,
    '',
    ...lines,
    '',
    ratios,
    '',
  ].join('\n');
}

/** Median of the rounds' ratios. */
function ratio(large: readonly number[] = [], small: readonly number[] = []): Figure {
  return figure(median(large.map((value, round) => value / (small[round] ?? Number.NaN))), 'not measured');
}

function timesText(large: readonly number[] | undefined, small: readonly number[] | undefined): string {
  const times = ratio(large, small);
  return typeof times === 'number' ? `${times.toFixed(2)} times` : 'an unknown share of';
}
