/** The `devmem` command. Each subcommand is a room of its own; this file only knows their names. */
import { Command, CommanderError } from 'commander';
import { CommandError, EXIT } from './exit-codes.ts';
import { runIperf } from './iperf/command.ts';
import { declareIperfOptions, resolveIperfOptions } from './iperf/options.ts';
import { runRx } from './rx/command.ts';
import { declareRxOptions, resolveRxOptions } from './rx/options.ts';
import { createVmCommand } from './vm/command.ts';

function createProgram(): Command {
  const program = new Command('devmem')
    .description("Linux's device-memory TCP, on any machine: simulated card, faithful driver, pools and sockets")
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text) });
  const rx = new Command('rx')
    .description('Receive a TCP stream into device memory, verify it there, and report.')
    .addHelpText(
      'after',
      '\nExit status: 0 received and nothing leaked, 1 not, 2 usage, 3 something is missing here, 130 interrupted.',
    );
  declareRxOptions(rx)
    .exitOverride()
    .action(async (parsed) => {
      process.exitCode = await runRx(resolveRxOptions(parsed, process.execPath));
    });
  const iperf = new Command('iperf')
    .description('Serve one test of a stock iperf3 client, its data in device memory, and report.')
    .addHelpText(
      'after',
      '\nExit status: 0 tested and nothing leaked, 1 not, 2 usage, 3 something is missing here, 130 interrupted.',
    );
  declareIperfOptions(iperf)
    .exitOverride()
    .action(async (parsed) => {
      process.exitCode = await runIperf(resolveIperfOptions(parsed));
    });
  return program.addCommand(rx).addCommand(iperf).addCommand(createVmCommand());
}

/** Reads the command line and does what it says; the process's exit status tells how it went. */
export async function runCommandLine(): Promise<void> {
  try {
    await createProgram().parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    else if (error instanceof CommandError) {
      process.stderr.write(`${error.message}\n`);
      process.exitCode = error.exitCode;
    } else throw error;
  }
}
