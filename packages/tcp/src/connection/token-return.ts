import {
  DMABUF_TOKEN_BYTES,
  kernelErrorFrom,
  MAX_DONTNEED_FRAGS,
  MAX_DONTNEED_TOKENS,
  SO_DEVMEM_DONTNEED,
  SOL_SOCKET,
  writeDmabufToken,
} from '@netmem/uapi';
import type { Endpoint } from './endpoint.ts';

/** Gives tokens of one connection back, neighbours as one run, as many runs per call as a call takes. */
export class TokenReturn {
  readonly #endpoint: Endpoint;
  readonly #bytes: Uint8Array = new Uint8Array(MAX_DONTNEED_TOKENS * DMABUF_TOKEN_BYTES);
  readonly #view: DataView = new DataView(this.#bytes.buffer);
  #runs = 0;
  #ids = 0;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
  }

  /**
   * Returns the first `count` tokens; 0 stands for bytes that came without one. A closed connection's tokens went back with its socket: nothing is done.
   *
   * @throws KernelError with what setsockopt says.
   */
  give(tokens: Uint32Array, count: number): void {
    if (!this.#endpoint.open) return;
    let start = 0;
    let length = 0;
    for (let i = 0; i < count; i++) {
      const token = tokens[i] as number;
      if (token === 0) continue;
      // A call examines no more than 1024 ids, whatever the runs say.
      if (length > 0 && token === start + length && this.#ids + length < MAX_DONTNEED_FRAGS) {
        length++;
        continue;
      }
      this.#addRun(start, length);
      start = token;
      length = 1;
    }
    this.#addRun(start, length);
    this.#flush();
  }

  #addRun(start: number, length: number): void {
    if (length === 0) return;
    writeDmabufToken(this.#view, this.#runs * DMABUF_TOKEN_BYTES, start, length);
    this.#runs++;
    this.#ids += length;
    if (this.#runs === MAX_DONTNEED_TOKENS || this.#ids === MAX_DONTNEED_FRAGS) this.#flush();
  }

  #flush(): void {
    if (this.#runs === 0) return;
    const { sockets, fd } = this.#endpoint;
    const length = this.#runs * DMABUF_TOKEN_BYTES;
    this.#runs = 0;
    this.#ids = 0;
    const released = sockets.setsockopt(fd, SOL_SOCKET, SO_DEVMEM_DONTNEED, this.#bytes, length);
    if (released < 0) throw kernelErrorFrom(released, 'setsockopt');
  }
}
