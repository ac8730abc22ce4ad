/** `wasm/checksum.wat`, assembled. Written by `wasm/assemble.ts`; a test compares it with its source. */
export const CHECKSUM_WASM_BASE64 = '';
