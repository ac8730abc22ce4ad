import { regionOf } from '@netmem/region';
import { MSG_SOCK_DEVMEM } from '@netmem/uapi';
import { Msghdr } from '../socket/msghdr.ts';
import type { Endpoint } from './endpoint.ts';
import { FragBatch } from './frag-batch.ts';
import { watch } from './lost-batches.ts';
import { PieceColumns } from './piece-columns.ts';
import type { TokenReturn } from './token-return.ts';

/** How `Connection.frags` receives. */
export interface FragsOptions {
  /** Ends the iteration: a waiting `next()` rejects with its reason. Nothing that was received is lost. */
  readonly signal?: AbortSignal | undefined;
  /** Most pieces per batch, at least 1. Default 256. */
  readonly maxBatch?: number | undefined;
  /** Says in the machine's log where a batch came from that was dropped without `release()`. Costs a stack trace per batch. Default false. */
  readonly reportLost?: boolean | undefined;
}

const DEFAULT_MAX_BATCH = 256;
/** Bytes asked for per receive: 256 pages. Small requests would cut fragments in two, at the price of a token each. */
const RECEIVE_BYTES: number = 2 ** 20;
/** Columns kept for the next receive; an application that holds more batches at a time makes new ones. */
const SPARE_COLUMNS = 4;

/** Batches of one connection. */
export class FragReader implements AsyncIterableIterator<FragBatch> {
  readonly #endpoint: Endpoint;
  readonly #tokens: TokenReturn;
  readonly #msg: Msghdr;
  readonly #signal: AbortSignal | undefined;
  readonly #maxBatch: number;
  readonly #reportLost: boolean;
  readonly #spare: PieceColumns[] = [];
  /** What device memory leaves over, and ordinary segments, land here. Pages of it that nothing is written to cost nothing. */
  readonly #linear: Uint8Array = new Uint8Array(RECEIVE_BYTES);
  readonly #recycle = (columns: PieceColumns): void => {
    if (this.#spare.length < SPARE_COLUMNS) this.#spare.push(columns);
  };
  #ended = false;

  /** @throws RangeError when `maxBatch` is not a whole number above 0. */
  constructor(endpoint: Endpoint, tokens: TokenReturn, options: FragsOptions = {}) {
    const maxBatch = options.maxBatch ?? DEFAULT_MAX_BATCH;
    if (!(Number.isInteger(maxBatch) && maxBatch > 0)) throw new RangeError(`maxBatch is ${maxBatch}, not 1 or more`);
    this.#endpoint = endpoint;
    this.#tokens = tokens;
    this.#msg = new Msghdr([regionOf(this.#linear)]);
    this.#signal = options.signal;
    this.#maxBatch = maxBatch;
    this.#reportLost = options.reportLost ?? false;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<FragBatch, undefined>> {
    if (this.#ended) return { done: true, value: undefined };
    const where = this.#reportLost ? callSite() : '';
    const columns = this.#spare.pop() ?? new PieceColumns(this.#maxBatch);
    const received = await this.#receive(columns);
    if (received <= 0) {
      this.#ended = true;
      return { done: true, value: undefined };
    }
    const batch = new FragBatch(columns, received, this.#tokens, this.#recycle);
    if (this.#reportLost) watch(batch, { log: this.#endpoint.log, tokens: tokensOf(columns), where });
    return { done: false, value: batch };
  }

  async return(): Promise<IteratorResult<FragBatch, undefined>> {
    this.#ended = true;
    return { done: true, value: undefined };
  }

  async #receive(columns: PieceColumns): Promise<number> {
    const { sockets, fd } = this.#endpoint;
    const attempt = (): number => {
      this.#msg.control = columns.control;
      const received = sockets.recvmsg(fd, this.#msg, MSG_SOCK_DEVMEM);
      // Here and not after the await: another next() may have used the message by then.
      if (received > 0) columns.fill(received, this.#msg.controlLength, this.#linear);
      return received;
    };
    try {
      return await this.#endpoint.blocking('recvmsg', attempt, this.#signal);
    } catch (error) {
      this.#ended = true;
      throw error;
    }
  }
}

function tokensOf(columns: PieceColumns): number {
  let tokens = 0;
  for (let i = 0; i < columns.count; i++) if (columns.token[i] !== 0) tokens++;
  return tokens;
}

/** The stack of whoever called `next()`, without the frames of this file. */
function callSite(): string {
  const lines = new Error('here').stack?.split('\n').slice(3) ?? [];
  return lines.map((line) => line.trim()).join(' < ') || 'at an unknown place';
}
