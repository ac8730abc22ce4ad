import { describe, expect, it } from 'vitest';
import type { HistoryEntry, MachineDescription } from './entry.ts';
import { judge, latestComparable, NOISE_MOST, noiseOf, STRANGE_MACHINE_MARGIN } from './judge.ts';
import { NOISE_LEAST, NOISE_LEAST_SHARED, RATIOS, type Ratio, type RatioKind, type Ratios, ratioOf } from './ratios.ts';

const MACHINE: MachineDescription = {
  cpu: 'Xeon',
  cores: 2,
  platform: 'linux-x64',
  node: 'v26.10.0',
  compiler: 'gcc 12',
};

const steady = (value: number): Ratio => ({ value, min: value * 0.98, max: value * 1.02 });

function entry(
  ratios: Ratios,
  recorded: string = '2026-01-01T00:00:00Z',
  machine: MachineDescription = MACHINE,
): HistoryEntry {
  return { recorded, commit: 'abc', machine, ratios };
}

/** Whether one ratio passes, and up to where it would. */
function verdict(
  name: string,
  measured: number | null,
  latest: HistoryEntry | null,
): [ok: boolean, limit: number | null] {
  const found = judge(measured === null ? {} : { [name]: steady(measured) }, latest).find((one) => one.name === name);
  if (found === undefined) throw new Error(`${name} is not judged`);
  return [found.ok, found.limit];
}

const CHECKSUM = 'wire.checksum_4k_over_copy';
const PATH = 'path.packet_over_yardstick';
const CACHE = 'page_pool.cache_over_c';
const GARBAGE = 'path.bytes_allocated_per_packet';

describe('judge', () => {
  it('lets a ratio be worse by its noise and no more', () => {
    for (const [name, noise] of [
      [CHECKSUM, NOISE_LEAST],
      [PATH, NOISE_LEAST_SHARED],
    ] as const) {
      const latest = entry({ [name]: steady(1) });
      const limit = 1 + noise;
      expect(verdict(name, limit - 0.001, latest)).toEqual([true, limit]);
      expect(verdict(name, limit + 0.001, latest)).toEqual([false, limit]);
      expect(verdict(name, 0.1, latest)[0]).toBe(true);
    }
  });

  it('takes the noise from how far the recorded rounds lay apart, within bounds', () => {
    const kind = RATIOS.find(({ name }) => name === CHECKSUM) as RatioKind;
    expect(noiseOf(kind, { value: 1, min: 0.99, max: 1.01 })).toBe(NOISE_LEAST);
    expect(noiseOf(kind, { value: 1, min: 0.9, max: 1.3 })).toBeCloseTo(0.2);
    expect(noiseOf(kind, { value: 1, min: 0.2, max: 9 })).toBe(NOISE_MOST);
    expect(noiseOf(kind, { value: 0, min: 0, max: 0 })).toBe(NOISE_LEAST);
    expect(verdict(CHECKSUM, 1.19, entry({ [CHECKSUM]: { value: 1, min: 0.9, max: 1.3 } }))[0]).toBe(true);
  });

  it('keeps what was below its ceiling there, but for noise at the ceiling itself', () => {
    expect(verdict(CACHE, 1.6, entry({ [CACHE]: steady(1.49) }))[0]).toBe(true);
    expect(verdict(CACHE, 1.73, entry({ [CACHE]: { value: 1.45, min: 1, max: 2 } }))).toEqual([
      false,
      1.5 * (1 + NOISE_LEAST),
    ]);
    // What never kept to it is held against itself.
    expect(verdict(CACHE, 2.2, entry({ [CACHE]: steady(2) }))[0]).toBe(true);
  });

  it('counts a little garbage as none', () => {
    expect(verdict(GARBAGE, 0.49, entry({ [GARBAGE]: steady(0.1) }))[0]).toBe(true);
    expect(verdict(GARBAGE, 0.6, entry({ [GARBAGE]: steady(0.1) }))[0]).toBe(false);
    expect(verdict(GARBAGE, 1.1, null)[0]).toBe(true);
  });

  it('on a strange machine sees to the ceilings only, with a margin', () => {
    const limit = 1.5 * (1 + STRANGE_MACHINE_MARGIN);
    expect(verdict(CACHE, limit - 0.01, null)).toEqual([true, limit]);
    expect(verdict(CACHE, limit + 0.01, null)[0]).toBe(false);
    expect(verdict(PATH, 100, null)).toEqual([true, null]);
  });

  it('lets nothing that was measured go missing, and knows that some things cannot be', () => {
    expect(verdict(CACHE, null, entry({ [CACHE]: steady(1) }))[0]).toBe(false);
    expect(verdict(CACHE, null, entry({}))[0]).toBe(true);
    expect(verdict(CACHE, null, null)[0]).toBe(true);
    // A ratio that is newer than the entry has nothing but its ceiling.
    expect(verdict(CACHE, 1.4, entry({}))[0]).toBe(true);
  });

  it.each([0.01, 0.5, 1, 1.4, 1.6, 5])(
    'says something of every ratio, and never refuses what was recorded itself: %f',
    (value) => {
      for (const spread of [0, 0.1, 1]) {
        const ratio: Ratio = { value, min: value * (1 - spread / 2), max: value * (1 + spread) };
        const ratios = Object.fromEntries(RATIOS.map(({ name }) => [name, ratio]));
        const verdicts = judge(ratios, entry(ratios));
        expect(verdicts.map(({ name }) => name)).toEqual(RATIOS.map(({ name }) => name));
        expect(verdicts.every(({ ok }) => ok)).toBe(true);
      }
    },
  );
});

describe('latestComparable', () => {
  it('is the youngest of such machines, in whatever order they are read', () => {
    const old = entry({}, '2026-01-01T00:00:00Z');
    const young = entry({}, '2026-02-01T00:00:00Z');
    const strange = entry({}, '2026-03-01T00:00:00Z', { ...MACHINE, cpu: 'Epyc' });
    for (const history of [
      [old, young, strange],
      [strange, young, old],
    ]) {
      expect(latestComparable(history, MACHINE)).toBe(young);
    }
    expect(latestComparable([strange], MACHINE)).toBeNull();
    expect(latestComparable([], MACHINE)).toBeNull();
  });

  it.each<[string, Partial<MachineDescription>, boolean]>([
    ['another patch of Node', { node: 'v26.11.3' }, true],
    ['other cores', { cores: 8 }, true],
    ['another Node', { node: 'v27.0.0' }, false],
    ['another platform', { platform: 'darwin-arm64' }, false],
    ['another compiler', { compiler: 'clang 18' }, false],
    ['no compiler', { compiler: null }, false],
  ])('%s', (_what, change, expected) => {
    const history = [entry({}, '2026-01-01T00:00:00Z', { ...MACHINE, ...change })];
    expect(latestComparable(history, MACHINE) !== null).toBe(expected);
  });
});

describe('ratioOf', () => {
  it('is the least over the least, whichever rounds they come from', () => {
    expect(ratioOf({ own: [9, 3, 4], against: [3, 6, 2] })).toEqual({ value: 1.5, min: 0.5, max: 3 });
    expect(ratioOf({ own: [], against: [] })).toBeNull();
    expect(ratioOf({ own: [1], against: [] })).toBeNull();
  });
});
