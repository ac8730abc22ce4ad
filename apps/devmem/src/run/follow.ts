/** The command's side of a run: shows progress, passes signals and deadlines on, and waits for the receiver's report. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { CommandError, EXIT } from '../exit-codes.ts';
import type { HostOptions } from '../host/options.ts';
import type { ReceiverMessage, StopMessage } from './messages.ts';
import { createProgress } from './progress.ts';

/** How long the receiver gets to take everything down and report once it was told to stop. */
const STOP_GRACE_MS = 8_000;

/** How a run ended. */
export interface Followed<Report> {
  readonly report: Report;
  /** It was told to stop by SIGINT or SIGTERM. */
  readonly interrupted: boolean;
}

/**
 * Follows the receiver until it is gone, telling it to stop on SIGINT, SIGTERM or when time is up.
 *
 * @throws CommandError when it went without a report.
 */
export async function follow<Report>(
  receiver: ChildProcess,
  options: Pick<HostOptions, 'timeout' | 'quiet'>,
): Promise<Followed<Report>> {
  let report: Report | null = null;
  let refusal: CommandError | null = null;
  let interrupted = false;
  const progress = createProgress(process.stderr, options.quiet);
  let killer: NodeJS.Timeout | undefined;
  const stop = (reason: string): void => {
    const message: StopMessage = { type: 'stop', reason };
    if (receiver.connected) receiver.send(message, () => {});
    killer ??= setTimeout(() => receiver.kill('SIGKILL'), STOP_GRACE_MS);
  };
  const interrupt = (): void => {
    interrupted = true;
    stop('interrupted');
  };
  const deadline = setTimeout(() => stop(`not finished after --timeout ${options.timeout} s`), options.timeout * 1000);
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  receiver.on('message', (message: ReceiverMessage<Report>) => {
    if (message.type === 'listening') {
      if (message.enter !== null) process.stderr.write(`${message.enter}\n`);
      progress.start(message.total);
    } else if (message.type === 'progress') progress.update(message.bytes);
    else if (message.type === 'output') process.stdout.write(message.text);
    else if (message.type === 'report') report = message.report;
    else refusal = new CommandError(message.exitCode, message.message);
  });
  receiver.on('error', (error: NodeJS.ErrnoException) => {
    refusal ??= new CommandError(
      EXIT.environment,
      `error: ${error.path ?? 'receiver'}: ${error.code ?? error.message}`,
    );
  });
  // 'exit', not 'close': a sender that outlives the receiver may still hold a stream.
  if (receiver.pid !== undefined) await once(receiver, 'exit');
  clearTimeout(deadline);
  clearTimeout(killer);
  process.off('SIGINT', interrupt);
  process.off('SIGTERM', interrupt);
  progress.stop();
  if (report === null) throw refusal ?? noReport();
  return { report, interrupted };
}

function noReport(): CommandError {
  return new CommandError(
    EXIT.failed,
    'error: the receiver ended without a report; run again with --trace FILE to see how far it came',
  );
}
