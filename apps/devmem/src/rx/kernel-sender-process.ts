/** The sending process, as the receiver sees it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { SendReport, SendRequest } from './kernel-sender.ts';

const SENDER = fileURLToPath(new URL('./kernel-sender.ts', import.meta.url));

/** Starts the sender in our own network namespace and keeps its report. */
export class KernelSender {
  readonly #child: ChildProcess;
  #report: SendReport | null = null;
  #gone: string | null = null;

  constructor(request: SendRequest) {
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

  digest(): string | null {
    return this.#report?.ok === true ? this.#report.sha256 : null;
  }

  get cpuSeconds(): number {
    return this.#report?.ok === true ? this.#report.cpuSeconds : 0;
  }

  close(): void {
    if (this.#gone === null) this.#child.kill('SIGKILL');
  }
}
