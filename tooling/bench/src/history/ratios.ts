/** A quotient of two times that were taken side by side on one machine: 1 is as slow as what it is measured against, less is faster. */
export interface RatioKind {
  readonly name: string;
  /** One line for people. */
  readonly title: string;
  /** What it must not exceed on any machine, whatever it was before; null: nothing is promised. */
  readonly ceiling: number | null;
  /** What it may always be worse by, one of the two below. */
  readonly noiseLeast: number;
}

/** Two loops in the same caches: recordings on a shared machine differ by up to 8 %. */
export const NOISE_LEAST = 0.15;
/** Work on more memory than a core has to itself, where neighbours matter to the two halves differently: up to 15 %. */
export const NOISE_LEAST_SHARED = 0.25;

/** The one that is a count and not a quotient: of bytes. */
export const GARBAGE = 'path.bytes_allocated_per_packet';

/** What is watched, in the order it is printed. */
export const RATIOS: readonly RatioKind[] = [
  { name: 'page_pool.cache_over_c', title: 'page_pool: cache, over the C twin', ceiling: 1.5, noiseLeast: NOISE_LEAST },
  { name: 'page_pool.ring_over_c', title: 'page_pool: ring, over the C twin', ceiling: 1, noiseLeast: NOISE_LEAST },
  {
    name: 'path.packet_over_yardstick',
    title: 'a packet from cable to DONTNEED, over the yardstick',
    ceiling: null,
    noiseLeast: NOISE_LEAST_SHARED,
  },
  {
    name: 'wire.checksum_4k_over_copy',
    title: 'the checksum of 4 KiB, over a copy of 4 KiB',
    ceiling: null,
    noiseLeast: NOISE_LEAST,
  },
  { name: GARBAGE, title: 'bytes of garbage per packet', ceiling: 1, noiseLeast: NOISE_LEAST },
];

/** Measured values of one ratio. */
export interface Ratio {
  /** The least time of all rounds over the least time of what it is measured against: what is left when nothing else ran. */
  readonly value: number;
  /** The quotients within single rounds, least and most: how much they are disturbed. */
  readonly min: number;
  readonly max: number;
}

/** By name. What could not be measured is not there. */
export type Ratios = Readonly<Record<string, Ratio>>;

/** Times of one ratio, round by round, in pairs. */
export interface PairedTimes {
  readonly own: readonly number[];
  readonly against: readonly number[];
}

/** Null without a round. */
export function ratioOf({ own, against }: PairedTimes): Ratio | null {
  if (own.length === 0 || own.length !== against.length) return null;
  const quotients = own.map((time, round) => time / (against[round] as number));
  const rounded = (value: number): number => Number(value.toFixed(4));
  return {
    value: rounded(Math.min(...own) / Math.min(...against)),
    min: rounded(Math.min(...quotients)),
    max: rounded(Math.max(...quotients)),
  };
}
