/** Checks of received ranges, done before their tokens go back: inside the device, or by the CPU through the udmabuf's mmap. */
import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import {
  type DeviceMemory,
  type DeviceProgram,
  type DmaBufMapping,
  type PatternResult,
  programs,
} from '@netmem/dmabuf';
import type { BoundMemory } from '@netmem/lab';
import { DMA_FROM_DEVICE } from '@netmem/machine';
import { isErr, kernelErrorFrom } from '@netmem/uapi';
import type { RangeSink } from '../host/devmem-reader.ts';
import type { RxOptions, Validation } from './options.ts';
import { fillPattern, PATTERN_PERIOD } from './pattern.ts';

/** What a connection's ranges are fed to, in stream order. */
export interface Verifier extends RangeSink {
  /** The digest so far, in hex; null when none was asked for. */
  digest(): string | null;
  /** What is wrong with the bytes, in one sentence; null when nothing is known to be. */
  problem(): string | null;
  close(): void;
}

function patternProblem(mismatchAt: number): string | null {
  return mismatchAt < 0 ? null : `the pattern is broken at byte ${mismatchAt} of the stream`;
}

class DeviceVerifier implements Verifier {
  readonly #memory: DeviceMemory;
  readonly #sha256: DeviceProgram<Uint8Array> | null;
  readonly #pattern: DeviceProgram<PatternResult> | null;

  constructor(memory: DeviceMemory, validate: Validation) {
    this.#memory = memory;
    this.#sha256 = validate === 'sha256' ? programs.sha256() : null;
    this.#pattern = validate === 'pattern' ? programs.pattern(PATTERN_PERIOD) : null;
  }

  begin(): void {}

  consume(offset: number, length: number): void {
    if (this.#sha256 !== null) this.#memory.feed(this.#sha256, offset, length);
    if (this.#pattern !== null) this.#memory.feed(this.#pattern, offset, length);
  }

  end(): void {}

  digest(): string | null {
    return this.#sha256 === null ? null : Buffer.from(this.#sha256.result()).toString('hex');
  }

  problem(): string | null {
    return this.#pattern === null ? null : patternProblem(this.#pattern.result().mismatchAt);
  }

  close(): void {}
}

/** No range is longer than a page of the dma-buf. */
const SCRATCH_BYTES = 4096;

class MappedVerifier implements Verifier {
  readonly #memory: BoundMemory;
  readonly #mapping: DmaBufMapping;
  readonly #hash: Hash | null;
  readonly #pattern: Uint8Array | null;
  readonly #scratch: Uint8Array = new Uint8Array(SCRATCH_BYTES);
  readonly #out: number | null;
  #position = 0;
  #mismatchAt = -1;

  constructor(memory: BoundMemory, validate: Validation, out: string | null) {
    const mapping = memory.dmabuf.mmap();
    if (isErr(mapping)) throw kernelErrorFrom(mapping, 'mmap');
    this.#memory = memory;
    this.#mapping = mapping;
    this.#hash = validate === 'sha256' ? createHash('sha256') : null;
    this.#pattern = validate === 'pattern' ? new Uint8Array(SCRATCH_BYTES) : null;
    this.#out = out === null ? null : openSync(out, 'w');
  }

  begin(): void {
    this.#memory.dmabuf.beginCpuAccess(DMA_FROM_DEVICE);
  }

  consume(offset: number, length: number): void {
    for (let done = 0; done < length; done += SCRATCH_BYTES)
      this.#look(offset + done, Math.min(SCRATCH_BYTES, length - done));
  }

  end(): void {
    this.#memory.dmabuf.endCpuAccess(DMA_FROM_DEVICE);
  }

  digest(): string | null {
    return this.#hash?.copy().digest('hex') ?? null;
  }

  problem(): string | null {
    return patternProblem(this.#mismatchAt);
  }

  close(): void {
    if (this.#out !== null) closeSync(this.#out);
  }

  #look(offset: number, length: number): void {
    const bytes = this.#scratch.subarray(0, length);
    this.#mapping.read(offset, bytes, 0, length);
    this.#hash?.update(bytes);
    if (this.#pattern !== null && this.#mismatchAt < 0) this.#compare(bytes, this.#pattern.subarray(0, length));
    if (this.#out !== null) writeSync(this.#out, bytes);
    this.#position += length;
  }

  #compare(bytes: Uint8Array, expected: Uint8Array): void {
    fillPattern(expected, this.#position);
    if (Buffer.compare(bytes, expected) === 0) return;
    this.#mismatchAt = this.#position + bytes.findIndex((byte, i) => byte !== expected[i]);
  }
}

const NOTHING: Verifier = {
  begin() {},
  consume() {},
  end() {},
  digest: () => null,
  problem: () => null,
  close() {},
};

/** The verifier for one connection. `index` counts connections from 0: later ones write `--out` files with a number behind. */
export function createVerifier(memory: BoundMemory, options: RxOptions, index: number): Verifier {
  if (options.validate === 'none' && options.out === null) return NOTHING;
  if (memory.device !== null) return new DeviceVerifier(memory.device, options.validate);
  const out = options.out === null || index === 0 ? options.out : `${options.out}.${index}`;
  return new MappedVerifier(memory, options.validate, out);
}
