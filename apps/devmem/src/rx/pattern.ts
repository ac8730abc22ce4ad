/**
 * The generated stream: 1, 2, … 250, newline, over and over, as `ncdevmem -v 251` expects it. The period is prime, so that a page, a segment or a
 * ring that slipped never looks right.
 */
export const PATTERN_PERIOD = 251;

const NEWLINE = 10;

/** Fills `bytes` with the pattern from stream position `position` on. */
export function fillPattern(bytes: Uint8Array, position: number): void {
  let phase = position % PATTERN_PERIOD;
  for (let i = 0; i < bytes.length; i++) {
    phase++;
    if (phase === PATTERN_PERIOD) phase = 0;
    bytes[i] = phase === 0 ? NEWLINE : phase;
  }
}
