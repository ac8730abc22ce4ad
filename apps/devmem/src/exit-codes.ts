/** What the command's exit status means; the same for every subcommand. */
export const EXIT = {
  /** Digests match and nothing leaked. */
  ok: 0,
  /** The run ended, and something was wrong: bytes differ, something leaked, the sender died, no progress, out of time. */
  failed: 1,
  /** The command line makes no sense; one line says what to do. */
  usage: 2,
  /** The environment lacks something, which the message names. */
  environment: 3,
  /** Ended by SIGINT, after a report. */
  interrupted: 130,
} as const;

/** A problem that ends the command with one line on stderr and an exit status, never with a stack trace. */
export class CommandError extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}
