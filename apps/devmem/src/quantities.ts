/** Numbers with units, as people type them and as they like to read them. */
import { InvalidArgumentError } from 'commander';

const UNIT_BYTES: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** `65536`, `64k`, `64KiB`, `1.5m` → bytes. Units are powers of 1024. */
export function parseBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmg]?)(?:i?b)?$/i.exec(text.trim());
  const bytes =
    match === null ? Number.NaN : Number(match[1]) * (UNIT_BYTES[(match[2] ?? '').toLowerCase()] ?? Number.NaN);
  if (!Number.isSafeInteger(bytes) || bytes <= 0) {
    throw new InvalidArgumentError('Give a size such as 65536, 64K, 64MiB or 1G.');
  }
  return bytes;
}

/** A parser of whole numbers in a range, for commander. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) throw new InvalidArgumentError(`Give a whole number from ${min} to ${max}.`);
    return value;
  };
}

/** A parser of positive seconds, fractions allowed, for commander. */
export function parseSeconds(text: string): number {
  const match = /^(\d+(?:\.\d+)?)s?$/.exec(text);
  const seconds = match === null ? Number.NaN : Number(match[1]);
  if (!(seconds > 0 && seconds <= 86_400)) throw new InvalidArgumentError('Give seconds, such as 30 or 0.5.');
  return seconds;
}

const UNIT_NS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9 };

/** `5ms`, `200us`, `1.5s`, `800ns` → nanoseconds, at most an hour. A bare number is refused: nobody would know of what. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(ns|us|ms|s)$/.exec(text.trim());
  const ns = match === null ? Number.NaN : Math.round(Number(match[1]) * (UNIT_NS[match[2] ?? ''] ?? Number.NaN));
  if (!(ns >= 0 && ns <= 3.6e12))
    throw new InvalidArgumentError('Give a time with its unit, such as 5ms, 200us or 1s.');
  return ns;
}

/** `2%` or `0.02` → 0.02. From 0 to 1. */
export function parseShare(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(%?)$/.exec(text.trim());
  const share = match === null ? Number.NaN : Number(match[1]) / (match[2] === '%' ? 100 : 1);
  if (!(share >= 0 && share <= 1)) throw new InvalidArgumentError('Give a share of frames, such as 2% or 0.02.');
  return share;
}

const BYTE_UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];

/** 67108864 → `64 MiB`. */
export function formatBytes(bytes: number): string {
  const power = bytes < 1024 ? 0 : Math.min(BYTE_UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${BYTE_UNITS[power]}`;
}

/** Rounds to three decimals, which is what a report can mean. */
export function round3(value: number): number {
  return Math.round(value * 1000) / 1000;
}
