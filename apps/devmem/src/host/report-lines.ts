/** The facts that every subcommand with a host reports in the same words. */
import type { CableFaults } from '@netmem/link';
import { type CardFaultCounts, describeFaults } from '../faults/card-faults.ts';

const LABEL_WIDTH = 18;

/** One fact of a report. */
export function factLine(label: string, value: string): string {
  return `  ${label.padEnd(LABEL_WIDTH)}${value}`;
}

/** What became of memory and frames. */
export interface HostFacts {
  readonly tokens_issued: number;
  readonly tokens_returned: number;
  readonly tokens_outstanding: number;
  readonly leaks: readonly string[];
  readonly inflight: number;
  readonly iommu_faults: number;
  readonly drops: number;
  readonly log_warnings: number;
}

/** Those facts as lines. */
export function hostLines(facts: HostFacts): { tokens: string; leaks: string; faults: string } {
  const { tokens_issued, tokens_returned, tokens_outstanding, leaks, inflight } = facts;
  return {
    tokens: factLine(
      'tokens',
      `${tokens_issued} issued, ${tokens_returned} returned, ${tokens_outstanding} outstanding`,
    ),
    leaks: factLine('leaks', leaks.length === 0 ? `none (pool inflight ${inflight})` : leaks.join('; ')),
    faults: factLine(
      'faults, drops',
      `${facts.iommu_faults} IOMMU faults, ${facts.drops} drops, ${facts.log_warnings} warnings`,
    ),
  };
}

/** What a bad cable did; no line for a good one. */
export function cableLines(faults: Readonly<CableFaults> | null): string[] {
  if (faults === null || Object.values(faults).every((count) => count === 0)) return [];
  const { lost, reordered, duplicated, corrupted } = faults;
  const text = `${lost} frames lost, ${reordered} reordered, ${duplicated} duplicated, ${corrupted} corrupted`;
  return [factLine('cable', text)];
}

/** What `--fault` did; no line when nothing was asked for. */
export function faultLines(counts: CardFaultCounts | null): string[] {
  const text = describeFaults(counts);
  return text === null ? [] : [factLine('asked for', text)];
}
