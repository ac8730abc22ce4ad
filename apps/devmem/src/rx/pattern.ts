/**
 * The generated stream: byte `i` is `i mod 251`. The period is prime, so that a page, a segment or a ring that slipped never looks right.
 */
export const PATTERN_PERIOD = 251;

/** Fills `bytes` with the pattern from stream position `position` on. */
export function fillPattern(bytes: Uint8Array, position: number): void {
  let value = position % PATTERN_PERIOD;
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = value;
    value = value === PATTERN_PERIOD - 1 ? 0 : value + 1;
  }
}
