import { SHA256_BLOCK_BYTES, SHA256_K } from './sha256-constants.ts';

// One schedule for everybody: a compression runs to its end before the next one starts.
const schedule = new Int32Array(64);

/**
 * The SHA-256 compression function in plain JavaScript: folds `blocks` 64-byte blocks at `at` into `state` (eight words).
 * Used for the block that straddles two updates, for padding, and for all of it where there is no WebAssembly.
 */
export function compressBlocks(state: Int32Array, view: DataView, at: number, blocks: number): void {
  const w = schedule;
  for (let block = 0; block < blocks; block++) {
    const base = at + block * SHA256_BLOCK_BYTES;
    for (let t = 0; t < 16; t++) w[t] = view.getInt32(base + 4 * t);
    for (let t = 16; t < 64; t++) {
      const x = w[t - 15];
      const y = w[t - 2];
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[t] = (w[t - 16] + s0 + w[t - 7] + s1) | 0;
    }
    let a = state[0];
    let b = state[1];
    let c = state[2];
    let d = state[3];
    let e = state[4];
    let f = state[5];
    let g = state[6];
    let h = state[7];
    for (let t = 0; t < 64; t++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + s1 + (g ^ (e & (f ^ g))) + SHA256_K[t] + w[t]) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (c & (a ^ b)))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    state[0] = state[0] + a;
    state[1] = state[1] + b;
    state[2] = state[2] + c;
    state[3] = state[3] + d;
    state[4] = state[4] + e;
    state[5] = state[5] + f;
    state[6] = state[6] + g;
    state[7] = state[7] + h;
  }
}
