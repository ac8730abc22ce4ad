import { SHA256_K } from './sha256-constants.ts';

type Compress = (stateAddress: number, blockAddress: number, blocks: number) => void;

// `WebAssembly` is part of every browser and of Node, but not of the ECMAScript library that packages compile against.
type WasmNamespace = {
  Module: new (code: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { readonly exports: { readonly compress: Compress } };
};

/**
 * The SHA-256 compression loop as WebAssembly, put together here rather than shipped as an opaque blob: the sixty-four
 * rounds are unrolled by the loops below, so the working variables rotate by name and never move.
 *
 * @param memory - A `WebAssembly.Memory`. The function folds whole 64-byte blocks at `blockAddress` into the eight
 * little-endian words at `stateAddress`.
 */
export function instantiateSha256(memory: object | null): Compress {
  const wasm = (globalThis as unknown as { WebAssembly: WasmNamespace }).WebAssembly;
  const module = new wasm.Module(moduleBytes());
  return new wasm.Instance(module, { env: { memory } }).exports.compress;
}

function moduleBytes(): Uint8Array {
  const code = compressBody();
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 3, I32, I32, I32, 0]),
    ...section(2, [1, ...name('env'), ...name('memory'), 2, 0, 1]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...name('compress'), 0, 0]),
    ...section(10, [1, ...unsigned(code.length), ...code]),
  ]);
}

const I32 = 0x7f;
const LOOP = 0x03;
const VOID = 0x40;
const END = 0x0b;
const BR_IF = 0x0d;
const GET = 0x20;
const SET = 0x21;
const TEE = 0x22;
const LOAD = 0x28;
const STORE = 0x36;
const CONST = 0x41;
const ADD = 0x6a;
const SUB = 0x6b;
const AND = 0x71;
const OR = 0x72;
const XOR = 0x73;
const SHR_U = 0x76;
const ROTL = 0x77;
const ROTR = 0x78;
const ALIGN_4 = 2;

// Locals: three parameters, then a…h, the sixteen live schedule words, one temporary.
const STATE = 0;
const BLOCK = 1;
const LEFT = 2;
const A = 3;
const W = 11;
const TEMP = 27;
const EXTRA_LOCALS = 25;

function compressBody(): number[] {
  const code: number[] = [1, ...unsigned(EXTRA_LOCALS), I32];
  const emit = (...bytes: number[]): void => {
    for (const byte of bytes) code.push(byte);
  };
  const constant = (value: number): void => emit(CONST, ...signed(value | 0));
  /** Pushes rotr(x, r1) ^ rotr(x, r2) ^ (rotr or shr)(x, r3). */
  const sigma = (x: number, r1: number, r2: number, r3: number, last: number): void => {
    emit(GET, x);
    constant(r1);
    emit(ROTR, GET, x);
    constant(r2);
    emit(ROTR, XOR, GET, x);
    constant(r3);
    emit(last, XOR);
  };

  for (let i = 0; i < 8; i++) emit(GET, STATE, LOAD, ALIGN_4, ...unsigned(4 * i), SET, A + i);
  emit(LOOP, VOID);
  for (let i = 0; i < 16; i++) {
    // Message words are big-endian: swap with two rotations.
    emit(GET, BLOCK, LOAD, ALIGN_4, ...unsigned(4 * i), TEE, TEMP);
    constant(8);
    emit(ROTL);
    constant(0x00ff00ff);
    emit(AND, GET, TEMP);
    constant(8);
    emit(ROTR);
    constant(0xff00ff00);
    emit(AND, OR, SET, W + i);
  }
  for (let t = 0; t < 64; t++) {
    const variable = (i: number): number => A + ((i - t) & 7);
    const word = (i: number): number => W + (i & 15);
    const a = variable(0);
    const b = variable(1);
    const c = variable(2);
    const d = variable(3);
    const e = variable(4);
    const f = variable(5);
    const g = variable(6);
    const h = variable(7);
    if (t >= 16) {
      emit(GET, word(t));
      sigma(word(t - 15), 7, 18, 3, SHR_U);
      emit(ADD, GET, word(t - 7), ADD);
      sigma(word(t - 2), 17, 19, 10, SHR_U);
      emit(ADD, SET, word(t));
    }
    emit(GET, h);
    constant(SHA256_K[t] as number);
    emit(ADD, GET, word(t), ADD);
    emit(GET, g, GET, e, GET, f, GET, g, XOR, AND, XOR, ADD);
    sigma(e, 6, 11, 25, ROTR);
    emit(ADD, TEE, TEMP, GET, d, ADD, SET, d);
    emit(GET, TEMP, GET, a, GET, b, AND, GET, c, GET, a, GET, b, XOR, AND, XOR, ADD);
    sigma(a, 2, 13, 22, ROTR);
    emit(ADD, SET, h);
  }
  for (let i = 0; i < 8; i++) {
    emit(GET, STATE, GET, A + i, GET, STATE, LOAD, ALIGN_4, ...unsigned(4 * i), ADD, TEE, A + i);
    emit(STORE, ALIGN_4, ...unsigned(4 * i));
  }
  emit(GET, BLOCK);
  constant(64);
  emit(ADD, SET, BLOCK, GET, LEFT);
  constant(1);
  emit(SUB, TEE, LEFT, BR_IF, 0, END, END);
  return code;
}

function section(id: number, content: readonly number[]): number[] {
  return [id, ...unsigned(content.length), ...content];
}

function name(text: string): number[] {
  return [...unsigned(text.length), ...[...text].map((c) => c.charCodeAt(0))];
}

function unsigned(value: number): number[] {
  const out: number[] = [];
  let rest = value >>> 0;
  do {
    const byte = rest & 0x7f;
    rest >>>= 7;
    out.push(rest === 0 ? byte : byte | 0x80);
  } while (rest !== 0);
  return out;
}

function signed(value: number): number[] {
  const out: number[] = [];
  let rest = value | 0;
  for (;;) {
    const byte = rest & 0x7f;
    rest >>= 7;
    if ((rest === 0 && (byte & 0x40) === 0) || (rest === -1 && (byte & 0x40) !== 0)) {
      out.push(byte);
      return out;
    }
    out.push(byte | 0x80);
  }
}
