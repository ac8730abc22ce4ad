// Whether the bytes of a stream lie where its control messages say, looked at before their tokens go back.

import { type CompareResult, type DeviceProgram, type DmaBuf, programs } from '@netmem/dmabuf';
import { DMA_FROM_DEVICE } from '@netmem/machine';
import { isErr, kernelErrorFrom } from '@netmem/uapi';
import type { BoundMemory } from '../../src/index.ts';
import type { Held } from '../devmem-stream.ts';

/** Compares a stream with what was sent: inside the device, through the CPU's view of a udmabuf, or in ordinary memory. */
export class LandedBytes {
  /** Bytes seen so far. */
  position: number = 0;
  /** Stream offset of the first wrong byte; -1 while all were right. */
  mismatchAt: number = -1;
  readonly #expected: Uint8Array;
  #program: DeviceProgram<CompareResult> | null = null;
  /** Where in the stream the program began. */
  #programStart = 0;

  constructor(expected: Uint8Array) {
    this.#expected = expected;
  }

  /** The next byte of the stream lies at the start of `range`, in `memory`. */
  inDevice(memory: BoundMemory, range: Held): void {
    const { offset, length } = range;
    if (memory.device === null) {
      this.copied(readUdmabuf(memory.dmabuf, offset, length));
      return;
    }
    if (this.#program === null || this.#programStart + this.#program.result().comparedBytes !== this.position) {
      this.#program = programs.compare(this.#expected.subarray(this.position));
      this.#programStart = this.position;
    }
    memory.device.feed(this.#program, offset, length);
    this.position += length;
    const { mismatchAt } = this.#program.result();
    if (mismatchAt >= 0) this.#wrongAt(this.#programStart + mismatchAt);
  }

  /** The next bytes of the stream were copied. */
  copied(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) {
      if (bytes[i] !== this.#expected[this.position + i]) this.#wrongAt(this.position + i);
    }
    this.position += bytes.length;
  }

  #wrongAt(position: number): void {
    if (this.mismatchAt < 0 || position < this.mismatchAt) this.mismatchAt = position;
  }
}

/** What the CPU sees. */
function readUdmabuf(dmabuf: DmaBuf, offset: number, length: number): Uint8Array {
  const mapping = dmabuf.mmap();
  if (isErr(mapping)) throw kernelErrorFrom(mapping, 'mmap');
  const bytes = new Uint8Array(length);
  dmabuf.beginCpuAccess(DMA_FROM_DEVICE);
  const refused = mapping.read(offset, bytes, 0, length);
  dmabuf.endCpuAccess(DMA_FROM_DEVICE);
  if (refused < 0) throw kernelErrorFrom(refused, 'read of the mapping');
  return bytes;
}
