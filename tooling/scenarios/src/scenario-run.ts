import { AF_INET, AF_INET6, EINPROGRESS, POLL, SOCK_DGRAM, SOCK_STREAM } from '@netmem/uapi';
import { resultText, socketText } from './names.ts';
import { RecordedSocket } from './recorded-socket.ts';
import type { Address, HostName, StackUnderTest } from './stack.ts';
import type { Entry, Transcript } from './transcript.ts';

/** One small thing that sockets do. */
export interface Scenario {
  /** What is said of it in lists of differences; unique. */
  readonly id: string;
  run(t: ScenarioRun): void;
}

/** The two ends of a connection and the listener it came from, still open. */
export interface Connected {
  readonly client: RecordedSocket;
  readonly server: RecordedSocket;
  readonly listener: RecordedSocket;
}

/** Options of {@link ScenarioRun.connected}. */
export interface ConnectedOptions {
  readonly family?: number;
  /** Sets options before `listen` and `connect`; what it does is in the transcript. */
  readonly tune?: (client: RecordedSocket, listener: RecordedSocket) => void;
}

/** Below this port scenarios bind; above it the stack chose, and the transcript does not say what. */
const FIRST_EPHEMERAL_PORT = 32_768;
/** Where scenarios listen. */
export const PORT = 7000;

/** What a scenario works with: sockets by name, and a transcript that fills as they are used. */
export class ScenarioRun {
  readonly stack: StackUnderTest;
  readonly #entries: Entry[] = [];
  readonly #open: Set<RecordedSocket> = new Set();
  #quiet = 0;
  #held = 0;

  constructor(stack: StackUnderTest) {
    this.stack = stack;
  }

  /** A socket of any kind. */
  socket(host: HostName, name: string, family: number, type: number, protocol: number = 0): RecordedSocket {
    const fd = this.stack.host(host).socket(family, type, protocol);
    this.record('', 'socket', socketText(family, type, protocol), fd < 0 ? resultText(fd) : name);
    return this.adopt(host, name, fd);
  }

  /** An unconnected TCP socket. */
  tcp(host: HostName, name: string, family: number = AF_INET): RecordedSocket {
    return this.socket(host, name, family, SOCK_STREAM);
  }

  /** A UDP socket. */
  udp(host: HostName, name: string, family: number = AF_INET): RecordedSocket {
    return this.socket(host, name, family, SOCK_DGRAM);
  }

  /** An address of one of the hosts. */
  at(host: HostName, port: number = PORT, family: number = AF_INET): Address {
    return { ip: this.stack.address(host, family), port };
  }

  /** `0.0.0.0` or `::`. */
  any(port: number = PORT, family: number = AF_INET): Address {
    return { ip: family === AF_INET6 ? '::' : '0.0.0.0', port };
  }

  /** An IPv4 address of one of the hosts as an IPv6 socket writes it. */
  mapped(host: HostName, port: number = PORT): Address {
    return { ip: `::ffff:${this.stack.address(host, AF_INET)}`, port };
  }

  /** A socket that listens on the server's address. */
  listener(backlog: number = 8, family: number = AF_INET, name: string = 'l'): RecordedSocket {
    return this.quietly(() => {
      const listener = this.tcp('server', name, family);
      must(listener.bind(this.at('server', PORT, family)));
      must(listener.listen(backlog));
      return listener;
    });
  }

  /** A connection from `c` to `s`, accepted from `l`. How it came about is not in the transcript, but for what `tune` does. */
  connected(options: ConnectedOptions = {}): Connected {
    const family = options.family ?? AF_INET;
    const [client, listener] = this.quietly(() => {
      const sockets = [this.tcp('client', 'c', family), this.tcp('server', 'l', family)] as const;
      must(sockets[0].bind(this.at('client', 0, family)));
      must(sockets[1].bind(this.at('server', PORT, family)));
      return sockets;
    });
    options.tune?.(client, listener);
    return this.quietly(() => {
      must(listener.listen(8));
      const started = client.connect(this.at('server', PORT, family));
      listener.until(POLL.IN);
      client.until(POLL.OUT);
      const server = listener.accept('s');
      // Once more, as a program would to learn how it went.
      if (started === -EINPROGRESS) must(client.connect(this.at('server', PORT, family)));
      must(server.fd);
      return { client, server, listener };
    });
  }

