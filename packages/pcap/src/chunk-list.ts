/** Bytes that the list grows by. */
const CHUNK_BYTES: number = 256 << 10;

/**
 * Bytes that are only appended to: full chunks, and one that is being filled. Nothing is ever copied to grow.
 *
 *     chunks:  [▓▓▓▓▓▓▓▓]  [▓▓▓▓▓▓▓▓]  current: [▓▓▓░░░░░]
 *                                                   ▲ at
 */
export class ChunkList {
  /** The chunk being filled. Only what {@link ChunkList.reserve} promised may be written, from `at`. */
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(CHUNK_BYTES);
  view: DataView<ArrayBuffer> = new DataView(this.bytes.buffer);
  /** Where in `bytes` to write next; whoever writes moves it. */
  at: number = 0;
  #full: Uint8Array<ArrayBuffer>[] = [];
  #fullBytes = 0;

  /** Bytes held. */
  get length(): number {
    return this.#fullBytes + this.at;
  }

  /** Makes sure that `count` bytes can be written at `at` without a break. */
  reserve(count: number): void {
    if (this.at + count <= this.bytes.length) return;
    if (this.at > 0) {
      this.#full.push(this.bytes.subarray(0, this.at));
      this.#fullBytes += this.at;
    }
    this.bytes = new Uint8Array(Math.max(CHUNK_BYTES, count));
    this.view = new DataView(this.bytes.buffer);
    this.at = 0;
  }

  /** A copy of everything held. */
  toBytes(): Uint8Array<ArrayBuffer> {
    const all = new Uint8Array(this.length);
    let at = 0;
    for (const chunk of this.#full) {
      all.set(chunk, at);
      at += chunk.length;
    }
    all.set(this.bytes.subarray(0, this.at), at);
    return all;
  }

  /** Forgets everything held; the chunk being filled is used again. */
  clear(): void {
    this.#full = [];
    this.#fullBytes = 0;
    this.at = 0;
  }
}
