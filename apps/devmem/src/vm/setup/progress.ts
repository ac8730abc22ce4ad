/** What `devmem vm setup` shows while it works: a bar on a terminal, a line per step elsewhere. */
import { Presets, SingleBar } from 'cli-progress';

/** Shows what is going on. */
export interface SetupProgress {
  /** A step begins; `label` says which. */
  begin(label: string): void;
  percent(value: number): void;
  end(): void;
}

const SILENT: SetupProgress = { begin() {}, percent() {}, end() {} };

class Bar implements SetupProgress {
  readonly #bar: SingleBar;

  constructor(stream: NodeJS.WriteStream) {
    const format = '{bar} {percentage}% | {label}';
    this.#bar = new SingleBar({ format, hideCursor: true, stream, clearOnComplete: true }, Presets.shades_classic);
  }

  begin(label: string): void {
    this.#bar.start(100, 0, { label });
  }

  percent(value: number): void {
    this.#bar.update(value);
  }

  end(): void {
    this.#bar.stop();
  }
}

class Lines implements SetupProgress {
  readonly #stream: NodeJS.WriteStream;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  begin(label: string): void {
    this.#stream.write(`Getting ${label} …\n`);
  }

  percent(): void {}

  end(): void {}
}

/** Shows progress on a stream; nothing when `quiet`. */
export function createSetupProgress(stream: NodeJS.WriteStream, quiet: boolean): SetupProgress {
  if (quiet) return SILENT;
  return stream.isTTY ? new Bar(stream) : new Lines(stream);
}