  /** Two UDP sockets, `c` and `s`, bound to their hosts' addresses, ports 7001 and 7000. */
  datagramPair(family: number = AF_INET): { client: RecordedSocket; server: RecordedSocket } {
    return this.quietly(() => {
      const client = this.udp('client', 'c', family);
      const server = this.udp('server', 's', family);
      must(client.bind(this.at('client', PORT + 1, family)));
      must(server.bind(this.at('server', PORT, family)));
      return { client, server };
    });
  }

  /** Calls that are not in the transcript: what a scenario needs but is not about. */
  quietly<T>(calls: () => T): T {
    this.#quiet++;
    try {
      return calls();
    } finally {
      this.#quiet--;
    }
  }

  /** Calls whose packets cross on the wire. */
  crossing(sockets: readonly RecordedSocket[], calls: () => void): void {
    this.#held++;
    try {
      this.stack.crossing(sockets, calls);
    } finally {
      this.#held--;
    }
    this.stack.settle();
  }

  /** Lets time pass. */
  sleep(milliseconds: number): void {
    this.stack.sleep(milliseconds);
  }

  /** Something that a scenario worked out itself. */
  note(what: string, value: string | number | boolean): void {
    this.record('', 'note', what, String(value));
  }

  record(on: string, call: string, args: string, result: string): void {
    if (this.#held === 0) this.stack.settle();
    if (this.#quiet === 0) this.#entries.push({ on, call, args, result });
  }

  /** Makes a descriptor one of the scenario's; a negative one stays as it is, so that its use shows EBADF. */
  adopt(host: HostName, name: string, fd: number): RecordedSocket {
    const socket = new RecordedSocket(this, host, name, fd);
    if (fd >= 0) this.#open.add(socket);
    return socket;
  }

  forget(socket: RecordedSocket): void {
    this.#open.delete(socket);
  }

  /** `server:7000`: hosts by name, ports that the stack chose as such. */
  addressText(address: Address): string {
    const port = address.port < FIRST_EPHEMERAL_PORT ? String(address.port) : 'ephemeral';
    return `${this.#hostText(address.ip)}:${port}`;
  }

  #hostText(ip: string): string {
    if (ip === '0.0.0.0') return 'any4';
    if (ip === '::') return 'any6';
    if (ip.startsWith('::ffff:')) return `mapped ${this.#hostText(ip.slice('::ffff:'.length))}`;
    for (const host of ['client', 'server'] as const) {
      if (ip === this.stack.address(host, AF_INET)) return host;
      if (ip === this.stack.address(host, AF_INET6)) return `${host}6`;
    }
    return ip;
  }

  /** Closes what the scenario left open. @returns its transcript. */
  finish(): Transcript {
    this.quietly(() => {
      for (const socket of this.#open) socket.close();
    });
    return this.#entries;
  }
}

/** A step that a scenario is not about, and cannot go on without. */
function must(result: number): void {
  if (result < 0) throw new Error(`a scenario could not be set up: ${resultText(result)}`);
}

/** Runs one scenario on a stack of its own. @returns its transcript, and what the stack still held in the end. */
export function runScenario(
  scenario: Scenario,
  stack: StackUnderTest,
): { readonly transcript: Transcript; readonly leftovers: readonly string[] } {
  const run = new ScenarioRun(stack);
  let transcript: Transcript = [];
  try {
    scenario.run(run);
  } catch (cause) {
    throw new Error(`scenario "${scenario.id}" failed`, { cause });
  } finally {
    transcript = run.finish();
  }
  return { transcript, leftovers: stack.close() };
}
