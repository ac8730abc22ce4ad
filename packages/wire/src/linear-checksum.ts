import type { LinearMemory } from '@netmem/region';
import { checksumView } from './checksum.ts';
import { CHECKSUM_WASM_BASE64 } from './checksum-wasm.ts';

/** Sums bytes of one {@link LinearMemory}. */
export interface InternetChecksum {
  /**
   * The folded 16-bit ones-complement sum of `length` bytes, not inverted: see `checksumBytes`. Any address and any length, odd ones too.
   *
   * @param initial - A folded sum to go on from, of a range of even length.
   */
  sum(linearAddress: number, length: number, initial?: number): number;
  /** How it sums: SIMD code on the memory itself, or portable JavaScript. */
  readonly backend: 'wasm' | 'js';
}

// `WebAssembly` is part of every browser and of Node, but not of the ECMAScript library that packages compile against.
type SumFunction = (address: number, length: number, initial: number) => number;
type WasmNamespace = {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { exports: { sum: SumFunction } };
};

class WasmChecksum implements InternetChecksum {
  readonly backend = 'wasm' as const;
  readonly #sum: SumFunction;

  constructor(sum: SumFunction) {
    this.#sum = sum;
  }

  sum(linearAddress: number, length: number, initial: number = 0): number {
    return this.#sum(linearAddress, length, initial);
  }
}

class ScriptChecksum implements InternetChecksum {
  readonly backend = 'js' as const;
  readonly #view: DataView;

  constructor(view: DataView) {
    this.#view = view;
  }

  sum(linearAddress: number, length: number, initial: number = 0): number {
    return checksumView(this.#view, linearAddress, length, initial);
  }
}

/**
 * Makes the fastest checksum that the platform allows for a memory: WebAssembly SIMD, or JavaScript where there is none (or a page's content
 * security policy forbids it).
 *
 * @param backend - `'js'` to have the portable one anyway, such as in a test that compares both.
 */
export function createChecksum(memory: LinearMemory, backend: 'fastest' | 'js' = 'fastest'): InternetChecksum {
  const sum = backend === 'js' ? null : instantiate(memory);
  return sum === null ? new ScriptChecksum(memory.view) : new WasmChecksum(sum);
}

function instantiate(memory: LinearMemory): SumFunction | null {
  const wasm = (globalThis as { WebAssembly?: WasmNamespace }).WebAssembly;
  if (wasm === undefined || memory.wasm === null) return null;
  try {
    const module = new wasm.Module(decodeBase64(CHECKSUM_WASM_BASE64));
    return new wasm.Instance(module, { linear: { memory: memory.wasm } }).exports.sum;
  } catch {
    // No SIMD on this platform, or compiling is forbidden: the portable sum gives the same numbers.
    return null;
  }
}

// Not atob: it is a global of browsers and Node, but of no other host, and this is ten lines.
function decodeBase64(text: string): Uint8Array {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  const bytes = new Uint8Array((text.replace(/=+$/, '').length * 3) >>> 2);
  let bits = 0;
  let held = 0;
  let at = 0;
  for (const character of text) {
    const value = alphabet.indexOf(character);
    if (value < 0) break;
    bits = (bits << 6) | value;
    held += 6;
    if (held >= 8) {
      held -= 8;
      bytes[at++] = (bits >>> held) & 255;
    }
  }
  return bytes;
}
