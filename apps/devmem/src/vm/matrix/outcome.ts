/** Kernels × scenarios: what came out of each, and how that is written down. */

import { isRefused, type Scenario } from '../run/scenarios.ts';
import type { VmReport } from '../run/vm-report.ts';
import { compareReleases, seriesOf } from '../setup/kernel-packages.ts';

/** One kernel with what it did. */
export interface KernelRow {
  readonly release: string;
  /** Reports by scenario; what the kernel cannot do is absent. */
  readonly reports: ReadonlyMap<string, VmReport>;
}

/** Whether a scenario makes sense on a kernel. */
export function canRun({ since }: Scenario, release: string): boolean {
  return since === undefined || compareReleases(seriesOf(release), since) >= 0;
}

/** What a cell says. */
export function describeCell(scenario: Scenario, { release, reports }: KernelRow): string {
  const report = reports.get(scenario.name);
  if (report === undefined) return '–';
  if (!report.ok) return '**failed**';
  return isRefused(scenario, release) ? (scenario.refused?.errno ?? '') : 'passed';
}

/** The table as Markdown. */
export function formatMatrix(scenarios: readonly Scenario[], rows: readonly KernelRow[]): string {
  const cells = [
    ['Kernel', ...scenarios.map(({ name }) => name)],
    ['---', ...scenarios.map(() => '---')],
    ...rows.map((row) => [row.release, ...scenarios.map((scenario) => describeCell(scenario, row))]),
  ];
  return cells.map((row) => `| ${row.join(' | ')} |`).join('\n');
}
