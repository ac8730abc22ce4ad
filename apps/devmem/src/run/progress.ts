/** The progress line: a bar with the rate on a terminal, nothing elsewhere. */
import { Presets, SingleBar } from 'cli-progress';
import { formatBytes } from '../quantities.ts';

/** Shows how far a transfer is. */
export interface Progress {
  start(total: number | null): void;
  update(bytes: number): void;
  stop(): void;
}

const SILENT: Progress = { start() {}, update() {}, stop() {} };

class Bar implements Progress {
  readonly #bar: SingleBar;
  #startedMs = 0;
  #total = 0;

  constructor(stream: NodeJS.WriteStream) {
    this.#bar = new SingleBar(
      {
        format: '{bar} {percentage}% | {received} of {size} | {rate} Gbit/s',
        hideCursor: true,
        stream,
        clearOnComplete: true,
      },
      Presets.shades_classic,
    );
  }

  start(total: number | null): void {
    this.#startedMs = performance.now();
    this.#total = total ?? 0;
    this.#bar.start(total ?? 1, 0, {
      received: formatBytes(0),
      size: total === null ? '?' : formatBytes(total),
      rate: '0.0',
    });
  }

  update(bytes: number): void {
    const seconds = (performance.now() - this.#startedMs) / 1000;
    const rate = ((bytes * 8) / seconds / 1e9).toFixed(1);
    if (this.#total === 0) this.#bar.setTotal(bytes + 1);
    this.#bar.update(bytes, { received: formatBytes(bytes), rate });
  }

  stop(): void {
    this.#bar.stop();
  }
}

/** A bar on `stream` when that is a terminal and `quiet` is not asked for. */
export function createProgress(stream: NodeJS.WriteStream, quiet: boolean): Progress {
  return stream.isTTY && !quiet ? new Bar(stream) : SILENT;
}
