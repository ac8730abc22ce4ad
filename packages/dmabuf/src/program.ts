import type { LinearMemory } from '@netmem/region';
import { Sha256, sha256Engine } from './sha256.ts';

/** What runs inside a device. Only the library writes these: code that could carry bytes out would be a CPU view by another name. */
export interface ProgramKernel<R> {
  /** Consumes the next `length` bytes of the stream, at linear address `at` of the device's memory. */
  consume(memory: LinearMemory, at: number, length: number): void;
  result(): R;
  reset(): void;
}

let kernelOfProgram: <R>(program: DeviceProgram<R>) => ProgramKernel<R>;

/**
 * A computation for {@link DeviceMemory.run}: it sees the bytes, the caller sees its result. It carries its state from run to run, so that
 * a stream which arrives in pieces is judged as one stream.
 */
export class DeviceProgram<R> {
  readonly #kernel: ProgramKernel<R>;

  static {
    kernelOfProgram = (program) => program.#kernel;
  }

  constructor(kernel: ProgramKernel<R>) {
    this.#kernel = kernel;
  }

  /** The result over everything consumed so far. */
  result(): R {
    return this.#kernel.result();
  }

  /** Forgets what was consumed. */
  reset(): void {
    this.#kernel.reset();
  }
}

/** For {@link DeviceMemory} only; not exported from the package. */
export function kernelOf<R>(program: DeviceProgram<R>): ProgramKernel<R> {
  return kernelOfProgram(program);
}

/** Result of {@link programs.compare}. */
export interface CompareResult {
  /** Stream offset of the first byte that differs; -1 while all were equal. A byte past the end of what was expected differs. */
  readonly mismatchAt: number;
  readonly comparedBytes: number;
}

/** Result of {@link programs.pattern}. */
export interface PatternResult {
  /** Stream offset of the first wrong byte; -1 while there was none. */
  readonly mismatchAt: number;
  readonly mismatches: number;
  readonly checkedBytes: number;
}

function sha256(): DeviceProgram<Uint8Array> {
  const sha = new Sha256();
  return new DeviceProgram<Uint8Array>({
    consume: (memory, at, length) => sha.update(sha256Engine(memory), at, length),
    result: () => sha.digest(),
    reset: () => sha.reset(),
  });
}

class Compare implements ProgramKernel<CompareResult> {
  readonly #expected: Uint8Array;
  #mismatchAt = -1;
  #compared = 0;

  constructor(expected: Uint8Array) {
    this.#expected = expected.slice();
  }

  consume(memory: LinearMemory, at: number, length: number): void {
    const start = this.#compared;
    this.#compared += length;
    if (this.#mismatchAt >= 0) return;
    const { bytes } = memory;
    const expected = this.#expected;
    // An index past the end of `expected` reads undefined, which no byte equals.
    for (let i = 0; i < length; i++) {
      if (bytes[at + i] !== expected[start + i]) {
        this.#mismatchAt = start + i;
        return;
      }
    }
  }

  result(): CompareResult {
    return { mismatchAt: this.#mismatchAt, comparedBytes: this.#compared };
  }

  reset(): void {
    this.#mismatchAt = -1;
    this.#compared = 0;
  }
}

const NEWLINE = 10;

class Pattern implements ProgramKernel<PatternResult> {
  readonly #period: number;
  #counter = 1;
  #mismatchAt = -1;
  #mismatches = 0;
  #checked = 0;

  constructor(period: number) {
    this.#period = period;
  }

  consume(memory: LinearMemory, at: number, length: number): void {
    const { bytes } = memory;
    const period = this.#period;
    let counter = this.#counter;
    for (let i = 0; i < length; i++) {
      const wanted = counter === 0 ? NEWLINE : counter & 0xff;
      if (bytes[at + i] !== wanted) {
        if (this.#mismatchAt < 0) this.#mismatchAt = this.#checked + i;
        this.#mismatches++;
      }
      counter++;
      if (counter === period) counter = 0;
    }
    this.#counter = counter;
    this.#checked += length;
  }

  result(): PatternResult {
    return { mismatchAt: this.#mismatchAt, mismatches: this.#mismatches, checkedBytes: this.#checked };
  }

  reset(): void {
    this.#counter = 1;
    this.#mismatchAt = -1;
    this.#mismatches = 0;
    this.#checked = 0;
  }
}

function fill(value: number): DeviceProgram<number> {
  let filled = 0;
  return new DeviceProgram<number>({
    consume: (memory, at, length) => {
      memory.bytes.fill(value, at, at + length);
      filled += length;
    },
    result: () => filled,
    reset: () => {
      filled = 0;
    },
  });
}

/** The programs that devices know. */
export const programs: {
  /** SHA-256 (32 bytes) of the stream. */
  readonly sha256: () => DeviceProgram<Uint8Array>;
  /** Compares the stream with `expected`, which is copied. */
  readonly compare: (expected: Uint8Array) => DeviceProgram<CompareResult>;
  /** Checks ncdevmem's `-v period` stream: 1, 2, … period-1, newline, over and over, continuous across ranges. */
  readonly pattern: (period: number) => DeviceProgram<PatternResult>;
  /** Writes `value` over every byte; the result is how many were written. */
  readonly fill: (value: number) => DeviceProgram<number>;
} = {
  sha256,
  compare: (expected) => new DeviceProgram<CompareResult>(new Compare(expected)),
  pattern: (period) => new DeviceProgram<PatternResult>(new Pattern(period)),
  fill,
};
