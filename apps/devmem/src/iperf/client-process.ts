/** The stock `iperf3 -c`, run in our own network namespace: the kernel's TCP sends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { CommandError, EXIT } from '../exit-codes.ts';
import type { IperfOptions } from './options.ts';

const PROGRAM = 'iperf3';

/** The client's command line, program first. */
export function clientCommand({ listen, time, parallel }: IperfOptions): string[] {
  return [PROGRAM, '-c', listen.address, '-p', `${listen.port}`, '-t', `${time}`, '-P', `${parallel}`];
}

/** @throws CommandError (environment) when iperf3 cannot be run here. */
export async function assertInstalled(): Promise<void> {
  const child = spawn(PROGRAM, ['--version'], { stdio: 'ignore' });
  const [outcome] = (await Promise.race([once(child, 'exit'), once(child, 'error')]).catch((error) => [error])) as [
    unknown,
  ];
  if (outcome === 0) return;
  const reason = (outcome as NodeJS.ErrnoException | null)?.code === 'ENOENT' ? 'is not installed' : 'cannot be run';
  throw new CommandError(
    EXIT.environment,
    `error: --sender kernel runs ${PROGRAM}, which ${reason} here: install it, or use --sender none and run the client yourself.`,
  );
}

/** A client that runs. */
export class ClientProcess {
  readonly #child: ChildProcess;
  #ended: string | null = null;
  /** All that it printed, where it is not passed on. */
  text: string = '';

  /** @param passOn - Takes what it prints as it does; null to have JSON collected in {@link ClientProcess.text}. */
  constructor(options: IperfOptions, passOn: ((text: string) => void) | null) {
    const [program, ...args] = clientCommand(options) as [string, ...string[]];
    const format = passOn === null ? '--json' : '--forceflush';
    this.#child = spawn(program, [...args, format], { stdio: ['ignore', 'pipe', 'pipe'] });
    const take = (chunk: Buffer): void => {
      if (passOn === null) this.text += chunk.toString();
      else passOn(chunk.toString());
    };
    this.#child.stdout?.on('data', take);
    this.#child.stderr?.on('data', take);
    this.#child.on('error', (error) => {
      this.#ended = error.message;
    });
    this.#child.on('close', (code, signal) => {
      this.#ended ??= code === 0 ? '' : `iperf3 ended with ${signal ?? `exit status ${code}`}`;
    });
  }

  get done(): boolean {
    return this.#ended !== null;
  }

  /** Why it did not end well, as a sentence; null when it did, or has not ended. */
  get error(): string | null {
    return this.#ended === '' ? null : this.#ended;
  }

  close(): void {
    if (!this.done) this.#child.kill('SIGKILL');
  }
}
