/** The frame around a receiver process: its request comes as its only argument, everything it has to say goes over the IPC channel. */
import { writeSync } from 'node:fs';
import { CommandError, EXIT } from '../exit-codes.ts';
import type { ReceiverMessage, StopMessage } from './messages.ts';

const STDERR_FD = 2;
/** What these say is for the user; the stack of anything else is for us. */
const FOR_THE_USER: readonly string[] = ['KernelError', 'TapError', 'CommandError', 'RangeError'];

/** A run that was set up. */
export interface ReceiverRun<Report> {
  stop(reason: string): void;
  receive(): Promise<void>;
  /** Takes everything down. */
  finish(): Promise<Report>;
}

/** Sends a message to the command. */
export type Tell<Report> = (message: ReceiverMessage<Report>) => void;

/**
 * Runs a receiver and ends with its channel.
 *
 * @param setUp - Makes the run; what it throws is a refusal. What it gives to `onEnd` is called at the end of all.
 */
export async function receiverMain<Request, Report>(
  setUp: (request: Request, tell: Tell<Report>, onEnd: (close: () => void) => void) => ReceiverRun<Report>,
): Promise<void> {
  // The terminal sends SIGINT to the whole group; the command decides what it means, and a closed channel means that it is gone.
  process.on('SIGINT', () => {});
  process.on('disconnect', () => process.exit(EXIT.failed));
  const tell: Tell<Report> = (message) => {
    process.send?.(message);
  };
  const closers: (() => void)[] = [];
  try {
    const request = JSON.parse(process.argv[2] ?? '{}') as Request;
    const run = setUp(request, tell, (close) => closers.push(close));
    process.on('message', (message: StopMessage) => run.stop(message.reason));
    await run.receive();
    tell({ type: 'report', report: await run.finish() });
  } catch (error) {
    const { name, message, stack } = error as Error;
    const known = FOR_THE_USER.includes(name) || error instanceof CommandError;
    if (!known) writeSync(STDERR_FD, `${stack}\n`);
    const status = known ? EXIT.environment : EXIT.failed;
    const exitCode = error instanceof CommandError ? error.exitCode : status;
    tell({ type: 'refused', exitCode, message: message.startsWith('error: ') ? message : `error: ${message}` });
  }
  for (const close of closers) close();
  process.removeAllListeners('disconnect');
  process.disconnect?.();
}
