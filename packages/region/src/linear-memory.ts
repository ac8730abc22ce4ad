import type { Region } from './region.ts';
import { regionOver } from './region.ts';
import { type Move, wasmMove } from './wasm-move.ts';

const WASM_PAGE_BYTES = 65536;

/**
 * Bytes at the start that are never handed out, so that linear address 0 can mean "no memory".
 * A page of 4096 bytes, for the same reason that Linux keeps page 0 unmapped: a small offset added to "nothing" stays nothing.
 */
export const RESERVED_BYTES = 4096;

/** Default alignment of {@link LinearMemory.carve}: a cache line. */
export const CACHE_LINE_BYTES = 64;

// `WebAssembly` is part of every browser and of Node, but not of the ECMAScript library that packages compile against.
type WasmMemory = { readonly buffer: ArrayBuffer };
type WasmNamespace = { Memory: new (descriptor: { initial: number; maximum: number }) => WasmMemory };

function wasmMemory(pages: number): WasmMemory | null {
  const wasm = (globalThis as { WebAssembly?: WasmNamespace }).WebAssembly;
  return wasm === undefined ? null : new wasm.Memory({ initial: pages, maximum: pages });
}

/**
 * The one buffer in which all bytes that move live: RAM, frame slots, device memory.
 *
 * One buffer, so that a {@link LinearMemory.move} is one instruction that allocates nothing (`set(subarray())` makes 96 bytes of garbage a call).
 * It sits on a WebAssembly memory whose initial size equals its maximum: the buffer never detaches, untouched pages cost nothing,
 * and SIMD code can work on it in place. Where there is no WebAssembly it is an ordinary ArrayBuffer.
 *
 * A *linear address* is a byte offset into {@link LinearMemory.bytes}. 0 is never valid.
 */
export class LinearMemory {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** The same bytes as 32-bit words: word `i` is linear address `4 * i`. */
  readonly words: Int32Array;
  /** The WebAssembly memory underneath, for code that runs on it in place; null where WebAssembly is missing. */
  readonly wasm: WasmMemory | null;
  readonly capacityBytes: number;
  /** Moves `length` bytes from linear address `from` to linear address `to`; overlap is fine. Bounds are the caller's: this is the data path. */
  readonly move: Move;
  #carved: number = RESERVED_BYTES;

  /**
   * @param capacityBytes - Size, rounded up to 64 KiB; at most 4 GiB.
   * @throws RangeError when the platform refuses that much address space.
   */
  constructor(capacityBytes: number) {
    const pages = Math.max(1, Math.ceil(capacityBytes / WASM_PAGE_BYTES));
    this.capacityBytes = pages * WASM_PAGE_BYTES;
    this.wasm = wasmMemory(pages);
    const buffer = this.wasm?.buffer ?? new ArrayBuffer(this.capacityBytes);
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    this.words = new Int32Array(buffer);
    const { bytes } = this;
    this.move =
      this.wasm === null ? (to, from, length) => void bytes.copyWithin(to, from, from + length) : wasmMove(this.wasm);
  }

  /** Bytes handed out so far, the reserved first page and alignment gaps included. */
  get carvedBytes(): number {
    return this.#carved;
  }

  /**
   * Hands out the next `lengthBytes`. Carved memory is never taken back: whoever carves owns it for the life of the buffer.
   *
   * @param alignBytes - A power of two.
   * @throws RangeError when less is left than was asked for; nothing is carved then.
   */
  carve(lengthBytes: number, alignBytes: number = CACHE_LINE_BYTES): Region {
    const base = Math.ceil(this.#carved / alignBytes) * alignBytes;
    if (!(lengthBytes >= 0) || base + lengthBytes > this.capacityBytes) {
      throw new RangeError(
        `linear memory: ${lengthBytes} bytes asked for, ${Math.max(0, this.capacityBytes - base)} of ${this.capacityBytes} left; make it larger`,
      );
    }
    this.#carved = base + lengthBytes;
    return regionOver(this.bytes, this.view, base, lengthBytes, this.move);
  }
}
