/** The receiver process of `devmem iperf`: a host on a TAP that serves one iperf3 test. Its only argument is an {@link IperfRequest}. */
import { CaptureFile } from '../capture/capture-file.ts';
import { type Environment, tapEnvironment } from '../host/environment.ts';
import { openTrace } from '../host/trace-file.ts';
import { enterNamespace } from '../run/enter-command.ts';
import { Measurement } from '../run/measurement.ts';
import { type Application, ReceiveLoop } from '../run/receive-loop.ts';
import { type ReceiverRun, receiverMain, type Tell } from '../run/receiver-main.ts';
import { ClientProcess, clientCommand } from './client-process.ts';
import type { IperfOptions } from './options.ts';
import { buildIperfReport, type IperfReport } from './report.ts';
import { IperfServer } from './server.ts';

/** The receiver's only argument, as JSON. */
export interface IperfRequest {
  readonly options: IperfOptions;
  /** The namespace needs a user namespace around it, because nobody here is root. */
  readonly rootless: boolean;
}

class Run implements ReceiverRun<IperfReport>, Application {
  readonly #options: IperfOptions;
  readonly #environment: Environment;
  readonly #server: IperfServer;
  readonly #client: ClientProcess | null;
  readonly #measurement: Measurement;
  readonly #loop: ReceiveLoop;
  readonly #capture: CaptureFile | null;
  #streams = 0;

  constructor(
    { options, rootless }: IperfRequest,
    environment: Environment,
    capture: CaptureFile | null,
    tell: Tell<IperfReport>,
  ) {
    const { host } = environment;
    if (host.memory === null) throw new Error('the host has no device memory');
    capture?.learn(host);
    this.#options = options;
    this.#environment = environment;
    this.#capture = capture;
    this.#server = new IperfServer(host, host.memory, options);
    this.#measurement = new Measurement(host);
    this.#loop = new ReceiveLoop(environment, this, (bytes) => tell({ type: 'progress', bytes }));
    const { address, port } = options.listen;
    const passOn = options.json ? null : (text: string): void => tell({ type: 'output', text });
    this.#client = options.sender === 'kernel' ? new ClientProcess(options, passOn) : null;
    if (this.#client !== null) return;
    const command = `${enterNamespace(rootless)} ${clientCommand(options).slice(0, 5).join(' ')}`;
    tell({ type: 'listening', total: null, enter: `Listening on ${address}:${port}. Run for example:\n  ${command}` });
  }

  get bytes(): number {
    return this.#server.bytes;
  }

  get waiting(): boolean {
    return this.#client === null && !this.#server.running;
  }

  get finished(): boolean {
    return this.#server.finished || (this.#client?.done === true && !this.#server.begun);
  }

  service(): boolean {
    const server = this.#server;
    const busy = server.service();
    if (server.streams.length !== this.#streams) {
      this.#streams = server.streams.length;
      this.#capture?.learn(this.#environment.host);
    }
    if (server.running || server.bytes > 0) this.#measurement.received(server.bytes);
    return busy;
  }

  stop(reason: string): void {
    this.#server.terminate();
    this.#loop.stop(reason);
  }

  receive(): Promise<void> {
    return this.#loop.run();
  }

  async finish(): Promise<IperfReport> {
    const server = this.#server;
    const client = this.#client;
    const { host } = this.#environment;
    this.#measurement.end(server.bytes);
    if (server.error !== null) server.terminate();
    server.close();
    const tokensOutstanding = server.reader.tokensIssued - server.reader.tokensReturned;
    await this.#loop.linger(() => client?.done !== false && host.stack.audit().length === 0);
    client?.close();
    const counted = this.#measurement.counters();
    const leaks = this.#environment.close();
    const { hold, release } = host.pools.totals();
    return buildIperfReport({
      options: this.#options,
      server,
      measurement: this.#measurement,
      counted,
      tokensOutstanding,
      inflight: hold - release,
      leaks,
      stopReason: this.#loop.stopReason,
      clientError: client?.error ?? null,
      cableFaults: this.#environment.cableFaults,
      cardFaults: this.#environment.cardFaults,
      pcapPackets: this.#capture?.packets ?? null,
      iperf3: client === null || !this.#options.json ? null : parseOutput(client.text),
    });
  }
}

function parseOutput(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

await receiverMain<IperfRequest, IperfReport>((request, tell, onEnd) => {
  const { pcap, trace } = request.options;
  const capture = pcap === null ? null : new CaptureFile(pcap);
  if (capture !== null) onEnd(() => capture.close());
  const environment = tapEnvironment(request.options, (port, clock) => capture?.wrap(port, clock) ?? port);
  if (trace !== null) onEnd(openTrace(environment.host.machine, trace));
  return new Run(request, environment, capture, tell);
});
