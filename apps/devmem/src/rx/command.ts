/** `devmem rx`: decides who sends, starts the receiver, and turns its report into text and an exit status. */
import { fileURLToPath } from 'node:url';
import { probeTap } from '@netmem/tap';
import { CommandError, EXIT } from '../exit-codes.ts';
import { follow } from '../run/follow.ts';
import { startReceiver } from '../run/receiver-process.ts';
import type { RxOptions } from './options.ts';
import type { ReceiverRequest } from './receiver.ts';
import type { RxReport } from './report.ts';
import { formatReport } from './report-text.ts';
import { Source } from './source.ts';

const RECEIVER = fileURLToPath(new URL('./receiver.ts', import.meta.url));

async function chooseSender(options: RxOptions): Promise<Pick<ReceiverRequest, 'sender' | 'senderReason'>> {
  if (options.replay !== null) return { sender: 'replay', senderReason: null };
  if (options.sender === 'embedded') return { sender: 'embedded', senderReason: null };
  const probe = await probeTap();
  if (probe.ok) return { sender: options.sender === 'none' ? 'none' : 'kernel', senderReason: null };
  if (options.sender === 'auto') return { sender: 'embedded', senderReason: probe.reason };
  throw new CommandError(EXIT.environment, `error: --sender ${options.sender} needs a TAP: ${probe.reason}`);
}

/** Runs the subcommand and returns its exit status. */
export async function runRx(options: RxOptions): Promise<number> {
  const isSending = options.sender !== 'none' && options.replay === null;
  if (isSending) Source.open(options.file, options.bytes).close();
  const chosen = await chooseSender(options);
  if (chosen.senderReason !== null && !options.quiet) {
    process.stderr.write(
      `The kernel cannot send here: ${chosen.senderReason}\nA second host of our own stack sends instead.\n`,
    );
  }
  const request: ReceiverRequest = { options, ...chosen, rootless: process.getuid?.() !== 0 };
  const namespace = chosen.sender === 'kernel' || chosen.sender === 'none';
  const receiver = startReceiver(RECEIVER, request, { namespace, checks: options.checks });
  const { report, interrupted } = await follow<RxReport>(receiver, options);
  process.stdout.write(`${options.json ? JSON.stringify(report) : formatReport(report, options)}\n`);
  if (interrupted) return EXIT.interrupted;
  return report.ok ? EXIT.ok : EXIT.failed;
}
