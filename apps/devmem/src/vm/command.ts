/** `devmem vm`: an unmodified Linux guest on our card. */
import { Argument, Command } from 'commander';
import { CommandError, EXIT } from '../exit-codes.ts';
import {
  declareRunOptions,
  declareSetupOptions,
  declareShellOptions,
  type ParsedSetupOptions,
  type ParsedVmOptions,
  resolveSetupOptions,
  resolveVmOptions,
  type VmOptions,
} from './options.ts';
import type { RunListener } from './run/observations.ts';
import { formatVmReport } from './run/report-text.ts';
import { runScenarios } from './run/scenario-run.ts';
import { SCENARIOS, type Scenario } from './run/scenarios.ts';
import { watchSignals } from './run/signals.ts';
import type { VmReport } from './run/vm-report.ts';
import { CacheFolder } from './setup/cache-folder.ts';
import { type GuestKit, prepareGuest, type SetupOptions } from './setup/prepare.ts';
import { createSetupProgress } from './setup/progress.ts';
import { runShell, type ShellRequest } from './shell/shell.ts';

function prepare(options: SetupOptions, quiet: boolean): Promise<GuestKit> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new CommandError(
      EXIT.environment,
      `error: devmem vm runs on x86-64 Linux, not on ${process.platform} ${process.arch}.`,
    );
  }
  return prepareGuest(new CacheFolder(), options, createSetupProgress(process.stderr, quiet));
}

/** Every file that was taken, and where it is. */
function describeKit(kit: GuestKit): string {
  const lines = [`Linux ${kit.kernel.release}, QEMU ${kit.qemu.version}, in ${new CacheFolder().path}`];
  for (const { part, manifest } of kit.parts) {
    lines.push(`${part}:`);
    for (const { name, version, sha256 } of manifest.taken) lines.push(`  ${sha256}  ${name} ${version}`);
  }
  if (kit.programsMissing !== null) lines.push(`programs: missing, because ${kit.programsMissing}`);
  return lines.join('\n');
}

function requirePrograms(kit: GuestKit): void {
  if (kit.programsMissing === null) return;
  throw new CommandError(EXIT.environment, `error: the guest has no test programs: ${kit.programsMissing}`);
}

function listenerFor({ json, quiet, verbose }: VmOptions): RunListener {
  const out = json ? process.stderr : process.stdout;
  return {
    step(ok, text) {
      if (!quiet || !ok) out.write(`  ${ok ? 'ok  ' : 'FAIL'} ${text}\n`);
    },
    remark(text) {
      if (!quiet) out.write(`       ${text}\n`);
    },
    console(line) {
      if (verbose) out.write(`     | ${line}\n`);
    },
  };
}

/** What the operating system refuses is the machine's business, and one line. @throws CommandError instead of what has an errno. */
async function orRefuse<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (error instanceof CommandError || typeof code !== 'string') throw error;
    throw new CommandError(EXIT.environment, `error: ${message}`);
  }
}

async function run(scenario: Scenario, options: VmOptions): Promise<number> {
  const kit = await prepare(options, options.quiet);
  requirePrograms(kit);
  const signals = watchSignals();
  const [report] = (await runScenarios(kit, [scenario], options, listenerFor(options), signals)) as [VmReport];
  process.stdout.write(`${options.json ? JSON.stringify(report) : formatVmReport(report)}\n`);
  if (signals.interrupted) return EXIT.interrupted;
  return report.ok ? EXIT.ok : EXIT.failed;
}

/** The subcommand with its own subcommands. */
export function createVmCommand(): Command {
  const setup = declareSetupOptions(
    new Command('setup').description(
      'Get QEMU, a kernel and the guest’s programs into the user’s cache, and list them.',
    ),
  ).action(async (parsed: ParsedSetupOptions) => {
    const kit = await orRefuse(prepare(resolveSetupOptions(parsed), parsed.quiet));
    process.stdout.write(`${describeKit(kit)}\n`);
  });
  const scenarios = SCENARIOS.map(({ name, summary }) => `  ${name.padEnd(14)} ${summary}`).join('\n');
  const runCommand = declareRunOptions(
    new Command('run')
      .description('Run a scenario in a guest, against our own TCP stack at the other end of the cable.')
      .addArgument(new Argument('<scenario>', 'what to run').choices(SCENARIOS.map(({ name }) => name)))
      .addHelpText('after', `\nScenarios:\n${scenarios}`),
  ).action(async (name: string, parsed: ParsedVmOptions) => {
    const scenario = SCENARIOS.find((one) => one.name === name) as Scenario;
    process.exitCode = await orRefuse(run(scenario, resolveVmOptions(parsed)));
  });
  const shell = declareShellOptions(
    new Command('shell').description(
      'A guest with our card, a peer that serves a stream, and your own program if you share it.',
    ),
  ).action(async ({ share = null, command = null, ...parsed }: ParsedVmOptions & Partial<ShellRequest>) => {
    const options = resolveVmOptions(parsed);
    const kit = await orRefuse(prepare(options, options.quiet));
    process.exitCode = await orRefuse(runShell(kit, { share, command }, options, watchSignals()));
  });
  const vm = new Command('vm').description('An unmodified Linux in QEMU, its stock gve driver on our card.');
  for (const command of [setup, runCommand, shell]) vm.addCommand(command.exitOverride());
  return vm.exitOverride();
}
