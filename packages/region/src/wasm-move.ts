/**
 * A module of one function, `move(to, from, length)`, which is `memory.copy` on an imported memory. A call costs 8 ns where `copyWithin` costs 22, and
 * 1448 bytes take two thirds of the time. Its text:
 *
 *     (module (import "m" "m" (memory 1))
 *       (func (export "move") (param i32 i32 i32)
 *         (memory.copy (local.get 0) (local.get 1) (local.get 2))))
 */
const MODULE: Uint8Array<ArrayBuffer> = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00], // magic, version 1
  ...[0x01, 0x07, 0x01, 0x60, 0x03, 0x7f, 0x7f, 0x7f, 0x00], // type 0: (i32, i32, i32) → ()
  ...[0x02, 0x08, 0x01, 0x01, 0x6d, 0x01, 0x6d, 0x02, 0x00, 0x01], // import memory "m" "m", at least 1 page
  ...[0x03, 0x02, 0x01, 0x00], // function 0 is of type 0
  ...[0x07, 0x08, 0x01, 0x04, 0x6d, 0x6f, 0x76, 0x65, 0x00, 0x00], // export it as "move"
  ...[0x0a, 0x0e, 0x01, 0x0c, 0x00, 0x20, 0x00, 0x20, 0x01, 0x20, 0x02, 0xfc, 0x0a, 0x00, 0x00, 0x0b], // its body
);

/** Moves `length` bytes from linear address `from` to linear address `to`; overlap is fine. Bounds are the caller's. */
export type Move = (to: number, from: number, length: number) => void;

type WasmInstance = { readonly exports: { readonly move: Move } };
type WasmNamespace = {
  Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  Instance: new (module: object, imports: object) => WasmInstance;
};

/** {@link Move} as WebAssembly, on `memory`. */
export function wasmMove(memory: object): Move {
  const wasm = (globalThis as unknown as { WebAssembly: WasmNamespace }).WebAssembly;
  return new wasm.Instance(new wasm.Module(MODULE), { m: { m: memory } }).exports.move;
}
