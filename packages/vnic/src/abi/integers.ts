/** Integers as the card stores them. Addresses are numbers: exact below 2^53, and no DMA address reaches that far. */

const TWO_32 = 0x1_0000_0000;

/** Reads a big-endian 64-bit integer as a number (rounded above 2^53). */
export function readU64be(view: DataView, at: number): number {
  return view.getUint32(at) * TWO_32 + view.getUint32(at + 4);
}

/** Writes a number below 2^53 as a big-endian 64-bit integer. */
export function writeU64be(view: DataView, at: number, value: number): void {
  view.setUint32(at, Math.floor(value / TWO_32));
  view.setUint32(at + 4, value % TWO_32);
}

/** Reads a little-endian 64-bit integer as a number (rounded above 2^53). */
export function readU64le(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * TWO_32;
}

/** Writes a number below 2^53 as a little-endian 64-bit integer. */
export function writeU64le(view: DataView, at: number, value: number): void {
  // A DataView takes the low 32 bits of any integer; `%` on a number that is no int32 is a function call.
  view.setUint32(at, value, true);
  view.setUint32(at + 4, value < TWO_32 ? 0 : Math.floor(value / TWO_32), true);
}

/**
 * Swaps the bytes of a 32-bit word: BAR values travel as little-endian integers, the card's registers are big-endian,
 * so both sides swap.
 */
export function swap32(value: number): number {
  return ((value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;
}

/** As swap32, for 16-bit registers. */
export function swap16(value: number): number {
  return ((value & 0xff) << 8) | ((value >>> 8) & 0xff);
}
