/**
 * The receiver process of `devmem rx`: sets a host up, has somebody send, receives, takes everything down and reports. Its only argument is a
 * {@link ReceiverRequest}.
 */
import { CaptureFile } from '../capture/capture-file.ts';
import {
  cableEnvironment,
  type Environment,
  type PortWrapper,
  replayEnvironment,
  tapEnvironment,
} from '../host/environment.ts';
import { openTrace } from '../host/trace-file.ts';
import { readRecording } from '../replay/recording.ts';
import { ReplaySender } from '../replay/replay-sender.ts';
import { enterCommand } from '../run/enter-command.ts';
import { Measurement } from '../run/measurement.ts';
import { type Application, ReceiveLoop } from '../run/receive-loop.ts';
import { type ReceiverRun, receiverMain, type Tell } from '../run/receiver-main.ts';
import { EmbeddedSender } from './embedded-sender.ts';
import { KernelSender } from './kernel-sender-process.ts';
import type { RxOptions } from './options.ts';
import { buildReport, type ReplayFacts, type RxReport, type SenderKind } from './report.ts';
import { createNobody, type SenderControl } from './sender.ts';
import { ReceiveSession } from './session.ts';

/** The receiver's only argument, as JSON. */
export interface ReceiverRequest {
  readonly options: RxOptions;
  /** The sender that was decided on. */
  readonly sender: SenderKind;
  readonly senderReason: string | null;
  /** The namespace needs a user namespace around it, because nobody here is root. */
  readonly rootless: boolean;
}

/** Where the host is, and who sends to it. */
interface Scene {
  readonly environment: Environment;
  /** Called once the listener is open. */
  startSender(): SenderControl;
  replayFacts(): ReplayFacts | null;
  /** Connections that may be open at once. */
  readonly streams: number;
}

function setScene({ options, sender }: ReceiverRequest, wrap: PortWrapper): Scene {
  const replayFacts = (): null => null;
  const streams = options.connections;
  if (options.replay !== null) {
    const recording = readRecording(options.replay, options.listen);
    const environment = replayEnvironment(options, recording, wrap);
    const { host, port } = environment;
    return {
      environment,
      startSender: () => new ReplaySender(recording, port, host.machine.clock),
      replayFacts: () => ({
        frames: recording.frames.length,
        skipped: recording.skipped,
        connections: recording.streams.length,
        incomplete: recording.streams.filter((stream) => !stream.isWhole).length,
        aligned: port.aligned,
        pauses: port.pauses,
        damage: recording.damage,
      }),
      streams: Math.max(1, recording.streams.length),
    };
  }
  if (sender === 'embedded') {
    const environment = cableEnvironment(options, wrap);
    const { peer } = environment;
    if (peer === null) throw new Error('the cable has no second host');
    return { environment, startSender: () => new EmbeddedSender(peer, options), replayFacts, streams };
  }
  const environment = tapEnvironment(options, wrap);
  const startSender = (): SenderControl => (sender === 'none' ? createNobody(streams) : new KernelSender(options));
  return { environment, startSender, replayFacts, streams };
}

/** No connection is still closing: the other side may have to be told once more. */
function isQuiet({ host, peer }: Environment): boolean {
  return host.stack.audit().length === 0 && (peer === null || peer.stack.audit().length === 0);
}

class Run implements ReceiverRun<RxReport>, Application {
  readonly #request: ReceiverRequest;
  readonly #scene: Scene;
  readonly #session: ReceiveSession;
  readonly #sender: SenderControl;
  readonly #measurement: Measurement;
  readonly #loop: ReceiveLoop;
  readonly #capture: CaptureFile | null;

  constructor(request: ReceiverRequest, scene: Scene, capture: CaptureFile | null, tell: Tell<RxReport>) {
    const { options } = request;
    const { host } = scene.environment;
    if (host.memory === null) throw new Error('the host has no device memory');
    host.steer(options.listen.address, options.listen.port, host.memory.queues[0] ?? 0);
    capture?.learn(host);
    this.#request = request;
    this.#scene = scene;
    this.#capture = capture;
    this.#session = new ReceiveSession(host, host.memory, options, scene.streams);
    this.#measurement = new Measurement(host);
    this.#loop = new ReceiveLoop(scene.environment, this, (bytes) => tell({ type: 'progress', bytes }));
    this.#sender = scene.startSender();
    const { total } = this.#sender;
    tell({
      type: 'listening',
      total,
      enter: request.sender === 'none' ? enterCommand(options, request.rootless) : null,
    });
  }

  get bytes(): number {
    return this.#session.bytes;
  }

  get waiting(): boolean {
    return this.#request.sender === 'none' && this.#session.openConnections === 0;
  }

  get finished(): boolean {
    const { openConnections, endedConnections, error } = this.#session;
    if (error !== null || this.#sender.error !== null) return true;
    if (!this.#sender.done) return false;
    // A recording may end before a connection does.
    return this.#request.sender === 'replay' || (openConnections === 0 && endedConnections >= this.#sender.connections);
  }

  service(): boolean {
    const sent = this.#sender.service();
    const received = this.#session.service();
    if (received) this.#measurement.received(this.#session.bytes);
    return sent || received;
  }

  stop(reason: string): void {
    this.#loop.stop(reason);
  }

  receive(): Promise<void> {
    return this.#loop.run();
  }

  /** Closes sockets, lets the last segments go out, takes the hosts down. */
  async finish(): Promise<RxReport> {
    const session = this.#session;
    const sender = this.#sender;
    const { environment } = this.#scene;
    const { sockets } = environment.host.stack;
    this.#measurement.end(session.bytes);
    session.close();
    const tokensOutstanding = session.tokensIssued - session.tokensReturned;
    await this.#loop.linger(() => sender.done && sockets.tokensOutstanding === 0);
    sender.close();
    await this.#loop.linger(() => isQuiet(environment));
    const counted = this.#measurement.counters();
    const leaks = environment.close();
    const { hold, release } = environment.host.pools.totals();
    return buildReport({
      ...this.#request,
      session,
      control: sender,
      counted,
      figures: this.#measurement.figures(sender.cpuSeconds),
      tokensOutstanding,
      inflight: hold - release,
      leaks,
      stopReason: this.#loop.stopReason,
      cableFaults: environment.cableFaults,
      cardFaults: environment.cardFaults,
      pcapPackets: this.#capture?.packets ?? null,
      replay: this.#scene.replayFacts(),
    });
  }
}

await receiverMain<ReceiverRequest, RxReport>((request, tell, onEnd) => {
  const { pcap, trace } = request.options;
  const capture = pcap === null ? null : new CaptureFile(pcap);
  if (capture !== null) onEnd(() => capture.close());
  const scene = setScene(request, (port, clock) => capture?.wrap(port, clock) ?? port);
  if (trace !== null) onEnd(openTrace(scene.environment.host.machine, trace));
  return new Run(request, scene, capture, tell);
});
