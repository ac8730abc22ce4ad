/** What the peer does with streams: sends the pattern to whom it is told to, and serves those who ask, as in the guest's transfer.h. */
import type { Host } from '@netmem/lab';
import { type Connection, connect, createListener, type Listener } from '@netmem/tcp';
import { SO, SOL_SOCKET } from '@netmem/uapi';
import { checkPattern, fillPattern } from './stream-pattern.ts';

/** The port on which transfers are asked for. */
export const TRANSFER_PORT = 5000;
/** The port that sends the pattern to whoever connects, for as long as they listen. */
export const STREAM_PORT = 5001;
const MAGIC = 0x6d656d6e;
const TO_GUEST = 1;
const FROM_GUEST = 2;
const HEADER_BYTES = 16;
const CHUNK_BYTES = 1 << 16;
/** Whatever the peer has under way fits a ring of 1024 buffers: a card without buffers drops, and the rest is retransmission. The stack doubles it. */
const SEND_BUFFER_BYTES = 256 * 1024;
const STREAM_SEED = 1;

/** What became of one transfer. */
export interface Transfer {
  /** As seen from the guest. */
  readonly direction: 'to-guest' | 'from-guest';
  readonly bytes: number;
  /** Bytes that were sent, or that came and were right. */
  readonly done: number;
  /** From connection to end. */
  readonly seconds: number;
  /** Why it failed; null when it did not. */
  readonly error: string | null;
}

/** Runs transfers until it is closed. Somebody has to pump the host. */
export class Transfers {
  readonly finished: Transfer[] = [];
  readonly #host: Host;
  readonly #wake: () => void;
  readonly #listeners: readonly Listener[];
  readonly #abort: AbortController = new AbortController();
  #running = 0;

  /** @param wake - Called when a socket was touched outside of a round. */
  constructor(host: Host, wake: () => void) {
    this.#host = host;
    this.#wake = wake;
    this.#listeners = [
      this.#listen(TRANSFER_PORT, (connection) => this.#serve(connection)),
      this.#listen(STREAM_PORT, (connection) => this.#stream(connection)),
    ];
  }

  /** Transfers that have not ended. */
  get running(): number {
    return this.#running;
  }

  /** Connects and sends. What becomes of it is in {@link finished}. */
  send(address: string, port: number, bytes: number, seed: number): void {
    void this.#account('to-guest', bytes, async (progress) => {
      const connection = await connect(this.#host.stack, { address, port, signal: this.#abort.signal });
      try {
        await this.#sendPattern(connection, bytes, seed, progress);
      } finally {
        await connection.close();
      }
    });
    this.#wake();
  }

  async close(): Promise<void> {
    this.#abort.abort(new Error('the run ended before it was over'));
    for (const listener of this.#listeners) await listener.close();
    this.#wake();
  }

  #listen(port: number, serve: (connection: Connection) => Promise<void>): Listener {
    const listener = createListener(this.#host.stack, { port });
    void (async () => {
      for await (const connection of listener) void serve(connection).finally(() => connection.close());
    })().catch(() => {
      // Closed while it waited: the run is over.
    });
    return listener;
  }

  async #serve(connection: Connection): Promise<void> {
    const header = new Uint8Array(HEADER_BYTES);
    let filled = 0;
    try {
      while (filled < HEADER_BYTES) {
        const read = await connection.read(header.subarray(filled), { signal: this.#abort.signal });
        if (read === 0) return;
        filled += read;
      }
    } catch {
      // Somebody who hangs up before asking for anything.
      return;
    }
    const view = new DataView(header.buffer);
    const [magic, direction, bytes, seed] = [0, 4, 8, 12].map((at) => view.getUint32(at, true)) as [
      number,
      number,
      number,
      number,
    ];
    if (magic !== MAGIC) return;
    if (direction === TO_GUEST) {
      await this.#account('to-guest', bytes, (progress) => this.#sendPattern(connection, bytes, seed, progress));
    } else if (direction === FROM_GUEST) {
      await this.#account('from-guest', bytes, (progress) => this.#receivePattern(connection, bytes, seed, progress));
    }
  }

  /** Endless: nobody expects anything of it. */
  async #stream(connection: Connection): Promise<void> {
    try {
      await this.#sendPattern(connection, Number.MAX_SAFE_INTEGER, STREAM_SEED, () => {});
    } catch {
      // The listener has had enough.
    }
  }

  async #account(
    direction: Transfer['direction'],
    bytes: number,
    run: (progress: (done: number) => void) => Promise<void>,
  ): Promise<void> {
    const began = performance.now();
    let done = 0;
    let error: string | null = null;
    this.#running++;
    try {
      await run((total) => {
        done = total;
      });
      if (done !== bytes) error = `${done} of ${bytes} bytes`;
    } catch (reason) {
      error = `${(reason as Error).message} after ${done} of ${bytes} bytes`;
    }
    this.#running--;
    this.finished.push({ direction, bytes, done, seconds: (performance.now() - began) / 1000, error });
  }

  async #sendPattern(
    connection: Connection,
    bytes: number,
    seed: number,
    progress: (done: number) => void,
  ): Promise<void> {
    const { signal } = this.#abort;
    const size = new Uint8Array(Int32Array.of(SEND_BUFFER_BYTES).buffer);
    this.#host.stack.sockets.setsockopt(connection.fd, SOL_SOCKET, SO.SNDBUFFORCE, size);
    const chunk = new Uint8Array(CHUNK_BYTES);
    for (let done = 0; done < bytes; ) {
      const part = chunk.subarray(0, Math.min(CHUNK_BYTES, bytes - done));
      fillPattern(part, done, seed);
      await connection.write(part, { signal });
      this.#wake();
      done += part.length;
      progress(done);
    }
    await connection.end();
    this.#wake();
    // Until the guest has read everything and hung up, or said that it will not.
    await connection.read(chunk, { signal });
  }

  async #receivePattern(
    connection: Connection,
    bytes: number,
    seed: number,
    progress: (done: number) => void,
  ): Promise<void> {
    const { signal } = this.#abort;
    const chunk = new Uint8Array(CHUNK_BYTES);
    let done = 0;
    for (;;) {
      const read = await connection.read(chunk, { signal });
      this.#wake();
      if (read === 0) break;
      const right = checkPattern(chunk.subarray(0, read), done, seed);
      done += right;
      progress(done);
      if (right !== read) break;
    }
    const verdict = done === bytes ? 0 : done;
    await connection.write(new Uint8Array(Uint32Array.of(verdict).buffer), { signal });
    await connection.end();
    this.#wake();
    if (done !== bytes) throw new Error('the stream was wrong or ended');
    await connection.read(chunk, { signal });
  }
}
