/** The sending process, as the receiver sees it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { SendReport, SendRequest } from './kernel-sender.ts';
import type { RxOptions } from './options.ts';
import type { SenderControl } from './sender.ts';
import { Source } from './source.ts';

const SENDER = fileURLToPath(new URL('./kernel-sender.ts', import.meta.url));

/** Starts the sender in our own network namespace and keeps its report. */
export class KernelSender implements SenderControl {
  readonly connections: number;
  readonly total: number;
  readonly #child: ChildProcess;
  #report: SendReport | null = null;
  #gone: string | null = null;

  constructor({ listen, file, bytes, connections, validate }: RxOptions) {
    const source = Source.open(file, bytes);
    source.close();
    this.connections = connections;
    this.total = connections * source.length;
    const request: SendRequest = { ...listen, file, bytes, connections, digest: validate === 'sha256' };
    this.#child = spawn(process.execPath, [SENDER, JSON.stringify(request)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#child.on('message', (report: SendReport) => {
      this.#report = report;
    });
    this.#child.on('error', (error) => {
      this.#gone = error.message;
    });
    this.#child.on('exit', (code, signal) => {
      this.#gone = signal === null ? `exit status ${code}` : signal;
    });
  }

  service(): boolean {
    return false;
  }

  get done(): boolean {
    return this.#report !== null || this.#gone !== null;
  }

  get error(): string | null {
    if (this.#report !== null) return this.#report.ok ? null : `the sender failed: ${this.#report.reason}`;
    return this.#gone === null ? null : `the sender died (${this.#gone})`;
  }

  digestOf(): string | null {
    return this.#report?.ok === true ? this.#report.sha256 : null;
  }

  get cpuSeconds(): number {
    return this.#report?.ok === true ? this.#report.cpuSeconds : 0;
  }

  close(): void {
    if (this.#gone === null) this.#child.kill('SIGKILL');
  }
}
