/**
 * The generated stream: 1, 2, … 250, newline, over and over, as `ncdevmem -v 251` expects it. The period is prime, so that a page, a segment or a
 * ring that slipped never looks right.
 */
export const PATTERN_PERIOD = 251;

const NEWLINE = 10;

/** Fills `bytes` with the pattern from stream position `position` on. */
export function fillPattern(bytes: Uint8Array, position: number): void {
  const start = position % PATTERN_PERIOD;
  const first = Math.min(PATTERN_PERIOD, bytes.length);
  for (let i = 0; i < first; i++) {
    const phase = (start + i + 1) % PATTERN_PERIOD;
    bytes[i] = phase === 0 ? NEWLINE : phase;
  }
  // Whole periods, twice as many each time: a sender must not be slower than what it feeds.
  for (let filled = first; filled < bytes.length; filled *= 2) bytes.copyWithin(filled, 0, filled);
}

let table: Uint8Array = new Uint8Array(0);

/** `length` bytes of the pattern from stream position `position` on: a view of a table that all callers share. */
export function patternAt(position: number, length: number): Uint8Array {
  if (table.length < length + PATTERN_PERIOD) {
    table = new Uint8Array(length + PATTERN_PERIOD);
    fillPattern(table, 0);
  }
  const start = position % PATTERN_PERIOD;
  return table.subarray(start, start + length);
}
