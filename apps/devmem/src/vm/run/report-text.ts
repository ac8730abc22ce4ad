/** A report for people. The steps were shown as they came; this is the end of it. */
import { cableLines, factLine, faultLines } from '../../host/report-lines.ts';
import type { VmReport } from './vm-report.ts';

function cardLines({ card, cable, faults }: VmReport): string[] {
  if (card === null) return [];
  const received = `${card.rx_split} split, ${card.rx_merged} merged, ${card.rx_dropped} dropped`;
  return [
    factLine('card', `${card.rx_packets} packets received (${received}), ${card.tx_packets} sent`),
    factLine(
      '',
      `${card.commands} admin commands (${card.commands_refused} refused), ${card.resets} resets, ` +
        `${card.interrupts} interrupts, ${card.iommu_faults} IOMMU faults`,
    ),
    ...cableLines(cable),
    ...faultLines(faults),
  ];
}

/** The report as lines. */
export function formatVmReport(report: VmReport): string {
  const passed = report.steps.filter(({ ok }) => ok).length;
  const boot = report.boot_seconds === null ? 'never' : `after ${report.boot_seconds.toFixed(1)} s`;
  const lines = [
    report.ok ? `${report.scenario}: all ${passed} steps passed.` : `${report.scenario}: FAILED: ${report.error}`,
    factLine(
      'guest',
      `Linux ${report.kernel} in QEMU ${report.qemu}, up ${boot}, done after ${report.seconds.toFixed(1)} s`,
    ),
    ...cardLines(report),
  ];
  if (report.last_lines.length > 0) {
    lines.push('The last lines of its console:', ...report.last_lines.map((line) => `  | ${line}`));
  }
  return lines.join('\n');
}
