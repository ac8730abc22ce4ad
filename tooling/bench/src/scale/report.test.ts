import { describe, expect, it } from 'vitest';
import { type ScalePoint, scaleFigures, scaleTable } from './report.ts';

const POINTS: readonly ScalePoint[] = [
  { name: 'q1', queues: 1, connections: 256 },
  { name: 'q64', queues: 64, connections: 256 },
  { name: 'c1', queues: 1, connections: 1 },
  { name: 'c10000', queues: 1, connections: 10_000 },
];
// A slow second round falls on all points alike, and leaves the ratios alone.
const SAMPLES = { q1: [600, 1200, 610], q64: [660, 1320, 700], c1: [500, 1000, 500], c10000: [500, 1000, 550] };

describe('scale', () => {
  it('has a figure per point, and ratios taken round by round', () => {
    expect(scaleFigures(POINTS, SAMPLES)).toEqual({
      'scale.q1_ns_per_packet': 610,
      'scale.q64_ns_per_packet': 700,
      'scale.c1_ns_per_packet': 500,
      'scale.c10000_ns_per_packet': 550,
      'scale.queues_64_over_1': 1.1,
      'scale.connections_10000_over_1': 1,
    });
  });

  it('says when a point is missing', () => {
    expect(scaleFigures(POINTS, { q1: [1] })['scale.queues_64_over_1']).toEqual({
      value: null,
      reason: 'not measured',
    });
    expect(scaleTable(POINTS, {}, 'Node')).toContain('an unknown share of');
  });

  it('stands in a table for people', () => {
    const text = scaleTable(POINTS, SAMPLES, 'Node');
    expect(text).toMatch(/median of 3 rounds\. Node\./);
    expect(text).toMatch(/^ +64 +256 +700 +660–1320$/m);
    expect(text).toContain('64 queues cost 1.10 times what 1 does, 10,000 connections 1.00 times what 1 does.');
  });
});
