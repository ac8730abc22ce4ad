import type { LinearMemory } from '@netmem/region';
import { SHA256_BLOCK_BYTES, SHA256_INITIAL } from './sha256-constants.ts';
import { compressBlocks } from './sha256-script.ts';
import { instantiateSha256 } from './sha256-wasm.ts';

/** Compresses whole blocks that lie in one linear memory. */
export interface Sha256Engine {
  readonly memory: LinearMemory;
  /** Folds `blocks` 64-byte blocks at linear address `at` into `state` (eight words). */
  compress(state: Int32Array, at: number, blocks: number): void;
  /** Folds one block that lies elsewhere: the one that two updates share. */
  compressBlock(state: Int32Array, block: Uint8Array, view: DataView): void;
}

/**
 * One WebAssembly call is this long at most, so that baseline code is replaced by optimised code between calls: a single
 * call over 32 MiB runs to its end in baseline code, fifteen times slower.
 */
const BLOCKS_PER_CALL = 256;

const engines = new WeakMap<LinearMemory, Sha256Engine>();

/** The engine of a memory: made once, because its scratch is carved from the memory and carving is for good. */
export function sha256Engine(memory: LinearMemory): Sha256Engine {
  let engine = engines.get(memory);
  if (engine === undefined) {
    engine = memory.wasm === null ? new ScriptEngine(memory) : new WasmEngine(memory);
    engines.set(memory, engine);
  }
  return engine;
}

/** For a memory that is an ordinary buffer. */
export class ScriptEngine implements Sha256Engine {
  readonly memory: LinearMemory;

  constructor(memory: LinearMemory) {
    this.memory = memory;
  }

  compress(state: Int32Array, at: number, blocks: number): void {
    compressBlocks(state, this.memory.view, at, blocks);
  }

  compressBlock(state: Int32Array, _block: Uint8Array, view: DataView): void {
    compressBlocks(state, view, 0, 1);
  }
}

/** Eight words of state, and room for one block behind them. */
class WasmEngine implements Sha256Engine {
  readonly memory: LinearMemory;
  readonly #stateAt: number;
  readonly #blockAt: number;
  readonly #words: Int32Array;
  readonly #compress: (state: number, at: number, blocks: number) => void;

  constructor(memory: LinearMemory) {
    this.memory = memory;
    const scratch = memory.carve(SHA256_INITIAL.byteLength + SHA256_BLOCK_BYTES);
    this.#stateAt = scratch.base;
    this.#blockAt = scratch.base + SHA256_INITIAL.byteLength;
    this.#words = new Int32Array(memory.bytes.buffer, this.#stateAt, SHA256_INITIAL.length);
    this.#compress = instantiateSha256(memory.wasm);
  }

  compress(state: Int32Array, at: number, blocks: number): void {
    const words = this.#words;
    for (let i = 0; i < words.length; i++) words[i] = state[i];
    for (let done = 0; done < blocks; done += BLOCKS_PER_CALL) {
      const run = Math.min(BLOCKS_PER_CALL, blocks - done);
      this.#compress(this.#stateAt, at + done * SHA256_BLOCK_BYTES, run);
    }
    for (let i = 0; i < words.length; i++) state[i] = words[i];
  }

  compressBlock(state: Int32Array, block: Uint8Array): void {
    this.memory.bytes.set(block, this.#blockAt);
    this.compress(state, this.#blockAt, 1);
  }
}

/** Streaming SHA-256 over linear addresses. {@link Sha256.digest} may be asked at any time and does not end the stream. */
export class Sha256 {
  readonly #state = new Int32Array(SHA256_INITIAL);
  readonly #tail = new Uint8Array(SHA256_BLOCK_BYTES);
  readonly #tailView = new DataView(this.#tail.buffer);
  #tailLength = 0;
  #consumed = 0;

  /** Bytes consumed since the start or the last {@link Sha256.reset}. */
  get consumedBytes(): number {
    return this.#consumed;
  }

  reset(): void {
    this.#state.set(SHA256_INITIAL);
    this.#tailLength = 0;
    this.#consumed = 0;
  }

  /** Consumes `length` bytes at linear address `at` of the engine's memory. */
  update(engine: Sha256Engine, at: number, length: number): void {
    const bytes = engine.memory.bytes;
    const end = at + length;
    let from = at;
    this.#consumed += length;
    if (this.#tailLength > 0) {
      while (this.#tailLength < SHA256_BLOCK_BYTES && from < end) this.#tail[this.#tailLength++] = bytes[from++];
      if (this.#tailLength < SHA256_BLOCK_BYTES) return;
      engine.compressBlock(this.#state, this.#tail, this.#tailView);
      this.#tailLength = 0;
    }
    const blocks = Math.floor((end - from) / SHA256_BLOCK_BYTES);
    if (blocks > 0) engine.compress(this.#state, from, blocks);
    from += blocks * SHA256_BLOCK_BYTES;
    while (from < end) this.#tail[this.#tailLength++] = bytes[from++];
  }

  /** The digest (32 bytes) of everything consumed so far. */
  digest(): Uint8Array {
    // One 0x80, zeroes, and the length in bits at the end of the last block: two blocks where it does not fit in one.
    const blocks = this.#tailLength + 9 > SHA256_BLOCK_BYTES ? 2 : 1;
    const padded = new Uint8Array(blocks * SHA256_BLOCK_BYTES);
    const view = new DataView(padded.buffer);
    padded.set(this.#tail.subarray(0, this.#tailLength));
    padded[this.#tailLength] = 0x80;
    view.setUint32(padded.length - 8, Math.floor(this.#consumed / 2 ** 29));
    view.setUint32(padded.length - 4, (this.#consumed * 8) % 2 ** 32);
    const state = new Int32Array(this.#state);
    compressBlocks(state, view, 0, blocks);
    const out = new Uint8Array(32);
    const words = new DataView(out.buffer);
    for (let i = 0; i < 8; i++) words.setInt32(4 * i, state[i]);
    return out;
  }
}
