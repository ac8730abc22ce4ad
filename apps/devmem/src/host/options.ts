/** The options that every subcommand with a host has: where it lives, what its card and its memory are, what is written down of it. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { CommandError, EXIT } from '../exit-codes.ts';
import { type CardFault, declareFaultOption } from '../faults/fault-option.ts';
import { parseBytes, parseDuration, parseSeconds, parseShare, wholeNumber } from '../quantities.ts';

/** Which memory the payload lands in. */
export type ExporterName = 'udmabuf' | 'device';
/** How CPU and card of the receiving host see RAM. */
export type DmaName = 'coherent' | 'non-coherent' | 'swiotlb';

/** What a cable does to frames; shares from 0 to 1, and the time that a frame travels, in nanoseconds. */
export interface CableFaultOptions {
  readonly loss: number;
  readonly reorder: number;
  readonly duplicate: number;
  readonly corrupt: number;
  readonly delay: number;
}

/** Options of the cable, as they are spelled. */
export const CABLE_OPTIONS = ['loss', 'reorder', 'duplicate', 'corrupt', 'delay'] as const;

/** Checked options of a host. Plain data: they travel to the receiver process as JSON. */
export interface HostOptions {
  readonly listen: ListenAddress;
  readonly tap: string;
  /** MTU of both ends of the link. */
  readonly mtu: number;
  /** Frames cross the link uncut. */
  readonly vnetHdr: boolean;
  readonly queues: number;
  readonly dmabuf: number;
  readonly exporter: ExporterName;
  readonly dma: DmaName;
  /** Between the sender and the card. */
  readonly cable: CableFaultOptions;
  /** What goes wrong at the card. */
  readonly faults: readonly CardFault[];
  readonly seed: number;
  /** The packages check their own rules on the data path. */
  readonly checks: boolean;
  /** File for a capture of what the card's port saw; null for none. */
  readonly pcap: string | null;
  /** File for tracepoints; null for none. */
  readonly trace: string | null;
  readonly timeout: number;
  readonly json: boolean;
  readonly quiet: boolean;
}

/** Where the stack listens. */
export interface ListenAddress {
  readonly address: string;
  readonly port: number;
}

const DEFAULT_LISTEN: ListenAddress = { address: '10.99.0.2', port: 5201 };
const DEFAULT_TIMEOUT_SECONDS = 120;
const MTU_DEFAULT_BYTES = 1500;
/** IPv4's 68 are too few for TCP: Linux makes no segment shorter than 48 bytes with its options, and headers take 40. */
const MTU_MIN_BYTES = 88;
/** What Ethernet equipment usually calls jumbo. */
const MTU_MAX_BYTES = 9000;
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
export function declareHostOptions(command: Command): Command {
  return declareFaultOption(command)
    .addOption(
      new Option('--listen <[ADDR:]PORT>', 'address and port our stack listens on')
        .argParser(parseListen)
        .default(DEFAULT_LISTEN, `${DEFAULT_LISTEN.address}:${DEFAULT_LISTEN.port}`),
    )
    .option('--tap <NAME>', 'name of the TAP device in the network namespace', parseTapName, 'tap0')
    .addOption(
      new Option('--mtu <BYTES>', `MTU of the link, ${MTU_MIN_BYTES} to ${MTU_MAX_BYTES}`)
        .argParser(wholeNumber(MTU_MIN_BYTES, MTU_MAX_BYTES))
        .default(MTU_DEFAULT_BYTES)
        .conflicts('replay'),
    )
    .addOption(
      new Option(
        '--vnet-hdr',
        'TCP crosses the link in frames of up to 64 KiB that nobody cuts: a TAP with IFF_VNET_HDR and TSO, or such a cable',
      )
        .default(false)
        .conflicts('replay'),
    )
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
      new Option(
        '--dma <MODE>',
        'coherent: CPU and card share one memory; non-coherent: each sees the other only after a sync; swiotlb: the card gets bounce buffers',
      )
        .choices(['coherent', 'non-coherent', 'swiotlb'])
        .default('coherent'),
    )
    .option('--loss <SHARE>', 'frames that the cable between sender and card loses, such as 2%', parseShare)
    .option('--reorder <SHARE>', '… that it holds back so that others pass', parseShare)
    .option('--duplicate <SHARE>', '… that it delivers twice', parseShare)
    .option('--corrupt <SHARE>', '… of which it flips one bit', parseShare)
    .option('--delay <TIME>', '… and how long each takes, such as 5ms', parseDuration)
    .option('--seed <N>', 'seed of every random choice', wholeNumber(0, 2 ** 32 - 1), 1)
    .option('--pcap <PATH>', "write what the card's port saw as pcapng, each packet with its rx queue and header split")
    .option('--trace <PATH>', 'write tracepoints as ftrace text')
    .option('--checks', "have the packages check their own rules for every packet, such as a page pool's put", true)
    .option(
      '--no-checks',
      'production mode, for figures: the data path without those checks; the report stays the same',
    )
    .option('--timeout <SECONDS>', 'end after that long, whatever happens', parseSeconds, DEFAULT_TIMEOUT_SECONDS)
    .option('--json', 'print one JSON object on stdout, everything else on stderr', false)
    .option('--quiet', 'no progress, only the result', false);
}

/** As commander parses them: what was not given and has no default is absent. */
export type ParsedHostOptions = Omit<HostOptions, 'pcap' | 'trace' | 'cable' | 'faults'> &
  Partial<CableFaultOptions> & { fault: readonly CardFault[]; pcap?: string; trace?: string };

/** A line for somebody who typed options that make no sense together. */
export function usageError(message: string): CommandError {
  return new CommandError(EXIT.usage, `error: ${message}`);
}

/** @throws CommandError with the usage exit status when a value makes no sense. */
export function resolveHostOptions(parsed: ParsedHostOptions): HostOptions {
  if (parsed.dmabuf % PAGE_BYTES !== 0) throw usageError(`--dmabuf must be whole pages of ${PAGE_BYTES} bytes.`);
  const { loss = 0, reorder = 0, duplicate = 0, corrupt = 0, delay = 0, fault: faults, ...rest } = parsed;
  if (corrupt > 0 && rest.vnetHdr) {
    throw usageError(
      '--corrupt cannot be noticed in the frames of --vnet-hdr, which have no checksum yet: leave one of them out.',
    );
  }
  const cable = { loss, reorder, duplicate, corrupt, delay };
  return { ...rest, cable, faults, pcap: parsed.pcap ?? null, trace: parsed.trace ?? null };
}
