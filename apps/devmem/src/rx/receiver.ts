/**
 * The receiver process: sets a host up, has somebody send, receives, takes everything down and reports. Its only argument is a
 * {@link ReceiverRequest}; everything it has to say goes over the IPC channel.
 */
import { writeSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { EXIT } from '../exit-codes.ts';
import { EmbeddedSender } from './embedded-sender.ts';
import { cableEnvironment, type Environment, tapEnvironment } from './environment.ts';
import { KernelSender } from './kernel-sender-process.ts';
import { Measurement } from './measurement.ts';
import type { ReceiverMessage, ReceiverRequest, StopMessage } from './messages.ts';
import { STALL_SECONDS } from './options.ts';
import type { RxReport } from './report.ts';
import { ReceiveSession } from './session.ts';
import { Source } from './source.ts';
import { describeState } from './state-dump.ts';
import { openTrace } from './trace-file.ts';

const PROGRESS_MS = 100;
/** Rounds between two looks at the event loop while there is always something to do. */
const ROUNDS_PER_TURN = 64;
/** How long the last ACKs and the sender's farewell may take after the last byte. */
const LINGER_MS = 2_000;
const STDERR_FD = 2;

/** Who sends, as the receive loop sees it. */
interface SenderControl {
  service(): boolean;
  /** The sender is through, well or not, and its report is in. */
  readonly done: boolean;
  readonly error: string | null;
  digest(): string | null;
  readonly cpuSeconds: number;
  close(): void;
}

const NOBODY: SenderControl = {
  service: () => false,
  done: true,
  error: null,
  digest: () => null,
  cpuSeconds: 0,
  close() {},
};

function tell(message: ReceiverMessage): void {
  process.send?.(message);
}

function startSender(
  request: ReceiverRequest,
  environment: Environment,
): { control: SenderControl; total: number | null } {
  const { options, sender } = request;
  if (sender === 'none') return { control: NOBODY, total: null };
  const source = Source.open(options.file, options.bytes);
  const total = source.length;
  const digest = options.validate === 'sha256';
  if (environment.peer !== null)
    return { control: new EmbeddedSender(environment.peer, source, options.listen, digest), total };
  source.close();
  const { file, bytes, listen } = options;
  return { control: new KernelSender({ ...listen, file, bytes, digest }), total };
}

/** The command that puts a shell into our network namespace. */
function enterCommand({ options, rootless }: ReceiverRequest): string {
  const user = rootless ? ' --user --preserve-credentials' : '';
  const { address, port } = options.listen;
  return `Listening on ${address}:${port}. Send from the same namespace, for example:\n  nsenter --target ${process.pid}${user} --net nc -N ${address} ${port} < FILE`;
}

class Run {
  readonly #request: ReceiverRequest;
  readonly #environment: Environment;
  readonly #session: ReceiveSession;
  readonly #sender: SenderControl;
  readonly #total: number | null;
  readonly #measurement: Measurement;
  #stopReason: string | null = null;
  #movedMs: number = performance.now();
  #movedBytes = 0;
  #toldMs = 0;

  constructor(request: ReceiverRequest, environment: Environment) {
    const { options } = request;
    const { host } = environment;
    if (host.memory === null) throw new Error('the host has no device memory');
    host.steer(options.listen.address, options.listen.port, host.memory.queues[0] ?? 0);
    this.#request = request;
    this.#environment = environment;
    this.#session = new ReceiveSession(host, host.memory, options);
    this.#measurement = new Measurement(host);
    const { control, total } = startSender(request, environment);
    this.#sender = control;
    this.#total = total;
    tell({ type: 'listening', total, enter: request.sender === 'none' ? enterCommand(request) : null });
  }

  stop(reason: string): void {
    this.#stopReason ??= reason;
  }

  async receive(): Promise<void> {
    for (let round = 1; !this.#finished(); round++) {
      const busy = this.#round();
      if (!busy) this.#environment.wait();
      if (!busy || round % ROUNDS_PER_TURN === 0) {
        await nextTurn();
        this.#watch();
      }
    }
  }

  /** Closes sockets, lets the last segments go out, takes the hosts down. */
  async finish(): Promise<RxReport> {
    this.#measurement.end(this.#session.bytes);
    const { sockets } = this.#environment.host.stack;
    this.#session.close();
    const tokensOutstanding = this.#session.tokensIssued - this.#session.tokensReturned;
    const deadline = performance.now() + LINGER_MS;
    while (performance.now() < deadline && !(this.#sender.done && sockets.tokensOutstanding === 0)) {
      if (!this.#round()) this.#environment.wait();
      await nextTurn();
    }
    this.#sender.close();
    for (let round = 0; round < ROUNDS_PER_TURN && this.#environment.step(); round++);
    const counted = this.#measurement.counters();
    const leaks = this.#environment.close();
    return this.#report(tokensOutstanding, counted, leaks);
  }

  #round(): boolean {
    const moved = this.#environment.step();
    const sent = this.#sender.service();
    const received = this.#session.service();
    if (received) this.#measurement.received(this.#session.bytes);
    return moved || sent || received;
  }

  #finished(): boolean {
    const { openConnections, endedConnections, error } = this.#session;
    if (this.#stopReason !== null || error !== null || this.#sender.error !== null) return true;
    const wanted = this.#request.sender === 'none' ? this.#request.options.connections : 1;
    return openConnections === 0 && endedConnections >= wanted && this.#sender.done;
  }

  #watch(): void {
    const now = performance.now();
    const { bytes, openConnections } = this.#session;
    if (now - this.#toldMs >= PROGRESS_MS) {
      this.#toldMs = now;
      tell({ type: 'progress', bytes });
    }
    const waiting = this.#request.sender === 'none' && openConnections === 0;
    if (bytes !== this.#movedBytes || waiting) {
      this.#movedBytes = bytes;
      this.#movedMs = now;
    } else if (now - this.#movedMs > STALL_SECONDS * 1000) {
      writeSync(STDERR_FD, `${describeState(this.#environment.host)}\n`);
      this.stop(`no byte came for ${STALL_SECONDS} s`);
    }
  }

  #report(tokensOutstanding: number, counted: ReturnType<Measurement['counters']>, leaks: readonly string[]): RxReport {
    const { options, sender, senderReason } = this.#request;
    const session = this.#session;
    const sent = this.#sender.digest();
    const devmem = session.digest();
    const figures = this.#measurement.figures(this.#sender.cpuSeconds);
    const { pools } = this.#environment.host;
    const { hold, release } = pools.totals();
    const facts = {
      sender,
      sender_reason: senderReason,
      bytes_devmem: session.bytes,
      bytes_linear: counted.linearBytes,
      frags: session.tokensIssued,
      tokens_issued: session.tokensIssued,
      tokens_returned: session.tokensReturned,
      tokens_outstanding: tokensOutstanding,
      inflight: hold - release,
      iommu_faults: counted.iommuFaults,
      drops: counted.drops,
      sha256_sent: sent,
      sha256_devmem: devmem,
      ...figures,
      log_warnings: counted.warnings,
      leaks,
      connections: session.acceptedConnections,
      exporter: options.exporter,
      queues: options.queues,
    };
    const error = this.#judge(facts);
    return { ok: error === null, error, ...facts };
  }

  /** The first reason, in order of importance, why the run was not what it should be. */
  #judge(facts: Omit<RxReport, 'ok' | 'error'>): string | null {
    const missing = this.#total === null ? 0 : this.#total - facts.bytes_devmem - facts.bytes_linear;
    if (this.#stopReason !== null) return this.#stopReason;
    if (this.#sender.error !== null) return `${this.#sender.error}; ${facts.bytes_devmem} bytes had arrived`;
    if (this.#session.error !== null) return this.#session.error;
    if (missing !== 0) return `${missing} of ${this.#total} bytes are missing`;
    const problem = this.#session.problem();
    if (problem !== null) return problem;
    if (facts.sha256_sent !== null && facts.sha256_sent !== facts.sha256_devmem) return 'the digests differ';
    if (facts.bytes_linear > 0) return `${facts.bytes_linear} bytes of payload came outside device memory`;
    if (facts.tokens_outstanding > 0) return `${facts.tokens_outstanding} tokens were not returned`;
    if (facts.inflight !== 0) return `${facts.inflight} buffers are still in flight`;
    return facts.leaks[0] ?? null;
  }
}

async function main(): Promise<void> {
  const request = JSON.parse(process.argv[2] ?? '{}') as ReceiverRequest;
  // The terminal sends SIGINT to the whole group; the command decides what it means, and a closed channel means that it is gone.
  process.on('SIGINT', () => {});
  process.on('disconnect', () => process.exit(EXIT.failed));
  const closeTrace: { now: () => void } = { now: () => {} };
  try {
    const { options } = request;
    const environment = request.sender === 'embedded' ? cableEnvironment(options) : tapEnvironment(options);
    if (options.trace !== null) closeTrace.now = openTrace(environment.host.machine, options.trace);
    const run = new Run(request, environment);
    process.on('message', (message: StopMessage) => run.stop(message.reason));
    await run.receive();
    tell({ type: 'report', report: await run.finish() });
  } catch (error) {
    const { name, message } = error as Error;
    const known = name === 'KernelError' || name === 'TapError' || name === 'CommandError' || name === 'RangeError';
    if (!known) writeSync(STDERR_FD, `${(error as Error).stack}\n`);
    tell({ type: 'refused', exitCode: known ? EXIT.environment : EXIT.failed, message: `error: ${message}` });
  }
  closeTrace.now();
  process.removeAllListeners('disconnect');
  process.disconnect?.();
}

await main();
