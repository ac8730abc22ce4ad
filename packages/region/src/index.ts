/**
 * Bytes that move: one linear buffer, and windows on it.
 *
 * The packages of this project copy packets between a wire, host RAM and device memory. They all work on one {@link LinearMemory}, so that a
 * copy is quick and makes no garbage, and describe places in it by {@link Region}s, so that foreign memory (a guest's, a GPU's) fits the
 * same seams.
 *
 * Use it when you build a device, a link or a machine of your own for these packages.
 *
 * It is not an allocator: what is carved stays carved. It does not say who may read the bytes either; a machine's bus does.
 *
 * @example
 * ```ts
 * import { LinearMemory, moveBytes } from '@netmem/region';
 *
 * const memory = new LinearMemory(1 << 20);
 * const frames = memory.carve(2048);
 * const ram = memory.carve(4096, 4096);
 * frames.bytes[frames.base] = 0x45;
 * moveBytes(frames, 0, ram, 100, 20);
 * console.log(ram.bytes[ram.base + 100]); // 69
 * ```
 *
 * @packageDocumentation
 */
export { CACHE_LINE_BYTES, LinearMemory, RESERVED_BYTES } from './linear-memory.ts';
export type { Region } from './region.ts';
export { moveBytes, regionOf, regionOver, subregion } from './region.ts';
export type { Move } from './wasm-move.ts';
