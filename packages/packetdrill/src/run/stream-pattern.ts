/** A prime, so that the pattern does not repeat at any length that protocols like. */
const PERIOD = 251;

/** The byte at a place of a stream. Both directions carry it: what is delivered or sent from a wrong place shows. */
export function patternByte(position: number): number {
  return position % PERIOD;
}

/** Bytes of the stream from `position` on. The first byte behind a SYN is at 1. */
export function patternBytes(position: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = patternByte(position + i);
  return bytes;
}

/** Index of the first byte that is not the one at its place, or -1. */
export function patternBreak(bytes: Uint8Array, position: number): number {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== patternByte(position + i)) return i;
  return -1;
}
