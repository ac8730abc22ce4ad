import { fileURLToPath } from 'node:url';
import { LARGE_YOUNG_GENERATION, runChild } from '../measured-child.ts';
import { buildTwin, type NativeTwin } from '../native-twin.ts';
import { GARBAGE, type PairedTimes, type Ratio, type Ratios, ratioOf } from './ratios.ts';

const POOL_CHILD = new URL('../page-pool/child.ts', import.meta.url);
const RATIO_CHILD = new URL('ratio-child.ts', import.meta.url);
const PATH_CHILD = new URL('../path/in-process-child.ts', import.meta.url);
const TWIN_SOURCE = fileURLToPath(new URL('../../twin.c', import.meta.url));
/** Enough for a steady median, a fifth of what the twin does by itself. */
const TWIN_LOOPS = 2_000_000;

/** Times of all rounds so far, and bytes of garbage per packet, so that a second look adds to the first. */
export class Measurements {
  readonly #pairs: Map<string, { own: number[]; against: number[] }> = new Map();
  readonly #garbage: number[] = [];
  /** What built the C twin; null: nothing could, and the pool is held against nothing. */
  compiler: string | null = null;

  /** Adds so many rounds, after one of each that is thrown away: it fills the compile cache. */
  async measure(rounds: number, progress: (line: string) => void): Promise<void> {
    const twin = buildTwin(TWIN_SOURCE);
    if (typeof twin === 'string') progress(`${twin}: page_pool is left out`);
    this.compiler = typeof twin === 'string' ? null : twin.compiler;
    try {
      await runChild(POOL_CHILD, ['loop', 'production']);
      await runChild(RATIO_CHILD, []);
      for (let round = 1; round <= rounds; round++) {
        progress(`round ${round} of ${rounds}`);
        if (typeof twin !== 'string') await this.#poolRound(twin);
        await this.#pathRound();
      }
      progress('garbage');
      await this.#garbageRun();
    } finally {
      if (typeof twin !== 'string') twin.dispose();
    }
  }

  ratios(): Ratios {
    const ratios: Record<string, Ratio> = {};
    for (const [name, pair] of this.#pairs) {
      const ratio = ratioOf(pair);
      if (ratio !== null) ratios[name] = ratio;
    }
    const garbage = ratioOf(asPairs(this.#garbage));
    if (garbage !== null) ratios[GARBAGE] = garbage;
    return ratios;
  }

  async #poolRound(twin: NativeTwin): Promise<void> {
    const native = twin.run(TWIN_LOOPS);
    for (const name of ['cache', 'ring'] as const) {
      const ns = (await runChild(POOL_CHILD, [name, 'production'])) as number;
      this.#add(`page_pool.${name}_over_c`, ns, native[name] ?? Number.NaN);
    }
  }

  async #pathRound(): Promise<void> {
    const least = (await runChild(RATIO_CHILD, [])) as Record<string, number>;
    this.#add('path.packet_over_yardstick', least.packet as number, least.yardstick as number);
    this.#add('wire.checksum_4k_over_copy', least.checksum as number, least.copy as number);
  }

  async #garbageRun(): Promise<void> {
    const { bytesPerPacket } = (await runChild(PATH_CHILD, ['garbage'], LARGE_YOUNG_GENERATION)) as {
      bytesPerPacket: number | null;
    };
    if (bytesPerPacket !== null) this.#garbage.push(Math.max(0, bytesPerPacket));
  }

  #add(name: string, own: number, against: number): void {
    const pair = this.#pairs.get(name) ?? { own: [], against: [] };
    pair.own.push(own);
    pair.against.push(against);
    this.#pairs.set(name, pair);
  }
}

/** A count needs nothing to be held against. */
function asPairs(values: readonly number[]): PairedTimes {
  return { own: values, against: values.map(() => 1) };
}
