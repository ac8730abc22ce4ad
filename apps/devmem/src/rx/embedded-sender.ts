/** The second host as sender: reads the source, hashes it and writes it into sockets of our own stack. */
import { createHash, type Hash } from 'node:crypto';
import type { Host } from '@netmem/lab';
import { type Region, regionOf } from '@netmem/region';
import { Msghdr } from '@netmem/tcp';
import { AF_INET, EAGAIN, EINPROGRESS, errnoName, POLL, SHUT_WR, SOCK_STREAM } from '@netmem/uapi';
import type { ListenAddress } from '../host/options.ts';
import type { RxOptions } from './options.ts';
import type { SenderControl } from './sender.ts';
import { Source } from './source.ts';

const CHUNK_BYTES = 1 << 16;
/** Chunks per turn, so that the receiver keeps up. */
const CHUNKS_PER_TURN = 4;

/** Sends one source over one connection; {@link Stream.service} moves it on. */
class Stream {
  readonly #host: Host;
  readonly #source: Source;
  readonly #hash: Hash | null;
  readonly #chunk: Uint8Array = new Uint8Array(CHUNK_BYTES);
  readonly #msg: Msghdr = new Msghdr([]);
  readonly #fd: number;
  #pending: Uint8Array = new Uint8Array(0);
  #ended = false;
  error: string | null = null;

  constructor(host: Host, source: Source, to: ListenAddress, digest: boolean) {
    this.#host = host;
    this.#source = source;
    this.#hash = digest ? createHash('sha256') : null;
    this.#fd = host.stack.sockets.socket(AF_INET, SOCK_STREAM);
    const result = host.stack.sockets.connect(this.#fd, to.address, to.port);
    if (result !== -EINPROGRESS) this.error = `connect failed with ${errnoName(result)}`;
  }

  /** The stream and its FIN are in the stack's hands, or nothing more will be. */
  get done(): boolean {
    return this.#ended || this.error !== null;
  }

  digest(): string | null {
    return this.#hash?.copy().digest('hex') ?? null;
  }

  service(): boolean {
    const { sockets } = this.#host.stack;
    if (this.#ended || this.error !== null) return false;
    if ((sockets.poll(this.#fd) & (POLL.OUT | POLL.ERR | POLL.HUP)) === 0) return false;
    for (let chunks = 0; chunks < CHUNKS_PER_TURN; ) {
      if (this.#pending.length === 0 && !this.#refill()) return this.#finish();
      const region: Region = regionOf(this.#pending);
      this.#msg.iov = [region];
      const sent = sockets.sendmsg(this.#fd, this.#msg);
      if (sent === -EAGAIN) return chunks > 0;
      if (sent < 0) {
        this.error = `sending failed with ${errnoName(sent)}`;
        return true;
      }
      this.#pending = this.#pending.subarray(sent);
      if (this.#pending.length === 0) chunks++;
    }
    return true;
  }

  close(): void {
    this.#host.stack.sockets.close(this.#fd);
    this.#source.close();
  }

  #refill(): boolean {
    this.#pending = this.#source.next(this.#chunk);
    this.#hash?.update(this.#pending);
    return this.#pending.length > 0;
  }

  #finish(): boolean {
    this.#ended = true;
    this.#host.stack.sockets.shutdown(this.#fd, SHUT_WR);
    return true;
  }
}

/** Sends the source over each of `--connections` at once. */
export class EmbeddedSender implements SenderControl {
  readonly connections: number;
  readonly total: number;
  readonly #streams: readonly Stream[];

  constructor(host: Host, options: RxOptions) {
    const { connections, file, bytes, listen, validate } = options;
    let length = 0;
    // One digest is enough: all streams read the same source.
    this.#streams = Array.from({ length: connections }, (_, i) => {
      const source = Source.open(file, bytes);
      length = source.length;
      return new Stream(host, source, listen, validate === 'sha256' && i === 0);
    });
    this.connections = connections;
    this.total = connections * length;
  }

  get done(): boolean {
    return this.#streams.every((stream) => stream.done);
  }

  get error(): string | null {
    return this.#streams.find((stream) => stream.error !== null)?.error ?? null;
  }

  /** The second host runs in the receiver's process, whose processor time counts both. */
  get cpuSeconds(): number {
    return 0;
  }

  digestOf(): string | null {
    return this.#streams[0]?.digest() ?? null;
  }

  service(): boolean {
    let busy = false;
    for (const stream of this.#streams) if (stream.service()) busy = true;
    return busy;
  }

  close(): void {
    for (const stream of this.#streams) stream.close();
  }
}
