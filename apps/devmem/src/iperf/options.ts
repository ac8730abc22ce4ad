/** The options of `devmem iperf`. */
import { type Command, Option } from 'commander';
import {
  declareHostOptions,
  type HostOptions,
  type ParsedHostOptions,
  resolveHostOptions,
  usageError,
} from '../host/options.ts';
import { wholeNumber } from '../quantities.ts';
import { MAX_STREAMS } from './server.ts';

const DEFAULT_SECONDS = 10;
const MAX_SECONDS = 86_400;

/** A checked command line. */
export interface IperfOptions extends HostOptions {
  /** `kernel`: this command runs `iperf3 -c`; `none`: somebody else does. */
  readonly sender: 'kernel' | 'none';
  readonly time: number;
  readonly parallel: number;
}

/** Declares the options on a commander command. */
export function declareIperfOptions(command: Command): Command {
  command
    .addOption(
      new Option(
        '--sender <WHO>',
        'kernel: run iperf3 -c in the network namespace; none: print the command that does, and wait for it',
      )
        .choices(['kernel', 'none'])
        .default('kernel'),
    )
    .option('--time <SECONDS>', 'with --sender kernel: iperf3 -t', wholeNumber(1, MAX_SECONDS), DEFAULT_SECONDS)
    .option('--parallel <N>', 'with --sender kernel: iperf3 -P', wholeNumber(1, MAX_STREAMS), 1);
  return declareHostOptions(command);
}

/** @throws CommandError with the usage exit status when options contradict each other. */
export function resolveIperfOptions(
  parsed: ParsedHostOptions & Pick<IperfOptions, 'sender' | 'time' | 'parallel'>,
): IperfOptions {
  const { sender, time, parallel, ...host } = parsed;
  if (sender === 'kernel' && time >= host.timeout) {
    throw usageError(`--time ${time} needs a longer --timeout than ${host.timeout} s.`);
  }
  return { ...resolveHostOptions(host), sender, time, parallel };
}
