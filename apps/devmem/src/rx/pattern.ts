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
