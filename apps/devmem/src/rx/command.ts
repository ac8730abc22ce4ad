/** `devmem rx`: decides who sends, starts the receiver, shows progress, and turns its report into text and an exit status. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { probeTap } from '@netmem/tap';
import { CommandError, EXIT } from '../exit-codes.ts';
import type { ReceiverMessage, ReceiverRequest, StopMessage } from './messages.ts';
import type { RxOptions } from './options.ts';
import { createProgress } from './progress.ts';
import { startReceiver } from './receiver-process.ts';
import { formatReport, type RxReport } from './report.ts';
import { Source } from './source.ts';

/** How long the receiver gets to take everything down and report once it was told to stop. */
const STOP_GRACE_MS = 8_000;

interface Outcome {
  report: RxReport | null;
  refusal: { exitCode: number; message: string } | null;
}

async function chooseSender(options: RxOptions): Promise<Pick<ReceiverRequest, 'sender' | 'senderReason'>> {
  if (options.sender === 'embedded') return { sender: 'embedded', senderReason: null };
  const probe = await probeTap();
  if (probe.ok) return { sender: options.sender === 'none' ? 'none' : 'kernel', senderReason: null };
  if (options.sender === 'auto') return { sender: 'embedded', senderReason: probe.reason };
  throw new CommandError(EXIT.environment, `error: --sender ${options.sender} needs a TAP: ${probe.reason}`);
}

/** Follows the receiver until it is gone, telling it to stop on SIGINT, SIGTERM or when time is up. */
async function follow(receiver: ChildProcess, options: RxOptions): Promise<Outcome & { signal: boolean }> {
  const outcome: Outcome & { signal: boolean } = { report: null, refusal: null, signal: false };
  const progress = createProgress(process.stderr, options.quiet);
  let killer: NodeJS.Timeout | undefined;
  const stop = (reason: string): void => {
    const message: StopMessage = { type: 'stop', reason };
    if (receiver.connected) receiver.send(message, () => {});
    killer ??= setTimeout(() => receiver.kill('SIGKILL'), STOP_GRACE_MS);
  };
  const interrupted = (): void => {
    outcome.signal = true;
    stop('interrupted');
  };
  const deadline = setTimeout(() => stop(`not finished after --timeout ${options.timeout} s`), options.timeout * 1000);
  process.on('SIGINT', interrupted);
  process.on('SIGTERM', interrupted);
  receiver.on('message', (message: ReceiverMessage) => {
    if (message.type === 'listening') {
      if (message.enter !== null) process.stderr.write(`${message.enter}\n`);
      progress.start(message.total);
    } else if (message.type === 'progress') progress.update(message.bytes);
    else if (message.type === 'report') outcome.report = message.report;
    else outcome.refusal = message;
  });
  receiver.on('error', (error: NodeJS.ErrnoException) => {
    outcome.refusal ??= {
      exitCode: EXIT.environment,
      message: `error: ${error.path ?? 'receiver'}: ${error.code ?? error.message}`,
    };
  });
  // 'exit', not 'close': a sender that outlives the receiver may still hold a stream.
  if (receiver.pid !== undefined) await once(receiver, 'exit');
  clearTimeout(deadline);
  clearTimeout(killer);
  process.off('SIGINT', interrupted);
  process.off('SIGTERM', interrupted);
  progress.stop();
  return outcome;
}

/** Runs the subcommand and returns its exit status. */
export async function runRx(options: RxOptions): Promise<number> {
  if (options.sender !== 'none') Source.open(options.file, options.bytes).close();
  const chosen = await chooseSender(options);
  if (chosen.senderReason !== null && !options.quiet) {
    process.stderr.write(
      `The kernel cannot send here: ${chosen.senderReason}\nA second host of our own stack sends instead.\n`,
    );
  }
  const outcome = await follow(startReceiver({ options, ...chosen, rootless: process.getuid?.() !== 0 }), options);
  if (outcome.report === null) {
    const { exitCode, message } = outcome.refusal ?? {
      exitCode: EXIT.failed,
      message: 'error: the receiver ended without a report; run again with --trace FILE to see how far it came',
    };
    throw new CommandError(exitCode, message);
  }
  const text = options.json ? JSON.stringify(outcome.report) : formatReport(outcome.report, options);
  process.stdout.write(`${text}\n`);
  if (outcome.signal) return EXIT.interrupted;
  return outcome.report.ok ? EXIT.ok : EXIT.failed;
}
