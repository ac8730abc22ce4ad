/** The options of `devmem rx`: how they are spelled, what they default to, which of them contradict each other. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { CommandError, EXIT } from '../exit-codes.ts';
import { parseBytes, parseSeconds, wholeNumber } from '../quantities.ts';

/** Who sends: see the help text of `--sender`. */
export type SenderMode = 'auto' | 'kernel' | 'embedded' | 'none';
/** Which memory the payload lands in. */
export type ExporterName = 'udmabuf' | 'device';
/** How each received range is checked before its token goes back. */
export type Validation = 'sha256' | 'pattern' | 'none';

/** A checked command line. Plain data: it travels to the receiver process as JSON. */
export interface RxOptions {
  readonly listen: ListenAddress;
  readonly tap: string;
  readonly sender: SenderMode;
  /** What is sent; null for the generated pattern. */
  readonly file: string | null;
  /** How many bytes of it; null for all of the file. */
  readonly bytes: number | null;
  readonly queues: number;
  readonly dmabuf: number;
  readonly exporter: ExporterName;
  readonly validate: Validation;
  readonly out: string | null;
  readonly trace: string | null;
  readonly seed: number;
  readonly connections: number;
  readonly timeout: number;
  readonly json: boolean;
  readonly quiet: boolean;
}

/** Where the stack listens. */
export interface ListenAddress {
  readonly address: string;
  readonly port: number;
}

/** A stream ends the run when no byte came for this long. */
export const STALL_SECONDS = 10;
const DEFAULT_LISTEN: ListenAddress = { address: '10.99.0.2', port: 5201 };
const DEFAULT_PATTERN_BYTES = 64 * 2 ** 20;
const DEFAULT_TIMEOUT_SECONDS = 120;
const PAGE_BYTES = 4096;

function parseListen(text: string): ListenAddress {
  const match = /^(?:(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3}):)?(\d{1,5})$/.exec(text);
  const octets = match?.slice(1, 5) ?? [];
  const port = Number(match?.[5] ?? 0);
  const last = Number(octets[3] ?? 2);
  if (
    match === null ||
    octets.some((octet) => octet !== undefined && Number(octet) > 255) ||
    port < 1 ||
    port > 65_535
  ) {
    throw new InvalidArgumentError('Give PORT or IPV4:PORT, such as 5201 or 10.99.0.2:5201.');
  }
  if (last === 0 || last === 255) throw new InvalidArgumentError('Give an address that a host in a /24 can have.');
  return { address: octets[0] === undefined ? DEFAULT_LISTEN.address : octets.join('.'), port };
}

function parseTapName(text: string): string {
  if (!/^[A-Za-z0-9_.-]{1,15}$/.test(text)) throw new InvalidArgumentError('Give a device name of at most 15 letters.');
  return text;
}

/** Declares the options on a commander command. */
export function declareRxOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--listen <[ADDR:]PORT>', 'address and port our stack listens on')
        .argParser(parseListen)
        .default(DEFAULT_LISTEN, `${DEFAULT_LISTEN.address}:${DEFAULT_LISTEN.port}`),
    )
    .option('--tap <NAME>', 'name of the TAP device in the network namespace', parseTapName, 'tap0')
    .addOption(
      new Option(
        '--sender <WHO>',
        'kernel: the TCP of the running Linux, over a TAP in a network namespace of its own; ' +
          'embedded: a second host of our own stack over an in-memory cable; ' +
          'auto: kernel where that is permitted, else embedded; none: wait for any client in the namespace',
      )
        .choices(['auto', 'kernel', 'embedded', 'none'])
        .default('auto'),
    )
    .option('--file <PATH>', 'file to send (default: the running node binary)')
    .option('--bytes <SIZE>', 'send that many bytes: of --file, or of a generated pattern without it', parseBytes)
    .option('--queues <N>', 'rx queues; the last one gets the dma-buf (at least 2)', wholeNumber(2, 16), 2)
    .addOption(
      new Option('--dmabuf <SIZE>', 'bytes of device memory bound to the queue, whole 4 KiB pages')
        .argParser(parseBytes)
        .default(64 * 2 ** 20, '64MiB'),
    )
    .addOption(
      new Option('--exporter <NAME>', 'udmabuf: memory the CPU may map; device: memory it cannot see')
        .choices(['udmabuf', 'device'])
        .default('device'),
    )
    .addOption(
      new Option('--validate <HOW>', 'check of every received range: a digest, the generated pattern, or none')
        .choices(['sha256', 'pattern', 'none'])
        .default('sha256'),
    )
    .option('--out <PATH>', 'write what was received to a file, through mmap (udmabuf only)')
    .option('--trace <PATH>', 'write tracepoints as ftrace text')
    .option('--seed <N>', 'seed of every random choice', wholeNumber(0, 2 ** 32 - 1), 1)
    .option('--connections <N>', 'with --sender none: end after that many connections', wholeNumber(1, 10_000), 1)
    .option('--timeout <SECONDS>', 'end after that long, whatever happens', parseSeconds, DEFAULT_TIMEOUT_SECONDS)
    .option('--json', 'print one JSON object on stdout, everything else on stderr', false)
    .option('--quiet', 'no progress, only the result', false);
}

type ParsedOptions = Omit<RxOptions, 'file' | 'bytes' | 'out' | 'trace'> & {
  file?: string;
  bytes?: number;
  out?: string;
  trace?: string;
};

/**
 * Turns what commander parsed into a whole, consistent set.
 *
 * @throws CommandError with the usage exit status when options contradict each other.
 */
export function resolveRxOptions(parsed: ParsedOptions, nodeBinary: string): RxOptions {
  const usage = (message: string): CommandError => new CommandError(EXIT.usage, `error: ${message}`);
  if (parsed.dmabuf % PAGE_BYTES !== 0) throw usage(`--dmabuf must be whole pages of ${PAGE_BYTES} bytes.`);
  if (parsed.out !== undefined && parsed.exporter !== 'udmabuf') {
    throw usage('--out reads the bytes with the CPU: add --exporter udmabuf.');
  }
  if (parsed.validate === 'pattern' && parsed.file !== undefined) {
    throw usage('--validate pattern knows only the generated bytes: leave --file out, or use --validate sha256.');
  }
  if (parsed.sender === 'none' && (parsed.file !== undefined || parsed.bytes !== undefined)) {
    throw usage('--sender none sends nothing: leave --file and --bytes out.');
  }
  if (parsed.sender !== 'none' && parsed.connections !== 1) {
    throw usage('--connections counts clients of --sender none: leave it out, or add --sender none.');
  }
  const generated = parsed.file === undefined && (parsed.bytes !== undefined || parsed.validate === 'pattern');
  return {
    ...parsed,
    file: generated || parsed.sender === 'none' ? null : (parsed.file ?? nodeBinary),
    bytes: parsed.bytes ?? (generated ? DEFAULT_PATTERN_BYTES : null),
    out: parsed.out ?? null,
    trace: parsed.trace ?? null,
  };
}
