import { TSRESOL_BASE_2 } from './pcapng-format.ts';

const NANOSECONDS = 1_000_000_000n;
const NANOSECONDS_PER_SECOND = 1e9;
const TWO_TO_32 = 2 ** 32;

/** A time in a file, as exactly as integers below 2^53 can say it. */
export interface SplitTime {
  readonly timestampNs: number;
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** Ticks per second that a value of `if_tsresol` means. */
export function ticksPerSecond(tsresol: number): bigint {
  return tsresol & TSRESOL_BASE_2 ? 2n ** BigInt(tsresol & ~TSRESOL_BASE_2) : 10n ** BigInt(tsresol);
}

/** Reads 64 bits of ticks. Always with bigints: nanoseconds since 1970 do not fit a number, and reading files is no data path. */
export function splitTicks(high: number, low: number, perSecond: bigint, epochSeconds: number): SplitTime {
  const ticks = (BigInt(high) << 32n) | BigInt(low);
  const seconds = Number(ticks / perSecond);
  const nanoseconds = Number(((ticks % perSecond) * NANOSECONDS) / perSecond);
  return {
    timestampNs: seconds * NANOSECONDS_PER_SECOND + nanoseconds,
    seconds: seconds + epochSeconds,
    nanoseconds,
  };
}

/** Of nanoseconds as a number, the upper 32 bits. What is no time counts as 0. */
export function highWord(timestampNs: number): number {
  return timestampNs >= TWO_TO_32 ? Math.floor(timestampNs / TWO_TO_32) : 0;
}

/** The lower 32 bits. */
export function lowWord(timestampNs: number): number {
  return timestampNs > 0 ? Math.floor(timestampNs % TWO_TO_32) : 0;
}

/**
 * Nanoseconds of a time given in two parts.
 *
 * @throws RangeError when 64 bits cannot hold it.
 */
export function ticksOf(seconds: number, nanoseconds: number): bigint {
  const ticks = BigInt(seconds) * NANOSECONDS + BigInt(nanoseconds);
  if (BigInt.asUintN(64, ticks) !== ticks) {
    throw new RangeError(`pcapng: ${seconds} s and ${nanoseconds} ns do not fit 64 bits of nanoseconds`);
  }
  return ticks;
}
