/** `devmem iperf`: an iperf3 server on our stack, driven by a stock client. */
import { fileURLToPath } from 'node:url';
import { probeTap } from '@netmem/tap';
import { CommandError, EXIT } from '../exit-codes.ts';
import { follow } from '../run/follow.ts';
import { startReceiver } from '../run/receiver-process.ts';
import { assertInstalled } from './client-process.ts';
import type { IperfOptions } from './options.ts';
import type { IperfRequest } from './receiver.ts';
import { formatIperfReport, type IperfReport } from './report.ts';

const RECEIVER = fileURLToPath(new URL('./receiver.ts', import.meta.url));

/** Runs the subcommand and returns its exit status. */
export async function runIperf(options: IperfOptions): Promise<number> {
  if (options.sender === 'kernel') await assertInstalled();
  const probe = await probeTap();
  if (!probe.ok) throw new CommandError(EXIT.environment, `error: iperf needs a TAP: ${probe.reason}`);
  const request: IperfRequest = { options, rootless: process.getuid?.() !== 0 };
  const receiver = startReceiver(RECEIVER, request, { namespace: true, checks: options.checks });
  const { report, interrupted } = await follow<IperfReport>(receiver, options);
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : `\n${formatIperfReport(report, options)}\n`);
  if (interrupted) return EXIT.interrupted;
  return report.ok ? EXIT.ok : EXIT.failed;
}
