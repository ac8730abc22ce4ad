/**
 * An iperf3 server for one test, on our sockets. All connections of a test come to one port, and RSS keeps them on ordinary queues; the client opens
 * each with a cookie, and sends data only when it is told to start. So a data connection is known, and moved to the bound queue by a rule for its
 * 5-tuple, before its first byte of payload.
 */
import type { BoundMemory, Host } from '@netmem/lab';
import { DevmemReader } from '../host/devmem-reader.ts';
import { openListener, setReceiveBuffer } from '../host/listener.ts';
import type { HostOptions } from '../host/options.ts';
import { ControlChannel } from './control-channel.ts';
import { DataStream } from './data-stream.ts';
import {
  type ClientResults,
  COOKIE_BYTES,
  formatResults,
  frameText,
  IERECVPARAMS,
  IEUNIMP,
  LENGTH_BYTES,
  MAX_JSON_BYTES,
  parseParameters,
  parseResults,
  STATE,
  serverErrorBytes,
  type TestParameters,
} from './protocol.ts';

/** Streams of one test: the rules that the card has. */
export const MAX_STREAMS = 64;
/** What the client says it sent may still be on its way when the test is over; this long without a byte, and it is not. */
const DRAIN_NS = 500e6;
const NS_PER_SECOND = 1e9;

type Phase = 'listening' | 'parameters' | 'streams' | 'running' | 'results' | 'draining' | 'farewell' | 'over';

/** Serves one test. */
export class IperfServer {
  readonly reader: DevmemReader;
  readonly #host: Host;
  readonly #options: HostOptions;
  readonly #queue: number;
  readonly #listener: number;
  /** Connections whose cookie has not come yet. */
  #newcomers: ControlChannel[] = [];
  #control: ControlChannel | null = null;
  #cookie = '';
  #parameters: TestParameters | null = null;
  #phase: Phase = 'listening';
  /** Length of the text that is being received; 0 when its length has not come yet. */
  #textBytes = 0;
  #startNs = 0;
  /** When the last byte came. */
  #movedNs = 0;
  #movedBytes = 0;
  #startCpu: NodeJS.CpuUsage = { user: 0, system: 0 };
  #omitted: readonly number[] | null = null;
  readonly streams: DataStream[] = [];
  /** Bytes of cookies and control messages: ordinary traffic. */
  controlBytes: number = 0;
  /** What the client said; null before. */
  client: ClientResults | null = null;
  /** An option of the client that this server cannot serve; null when there was none. */
  refused: string | null = null;
  /** The first thing that went wrong, as a sentence. */
  error: string | null = null;

  /** @throws KernelError when the listener cannot be opened. */
  constructor(host: Host, memory: BoundMemory, options: HostOptions) {
    this.#host = host;
    this.#options = options;
    this.#queue = memory.queues[0] ?? 0;
    this.reader = new DevmemReader(host, memory);
    this.#listener = openListener(host, options, 1);
  }

  /** Nothing more will happen. */
  get finished(): boolean {
    return this.#phase === 'over' || this.error !== null;
  }

  /** A test has begun. */
  get begun(): boolean {
    return this.#phase !== 'listening';
  }

  get running(): boolean {
    return this.#phase === 'running';
  }

  /** Payload of all streams, of either kind. */
  get bytes(): number {
    return this.streams.reduce((total, stream) => total + stream.bytes, 0);
  }

  /** From the word to start to the last byte. */
  get seconds(): number {
    return Math.max(0, this.#movedNs - this.#startNs) / NS_PER_SECOND;
  }

  get #nowNs(): number {
    return this.#host.machine.clock.nowNs;
  }

