/** The application: accepts, receives with MSG_SOCK_DEVMEM, has each range verified, and returns tokens in batches. */
import type { BoundMemory, Host } from '@netmem/lab';
import { EAGAIN, errnoName } from '@netmem/uapi';
import { DevmemReader } from '../host/devmem-reader.ts';
import { openListener } from '../host/listener.ts';
import type { RxOptions } from './options.ts';
import { createVerifier, type Verifier } from './verifier.ts';

/** recvmsg calls per connection before the network gets its turn. */
const CALLS_PER_TURN = 8;

/** One accepted connection. */
interface Connection {
  readonly fd: number;
  readonly peer: { readonly address: string; readonly port: number };
  readonly verifier: Verifier;
  bytes: number;
  open: boolean;
}

/** What became of one connection. */
export interface ReceivedStream {
  readonly peer: { readonly address: string; readonly port: number };
  readonly bytes: number;
  /** Null when none was computed. */
  readonly digest: string | null;
}

/** Everything one run receives. */
export class ReceiveSession {
  readonly #host: Host;
  readonly #memory: BoundMemory;
  readonly #options: RxOptions;
  readonly #listener: number;
  readonly #reader: DevmemReader;
  readonly #connections: Connection[] = [];
  #open = 0;
  #ended = 0;
  #error: string | null = null;

  /**
   * @param streams - Connections that may be open at once, which have to share the memory.
   * @throws KernelError when the listener cannot be opened.
   */
  constructor(host: Host, memory: BoundMemory, options: RxOptions, streams: number) {
    this.#host = host;
    this.#memory = memory;
    this.#options = options;
    this.#reader = new DevmemReader(host, memory);
    this.#listener = openListener(host, options, streams);
  }

  /** Bytes DMABUF messages announced. */
  get bytes(): number {
    return this.#reader.bytes;
  }

  get tokensIssued(): number {
    return this.#reader.tokensIssued;
  }

  get tokensReturned(): number {
    return this.#reader.tokensReturned;
  }

  /** The first thing that went wrong, as a sentence. */
  get error(): string | null {
    return this.#error ?? this.#reader.error;
  }

  /** Connections that are open. */
  get openConnections(): number {
    return this.#open;
  }

  /** Connections that came and went. */
  get endedConnections(): number {
    return this.#ended;
  }

  get acceptedConnections(): number {
    return this.#connections.length;
  }

  /** All connections, in the order in which they were accepted. */
  streams(): ReceivedStream[] {
    return this.#connections.map(({ peer, bytes, verifier }) => ({ peer, bytes, digest: verifier.digest() }));
  }

  /** What the verifiers found, as a sentence; null when nothing. */
  problem(): string | null {
    for (const { verifier } of this.#connections) {
      const problem = verifier.problem();
      if (problem !== null) return problem;
    }
    return null;
  }

  /** Does what can be done without waiting; true if anything was. */
  service(): boolean {
    let busy = false;
    const { sockets } = this.#host.stack;
    for (let fd = sockets.accept(this.#listener); fd >= 0; fd = sockets.accept(this.#listener)) {
      const verifier = createVerifier(this.#memory, this.#options, this.#connections.length);
      const from = sockets.getpeername(fd);
      const peer = { address: from?.address.toString() ?? '', port: from?.port ?? 0 };
      this.#connections.push({ fd, peer, verifier, bytes: 0, open: true });
      this.#open++;
      busy = true;
    }
    for (let i = 0; i < this.#connections.length; i++) {
      const connection = this.#connections[i] as Connection;
      if (connection.open && this.#receive(connection)) busy = true;
    }
    return busy;
  }

  /** Closes every socket. Tokens were all returned by then, unless something went wrong. */
  close(): void {
    const { sockets } = this.#host.stack;
    for (const connection of this.#connections) {
      if (connection.open) this.#end(connection);
      connection.verifier.close();
    }
    sockets.close(this.#listener);
  }

  #receive(connection: Connection): boolean {
    const reader = this.#reader;
    for (let calls = 0; calls < CALLS_PER_TURN; calls++) {
      const before = reader.bytes;
      const result = reader.receive(connection.fd, connection.verifier);
      if (result === -EAGAIN) return calls > 0;
      if (result <= 0) {
        if (result < 0) this.#error ??= `receiving failed with ${errnoName(result)} after ${connection.bytes} bytes`;
        this.#end(connection);
        return true;
      }
      connection.bytes += reader.bytes - before;
    }
    return true;
  }

  #end(connection: Connection): void {
    connection.open = false;
    this.#open--;
    this.#ended++;
    this.#host.stack.sockets.close(connection.fd);
  }
}
