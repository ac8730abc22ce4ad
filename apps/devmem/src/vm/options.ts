/** The options of `devmem vm`: how they are spelled and what they default to. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type CardFault, declareFaultOption } from '../faults/fault-option.ts';
import { type CableFaultOptions, usageError } from '../host/options.ts';
import { parseBytes, parseDuration, parseSeconds, parseShare, wholeNumber } from '../quantities.ts';
import type { SetupOptions } from './setup/prepare.ts';

/** The kernel series whose behaviour the packages have. */
export const DEFAULT_SERIES = '7.3';
const DEFAULT_MEMORY_MIB = 512;
const DEFAULT_TIMEOUT_SECONDS = 120;
const DEFAULT_BYTES = 16 * 2 ** 20;
const MTU_DEFAULT_BYTES = 1500;
/** What the card offers by default to clouds. */
const MTU_MAX_BYTES = 8896;

/** Checked options of a run or a shell. */
export interface VmOptions extends SetupOptions {
  readonly seed: number;
  readonly queues: number;
  readonly mtu: number;
  /** What each transfer of a scenario carries. */
  readonly bytes: number;
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly cable: CableFaultOptions;
  /** What goes wrong at the card. */
  readonly faults: readonly CardFault[];
  readonly pcap: string | null;
  readonly trace: string | null;
  readonly timeout: number;
  readonly json: boolean;
  readonly quiet: boolean;
  /** Show the guest's whole console. */
  readonly verbose: boolean;
}

function parseSeries(text: string): string {
  if (!/^\d+\.\d+$/.test(text)) throw new InvalidArgumentError('Give a series such as 7.3 or 6.18.');
  return text;
}

/** Where QEMU and kernel come from: options of every subcommand. */
export function declareSetupOptions(command: Command): Command {
  return command
    .option('--series <N.N>', 'newest kernel of that series that can be had', parseSeries, DEFAULT_SERIES)
    .option(
      '--qemu <PATH>',
      'a qemu-system-x86_64 to use, 10.1.1 or newer (default: installed, else unpacked packages)',
    )
    .option('--kernel <PATH>', 'a kernel image to use, with --modules (default: unpacked packages)')
    .option('--modules <PATH>', 'the folder with its modules, gve.ko somewhere below')
    .option('--update', 'look for newer packages though everything is there', false)
    .option('--quiet', 'only the result', false);
}

/** What cable, card and guest are like: options of run and shell. */
export function declareGuestOptions(command: Command): Command {
  return declareFaultOption(declareSetupOptions(command))
    .option('--seed <N>', 'seed of every random choice', wholeNumber(0, 2 ** 32 - 1), 1)
    .option('--queues <N>', 'queue pairs of the card, at least 2', wholeNumber(2, 16), 2)
    .option('--mtu <BYTES>', 'MTU of the cable', wholeNumber(576, MTU_MAX_BYTES), MTU_DEFAULT_BYTES)
    .option('--memory <MIB>', 'RAM of the guest, in MiB', wholeNumber(256, 16_384), DEFAULT_MEMORY_MIB)
    .option('--cpus <N>', 'processors of the guest', wholeNumber(1, 16), 1)
    .option('--loss <SHARE>', 'frames that the cable loses, such as 2%', parseShare)
    .option('--reorder <SHARE>', '… that it holds back so that others pass', parseShare)
    .option('--duplicate <SHARE>', '… that it delivers twice', parseShare)
    .option('--corrupt <SHARE>', '… of which it flips one bit', parseShare)
    .option('--delay <TIME>', '… and how long each takes, such as 1ms', parseDuration)
    .option('--pcap <PATH>', "write what the card's port saw as pcapng")
    .option('--trace <PATH>', "write the peer's tracepoints as ftrace text")
    .addOption(
      new Option('--timeout <SECONDS>', 'end after that long, whatever happens')
        .argParser(parseSeconds)
        .default(DEFAULT_TIMEOUT_SECONDS),
    );
}

/** Options of `devmem vm shell` alone. */
export function declareShellOptions(command: Command): Command {
  return declareGuestOptions(command)
    .option(
      '--share <DIR>',
      'a folder whose contents the guest finds in /share, with the libraries that programs in it need',
    )
    .option('--command <CMD>', 'run that in /share instead of a shell, and end with its exit status');
}

/** Options of `devmem vm run` alone. */
export function declareRunOptions(command: Command): Command {
  return declareGuestOptions(command)
    .addOption(
      new Option('--bytes <SIZE>', 'what each transfer carries').argParser(parseBytes).default(DEFAULT_BYTES, '16MiB'),
    )
    .option('--verbose', "show the guest's whole console", false)
    .option('--json', 'print one JSON object on stdout, everything else on stderr', false);
}

/** As commander parses them. */
export type ParsedSetupOptions = Omit<SetupOptions, 'qemu' | 'kernel' | 'modules'> &
  Partial<Record<'qemu' | 'kernel' | 'modules', string>> & { quiet: boolean };
/** As commander parses them. */
export type ParsedVmOptions = ParsedSetupOptions &
  Partial<CableFaultOptions> &
  Pick<VmOptions, 'seed' | 'queues' | 'mtu' | 'cpus' | 'timeout'> &
  Partial<Pick<VmOptions, 'bytes' | 'verbose' | 'json'>> & {
    memory: number;
    fault: readonly CardFault[];
    pcap?: string;
    trace?: string;
  };

/** @throws CommandError with the usage exit status when one of two paths is missing. */
export function resolveSetupOptions(parsed: ParsedSetupOptions): SetupOptions {
  const { qemu = null, kernel = null, modules = null, series, update } = parsed;
  if ((kernel === null) !== (modules === null)) throw usageError('--kernel and --modules go together: give both.');
  return { qemu, kernel, modules, series, update };
}

/** Fills in what was not given. @throws CommandError with the usage exit status when options contradict each other. */
export function resolveVmOptions(parsed: ParsedVmOptions): VmOptions {
  const { loss = 0, reorder = 0, duplicate = 0, corrupt = 0, delay = 0 } = parsed;
  const { seed, queues, mtu, cpus, timeout, memory, fault: faults, pcap = null, trace = null, quiet } = parsed;
  return {
    ...resolveSetupOptions(parsed),
    ...{ seed, queues, mtu, cpus, timeout, faults, pcap, trace, quiet },
    memoryMiB: memory,
    cable: { loss, reorder, duplicate, corrupt, delay },
    bytes: parsed.bytes ?? DEFAULT_BYTES,
    verbose: parsed.verbose ?? false,
    json: parsed.json ?? false,
  };
}