  /** Does what can be done without waiting; true if anything was. */
  service(): boolean {
    if (this.finished) return false;
    const before = this.#phase;
    let busy = this.#accept();
    for (const stream of this.streams) {
      if (stream.service()) busy = true;
      if (stream.error !== null) this.error ??= stream.error;
    }
    this.error ??= this.reader.error;
    this.#noteBytes();
    const control = this.#control;
    if (control === null) return busy;
    if (control.flush()) busy = true;
    this.#omit();
    this.#advance(control);
    if (control.ended && this.#phase !== 'over') {
      // A client that was refused has nothing more to say; so has one that prints its results.
      if (this.#phase !== 'farewell') this.error ??= 'the client went away in the middle of the test';
      this.#phase = 'over';
    }
    return busy || this.#phase !== before;
  }

  /** Tells the client that the server ends, if there is one that waits for anything. */
  terminate(): void {
    if (this.#control !== null && this.#phase !== 'over') this.#sendState(this.#control, STATE.serverTerminate);
  }

  /** Closes every socket and removes every rule. */
  close(): void {
    for (const newcomer of this.#newcomers) newcomer.close();
    for (const stream of this.streams) stream.close();
    if (this.#control !== null) {
      this.controlBytes += this.#control.bytes;
      this.#control.close();
    }
    this.#host.stack.sockets.close(this.#listener);
  }

  #accept(): boolean {
    const { sockets } = this.#host.stack;
    let busy = false;
    for (let fd = sockets.accept(this.#listener); fd >= 0; fd = sockets.accept(this.#listener)) {
      this.#newcomers.push(new ControlChannel(this.#host, fd));
      busy = true;
    }
    for (const newcomer of this.#newcomers) {
      const cookie = newcomer.take(COOKIE_BYTES);
      if (cookie === null && !newcomer.ended) continue;
      this.#newcomers = this.#newcomers.filter((other) => other !== newcomer);
      busy = true;
      if (cookie === null) newcomer.close();
      else this.#admit(newcomer, new TextDecoder('latin1').decode(cookie));
    }
    return busy;
  }

  /** The first connection is the control connection; those with its cookie are its streams; anybody else has to wait for another server. */
  #admit(newcomer: ControlChannel, cookie: string): void {
    if (this.#control === null) {
      this.#control = newcomer;
      this.#cookie = cookie;
      this.#enter('parameters', newcomer, STATE.paramExchange);
      return;
    }
    this.controlBytes += newcomer.bytes;
    if (this.#phase !== 'streams' || cookie !== this.#cookie) {
      this.#sendState(newcomer, STATE.accessDenied);
      newcomer.close();
      return;
    }
    const streams = this.#parameters?.parallel ?? 1;
    setReceiveBuffer(this.#host, newcomer.fd, this.#options, streams);
    this.streams.push(new DataStream(this.#host, newcomer.fd, this.#options.listen, this.#queue, this.reader));
    if (this.streams.length < streams) return;
    this.#sendState(this.#control, STATE.testStart);
    this.#enter('running', this.#control, STATE.testRunning);
    this.#startNs = this.#nowNs;
    this.#movedNs = this.#nowNs;
    this.#startCpu = process.cpuUsage();
  }

  /** As far as what has come on the control connection allows. */
  #advance(control: ControlChannel): void {
    switch (this.#phase) {
      case 'parameters': {
        const text = this.#takeText(control);
        if (text !== null) this.#prepare(control, parseParameters(text, MAX_STREAMS));
        return;
      }
      case 'streams':
      case 'running':
        this.#hear(control);
        return;
      case 'results': {
        const text = this.#takeText(control);
        if (text === null) return;
        this.client = parseResults(text);
        if (this.client === null) this.error ??= 'the client sent results that cannot be read';
        this.#phase = 'draining';
        return;
      }
      case 'draining':
        if (this.#isDrained()) this.#answer(control);
        return;
      case 'farewell':
        if (control.take(1) !== null) this.#phase = 'over';
        return;
    }
  }

  #prepare(control: ControlChannel, parameters: TestParameters | null): void {
    this.#parameters = parameters;
    if (parameters === null) {
      this.error ??= 'the client sent parameters that cannot be read';
      control.send(serverErrorBytes(IERECVPARAMS));
      this.#phase = 'farewell';
    } else if (parameters.refused !== null) {
      this.refused = parameters.refused;
      control.send(serverErrorBytes(IEUNIMP));
      this.#phase = 'farewell';
    } else {
      this.#enter('streams', control, STATE.createStreams);
    }
  }

  #hear(control: ControlChannel): void {
    const word = control.take(1);
    if (word === null) return;
    const state = new Int8Array(word.buffer)[0];
    if (state === STATE.testEnd && this.#phase === 'running') {
      this.#enter('results', control, STATE.exchangeResults);
    } else if (state === STATE.clientTerminate) {
      this.error ??= 'the client ended the test before its time';
    } else {
      this.error ??= `the client said ${state} when it should not have`;
    }
  }

  #noteBytes(): void {
    const { bytes } = this;
    if (bytes === this.#movedBytes) return;
    this.#movedBytes = bytes;
    this.#movedNs = this.#nowNs;
  }

  /** What the client sent has come, or will not come any more. */
  #isDrained(): boolean {
    const sent = this.client?.streams.reduce((total, stream) => total + stream.bytes, 0) ?? 0;
    return this.#movedBytes >= sent || this.#nowNs - this.#movedNs > DRAIN_NS;
  }

  #answer(control: ControlChannel): void {
    const ids = this.client?.streams ?? [];
    const counted = this.streams.map(({ bytes }, i) => ({
      id: ids[i]?.id ?? i + 1,
      bytes: bytes - (this.#omitted?.[i] ?? 0),
    }));
    const used = process.cpuUsage(this.#startCpu);
    const cpu = { user: used.user / 1e6 / this.seconds, system: used.system / 1e6 / this.seconds };
    control.send(frameText(formatResults(counted, this.seconds, cpu)));
    this.#enter('farewell', control, STATE.displayResults);
  }

  /** What came in the seconds that do not count is put aside, as a server does by itself. */
  #omit(): void {
    const omit = this.#parameters?.omit ?? 0;
    if (omit === 0 || this.#omitted !== null || this.#phase !== 'running') return;
    if (this.#nowNs - this.#startNs < omit * NS_PER_SECOND) return;
    this.#omitted = this.streams.map((stream) => stream.bytes);
  }

  /** A text with its length before it, once it has come; null before. */
  #takeText(control: ControlChannel): string | null {
    if (this.#textBytes === 0) {
      const length = control.take(LENGTH_BYTES);
      if (length === null) return null;
      this.#textBytes = new DataView(length.buffer).getUint32(0);
      if (this.#textBytes === 0 || this.#textBytes > MAX_JSON_BYTES) {
        this.error ??= `the client announced a text of ${this.#textBytes} bytes`;
        return null;
      }
    }
    const text = control.take(this.#textBytes);
    if (text === null) return null;
    this.#textBytes = 0;
    return new TextDecoder().decode(text);
  }

  #enter(phase: Phase, control: ControlChannel, state: number): void {
    this.#sendState(control, state);
    this.#phase = phase;
  }

  #sendState(channel: ControlChannel, state: number): void {
    channel.send(Uint8Array.of(state & 0xff));
  }
}
