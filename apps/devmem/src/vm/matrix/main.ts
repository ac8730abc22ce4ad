/**
 * `pnpm test:guest`: every scenario on the newest kernel of each series, one guest at a time, and the table of what came out.
 *
 * Exit status: 0 all as it should be, 1 not, 3 a kernel or QEMU cannot be had here.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { CommandError, EXIT } from '../../exit-codes.ts';
import { declareRunOptions, type ParsedVmOptions, resolveVmOptions, type VmOptions } from '../options.ts';
import type { RunListener } from '../run/observations.ts';
import { formatVmReport } from '../run/report-text.ts';
import { canShareGuest, runScenarios } from '../run/scenario-run.ts';
import { SCENARIOS, type Scenario } from '../run/scenarios.ts';
import { type SignalWatch, watchSignals } from '../run/signals.ts';
import type { VmReport } from '../run/vm-report.ts';
import { CacheFolder } from '../setup/cache-folder.ts';
import { type GuestKit, prepareGuest } from '../setup/prepare.ts';
import { createSetupProgress } from '../setup/progress.ts';
import { canRun, formatMatrix, type KernelRow } from './outcome.ts';

/** The series whose behaviour is tested: the one that is mirrored, the oldest with device memory in gve, and the last without. */
const SERIES = ['7.3', '6.18', '6.12'];
const PAGE = new URL('../../../../../docs/devmem-vm.md', import.meta.url);
const BEGIN = '<!-- matrix: written by pnpm test:guest --write -->';
const END = '<!-- end of matrix -->';

interface MatrixOptions extends VmOptions {
  readonly only: readonly string[];
  readonly write: boolean;
}

function listener(verbose: boolean): RunListener {
  return {
    step(ok, text) {
      if (!ok || verbose) process.stdout.write(`    ${ok ? 'ok  ' : 'FAIL'} ${text}\n`);
    },
    remark() {},
    console() {},
  };
}

/** Those that can share a guest share the first one, every other has one of its own. */
function sittings(scenarios: readonly Scenario[]): Scenario[][] {
  const shared = scenarios.filter(canShareGuest);
  const alone = scenarios.filter((scenario) => !canShareGuest(scenario)).map((scenario) => [scenario]);
  return shared.length === 0 ? alone : [shared, ...alone];
}

async function runRow(kit: GuestKit, options: MatrixOptions, signals: SignalWatch): Promise<KernelRow> {
  const reports = new Map<string, VmReport>();
  const { release } = kit.kernel;
  const isWanted = ({ name }: Scenario): boolean => options.only.length === 0 || options.only.includes(name);
  const scenarios = SCENARIOS.filter((scenario) => isWanted(scenario) && canRun(scenario, release));
  for (const sitting of sittings(scenarios)) {
    if (signals.interrupted) break;
    for (const report of await runScenarios(kit, sitting, options, listener(options.verbose), signals)) {
      reports.set(report.scenario, report);
      const passed = report.steps.filter(({ ok }) => ok).length;
      const line = `${release} ${report.scenario}: ${passed} steps, ${report.seconds.toFixed(1)} s`;
      process.stdout.write(`${report.ok ? 'ok  ' : 'FAIL'} ${line}\n`);
      if (!report.ok) process.stdout.write(`${formatVmReport(report)}\n`);
    }
  }
  return { release, reports };
}

function writePage(table: string): void {
  const page = readFileSync(PAGE, 'utf8');
  const [before, rest = ''] = page.split(BEGIN) as [string, string?];
  const after = rest.split(END)[1] ?? '';
  writeFileSync(PAGE, `${before}${BEGIN}\n\n${table}\n\n${END}${after}`);
}

async function main(series: readonly string[], options: MatrixOptions): Promise<number> {
  const signals = watchSignals();
  const cache = new CacheFolder();
  const kits: GuestKit[] = [];
  for (const one of series) {
    const progress = createSetupProgress(process.stderr, options.quiet);
    const kit = await prepareGuest(cache, { ...options, series: one }, progress);
    if (kit.programsMissing !== null) {
      throw new CommandError(EXIT.environment, `error: the guest has no test programs: ${kit.programsMissing}`);
    }
    kits.push(kit);
  }
  const startedMs = performance.now();
  const rows: KernelRow[] = [];
  for (const kit of kits) rows.push(await runRow(kit, options, signals));
  const table = formatMatrix(SCENARIOS, rows);
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  process.stdout.write(`\n${table}\n\n`);
  const reports = rows.flatMap(({ reports: all }) => [...all.values()]);
  const failed = reports.filter(({ ok }) => !ok).length;
  process.stdout.write(`${reports.length - failed} scenarios passed, ${failed} failed, in ${seconds} s\n`);
  if (options.write) writePage(table);
  if (signals.interrupted) return EXIT.interrupted;
  return failed === 0 && reports.length > 0 ? EXIT.ok : EXIT.failed;
}

const command = declareRunOptions(new Command('test:guest'))
  .description('Run all scenarios on the newest kernel of each series.')
  .option('--all-series <LIST>', 'series to test, comma between them', SERIES.join(','))
  .option('--only <LIST>', 'scenarios to run, comma between them', '')
  .option('--write', 'write the table into docs/devmem-vm.md', false)
  .exitOverride()
  .action(async (parsed: ParsedVmOptions & { allSeries: string; only: string; write: boolean }) => {
    const only = parsed.only.split(',').filter((name) => name !== '');
    const unknown = only.find((name) => !SCENARIOS.some((scenario) => scenario.name === name));
    if (unknown !== undefined)
      throw new CommandError(EXIT.usage, `error: --only ${unknown}: there is no such scenario.`);
    const options: MatrixOptions = { ...resolveVmOptions(parsed), only, write: parsed.write };
    process.exitCode = await main(parsed.allSeries.split(','), options);
  });

try {
  await command.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  else if (error instanceof CommandError) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = error.exitCode;
  } else throw error;
}
