import type { Region } from '@netmem/region';
import type { DeviceDma } from '@netmem/vnic';
import { DmaMappings } from './dma-mappings.ts';
import type { GuestMemory } from './guest-memory.ts';
import type { VfioUserStats } from './stats.ts';
import { EFAULT } from './vfio-user-error.ts';

/**
 * The device's way to guest memory: bus address → mapping → position. What is not mapped, what may not be written, and
 * everything while the function is no bus master, is a fault: counted, reported, and nothing is touched.
 */
export class GuestDma implements DeviceDma {
  readonly mappings: DmaMappings = new DmaMappings();
  readonly #stats: VfioUserStats;
  readonly #onFault: (iova: number, length: number, errno: number) => void;
  #memory: GuestMemory | null = null;
  #busMaster = false;

  constructor(stats: VfioUserStats, onFault: (iova: number, length: number, errno: number) => void) {
    this.#stats = stats;
    this.#onFault = onFault;
  }

  get epoch(): number {
    return this.mappings.epoch;
  }

  /** What positions refer to; null between guests. */
  get memory(): GuestMemory | null {
    return this.#memory;
  }

  set memory(memory: GuestMemory | null) {
    this.#memory = memory;
    this.mappings.epoch++;
  }

  /** The bus master bit of the command register. Without it a function has no access to anything. */
  set busMaster(on: boolean) {
    if (on === this.#busMaster) return;
    this.#busMaster = on;
    this.mappings.epoch++;
  }

  read(iova: number, to: Region, at: number, length: number): number {
    const memory = this.#memory;
    const { mappings } = this;
    if (memory === null || !this.#busMaster) return this.#fault(iova, length, EFAULT);
    const position = mappings.toRead(iova);
    if (position < 0) return this.#fault(iova, length, EFAULT);
    if (length > mappings.contiguous) return this.#readPieces(memory, iova, to, at, length);
    const moved = memory.read(position, to, at, length);
    if (moved < 0) return this.#fault(iova, length, -moved);
    this.#stats.dmaReads++;
    this.#stats.dmaReadBytes += length;
    return moved;
  }

  write(iova: number, from: Region, at: number, length: number): number {
    const memory = this.#memory;
    const { mappings } = this;
    if (memory === null || !this.#busMaster) return this.#fault(iova, length, EFAULT);
    const position = mappings.toWrite(iova);
    if (position < 0) return this.#fault(iova, length, EFAULT);
    if (length > mappings.contiguous) return this.#writePieces(memory, iova, from, at, length);
    const moved = memory.write(position, from, at, length);
    if (moved < 0) return this.#fault(iova, length, -moved);
    this.#stats.dmaWrites++;
    this.#stats.dmaWriteBytes += length;
    return moved;
  }

  load32(iova: number): number {
    const memory = this.#memory;
    if (memory === null || !this.#busMaster) return this.#fault(iova, 4, EFAULT);
    const position = this.mappings.toRead(iova);
    if (position < 0 || this.mappings.contiguous < 4) return this.#fault(iova, 4, EFAULT);
    const value = memory.load32(position);
    if (value < 0) return this.#fault(iova, 4, -value);
    this.#stats.dmaReads++;
    this.#stats.dmaReadBytes += 4;
    return value;
  }

  store32(iova: number, value: number): number {
    const memory = this.#memory;
    if (memory === null || !this.#busMaster) return this.#fault(iova, 4, EFAULT);
    const position = this.mappings.toWrite(iova);
    if (position < 0 || this.mappings.contiguous < 4) return this.#fault(iova, 4, EFAULT);
    const stored = memory.store32(position, value);
    if (stored < 0) return this.#fault(iova, 4, -stored);
    this.#stats.dmaWrites++;
    this.#stats.dmaWriteBytes += 4;
    return stored;
  }

  publish32(iova: number, value: number): number {
    return this.store32(iova, value);
  }

  /** A range over several mappings: all of it is checked before any of it is touched. */
  #readPieces(memory: GuestMemory, iova: number, to: Region, at: number, length: number): number {
    const { mappings } = this;
    for (let done = 0; done < length; done += mappings.contiguous) {
      if (mappings.toRead(iova + done) < 0) return this.#fault(iova, length, EFAULT);
    }
    let done = 0;
    while (done < length) {
      const position = mappings.toRead(iova + done);
      const bytes = Math.min(length - done, mappings.contiguous);
      const moved = memory.read(position, to, at + done, bytes);
      if (moved < 0) return this.#fault(iova, length, -moved);
      done += bytes;
      this.#stats.dmaReads++;
    }
    this.#stats.dmaReadBytes += length;
    return length;
  }

  #writePieces(memory: GuestMemory, iova: number, from: Region, at: number, length: number): number {
    const { mappings } = this;
    for (let done = 0; done < length; done += mappings.contiguous) {
      if (mappings.toWrite(iova + done) < 0) return this.#fault(iova, length, EFAULT);
    }
    let done = 0;
    while (done < length) {
      const position = mappings.toWrite(iova + done);
      const bytes = Math.min(length - done, mappings.contiguous);
      const moved = memory.write(position, from, at + done, bytes);
      if (moved < 0) return this.#fault(iova, length, -moved);
      done += bytes;
      this.#stats.dmaWrites++;
    }
    this.#stats.dmaWriteBytes += length;
    return length;
  }

  #fault(iova: number, length: number, errno: number): number {
    this.#stats.dmaFaults++;
    this.#onFault(iova, length, errno);
    return -EFAULT;
  }
}
