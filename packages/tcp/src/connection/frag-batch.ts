import { forget } from './lost-batches.ts';
import type { PieceColumns } from './piece-columns.ts';
import type { TokenReturn } from './token-return.ts';

const NO_BYTES: Uint8Array = new Uint8Array(0);
const NO_FLOATS: Float64Array = new Float64Array(0);
const NO_INTS: Uint32Array = new Uint32Array(0);

/**
 * What one receive brought: pieces of the stream in order, as columns; entry `i` of each column belongs to piece `i`, for `i` below `count`.
 *
 * A piece with a token lies in a dma-buf and stays there until {@link release}. A piece with token 0 is ordinary memory and stands in {@link linear}:
 * segments that arrived without device memory, and bytes that the card left with the headers.
 *
 * Read what you need, then release, best with `using`. The columns are empty afterwards.
 */
export class FragBatch {
  /** Bytes of all pieces. */
  readonly bytes: number;
  #count: number;
  #columns: PieceColumns | null;
  #linear: Uint8Array;
  readonly #tokens: TokenReturn;
  readonly #recycle: (columns: PieceColumns) => void;

  /** Made by `Connection.frags`. */
  constructor(columns: PieceColumns, bytes: number, tokens: TokenReturn, recycle: (columns: PieceColumns) => void) {
    this.bytes = bytes;
    this.#count = columns.count;
    this.#columns = columns;
    this.#linear = columns.linear;
    this.#tokens = tokens;
    this.#recycle = recycle;
  }

  /** Number of pieces; 0 once released. */
  get count(): number {
    return this.#count;
  }

  /** Where a piece starts: byte offset in its dma-buf, or in {@link linear} when it has no token. */
  get offset(): Float64Array {
    return this.#columns?.offset ?? NO_FLOATS;
  }

  /** Length of a piece in bytes. */
  get size(): Uint32Array {
    return this.#columns?.size ?? NO_INTS;
  }

  /** Token of a piece; 0 when it is in {@link linear}. */
  get token(): Uint32Array {
    return this.#columns?.token ?? NO_INTS;
  }

  /** Binding id of a piece's dma-buf; 0 when it is in {@link linear}. */
  get dmabufId(): Uint32Array {
    return this.#columns?.dmabufId ?? NO_INTS;
  }

  /** The bytes of the pieces without token, back to back; the batch's own, nobody writes to them. */
  get linear(): Uint8Array {
    return this.#linear;
  }

  /** Whether the tokens are back. */
  get released(): boolean {
    return this.#columns === null;
  }

  /**
   * Gives all tokens back: the memory can be written again at once. A second call does nothing.
   *
   * @throws KernelError with what setsockopt says.
   */
  release(): void {
    const columns = this.#columns;
    if (columns === null) return;
    forget(this);
    this.#columns = null;
    this.#linear = NO_BYTES;
    this.#count = 0;
    this.#tokens.give(columns.token, columns.count);
    this.#recycle(columns);
  }

  /** As {@link release}. */
  [Symbol.dispose](): void {
    this.release();
  }
}
