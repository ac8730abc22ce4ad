import { HEADER, HEADER_BYTES, MESSAGE_BYTES_MAX } from './protocol.ts';

/** More bytes are needed. */
export const NEEDS_MORE = 0;
/** A whole message lies at {@link MessageReader.at}. */
export const WHOLE = 1;
/** The header says a size that no message has: where the next one starts is anybody's guess. */
export const MALFORMED = 2;

/**
 * Cuts a stream into messages. What is whole within a chunk is read where it lies; what straddles chunks is put together in
 * a buffer of the longest message, so that nothing a client sends makes it grow.
 */
export class MessageReader {
  /** The current message: its buffer, where it starts, and its length with the header. */
  view: DataView;
  bytes: Uint8Array;
  at = 0;
  length = 0;

  readonly #partial: Uint8Array = new Uint8Array(MESSAGE_BYTES_MAX);
  readonly #partialView: DataView = new DataView(this.#partial.buffer);
  #held = 0;
  #chunk: Uint8Array = new Uint8Array(0);
  #chunkView: DataView = new DataView(this.#chunk.buffer);
  #next = 0;

  constructor() {
    this.view = this.#partialView;
    this.bytes = this.#partial;
  }

  /** The next bytes of the stream. The chunk before has to be used up. */
  push(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#chunkView = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.#next = 0;
  }

  /** Bytes of a message that is not whole yet. */
  get held(): number {
    return this.#held;
  }

  /** Moves on to the next message: NEEDS_MORE, WHOLE or MALFORMED. A message is good until the next call. */
  next(): number {
    const left = this.#chunk.length - this.#next;
    if (this.#held === 0 && left >= HEADER_BYTES) {
      const size = this.#chunkView.getUint32(this.#next + HEADER.size, true);
      if (!isSize(size)) return this.#found(this.#chunk, this.#chunkView, this.#next, HEADER_BYTES, MALFORMED);
      if (size <= left) {
        const at = this.#next;
        this.#next += size;
        return this.#found(this.#chunk, this.#chunkView, at, size, WHOLE);
      }
    }
    this.#fill(HEADER_BYTES);
    if (this.#held < HEADER_BYTES) return NEEDS_MORE;
    const size = this.#partialView.getUint32(HEADER.size, true);
    if (!isSize(size)) return this.#found(this.#partial, this.#partialView, 0, HEADER_BYTES, MALFORMED);
    this.#fill(size);
    if (this.#held < size) return NEEDS_MORE;
    this.#held = 0;
    return this.#found(this.#partial, this.#partialView, 0, size, WHOLE);
  }

  /** Takes from the chunk until `target` bytes are held. */
  #fill(target: number): void {
    const bytes = Math.min(target - this.#held, this.#chunk.length - this.#next);
    if (bytes <= 0) return;
    this.#partial.set(this.#chunk.subarray(this.#next, this.#next + bytes), this.#held);
    this.#held += bytes;
    this.#next += bytes;
  }

  #found(bytes: Uint8Array, view: DataView, at: number, length: number, result: number): number {
    this.bytes = bytes;
    this.view = view;
    this.at = at;
    this.length = length;
    return result;
  }
}

function isSize(size: number): boolean {
  return size >= HEADER_BYTES && size <= MESSAGE_BYTES_MAX;
}
