import { type LinearMemory, type Region, regionOf } from '@netmem/region';
import type { Ram } from '../memory/ram.ts';

/** Bytes that a cache moves at once; syncs are rounded out to it, as the hardware's are. */
export const CPU_CACHE_LINE_BYTES = 64;
const LINE_SHIFT = 6;
const LINE_WORDS = CPU_CACHE_LINE_BYTES / 4;

/**
 * The CPU's write-back cache on a machine whose devices do not snoop it.
 *
 * RAM as the CPU sees it is the linear memory itself. What the device sees lies apart, and a third copy remembers each line as
 * it was when the two last agreed. A line that differs from that copy is dirty: the CPU wrote it and nobody cleaned it. Such a
 * line wins over what the device wrote, because the cache writes it back at some time; this model does it at the latest moment,
 * when the line is invalidated.
 *
 * @kernel arch_sync_dma_for_cpu — arch/arm64/mm/dma-mapping.c, 7.3
 */
export class CpuCache {
  /** RAM as devices see it; byte i is RAM's byte i. */
  readonly deviceView: Region;
  readonly #cpu: Int32Array;
  readonly #device: Int32Array;
  readonly #clean: Int32Array;
  readonly #ramBase: number;
  readonly #ramWord: number;
  #overwritten = 0;

  constructor(memory: LinearMemory, ram: Ram) {
    const bytes = ram.region.length;
    this.#ramBase = ram.region.base;
    this.#ramWord = this.#ramBase >>> 2;
    this.#cpu = memory.words;
    this.#device = new Int32Array(bytes / 4);
    this.#clean = new Int32Array(bytes / 4);
    this.deviceView = regionOf(new Uint8Array(this.#device.buffer));
  }

  /** Lines in which a write by the device was lost to a dirty CPU line, since the machine was made. */
  get overwrittenLines(): number {
    return this.#overwritten;
  }

  /** Writes the CPU's dirty lines of a range back, so that the device sees them and the lines are clean. */
  clean(address: number, lengthBytes: number): void {
    const last = this.#lastLine(address, lengthBytes);
    for (let line = this.#firstLine(address); line <= last; line++) {
      if (this.#isDirty(line)) this.#writeBack(line);
    }
  }

  /** Drops the CPU's clean lines of a range, so that it sees what the device wrote; dirty lines are written back instead. */
  invalidate(address: number, lengthBytes: number): void {
    const last = this.#lastLine(address, lengthBytes);
    for (let line = this.#firstLine(address); line <= last; line++) {
      if (this.#isDirty(line)) {
        if (this.#isWrittenByDevice(line)) this.#overwritten++;
        this.#writeBack(line);
      } else {
        this.#fetch(line);
      }
    }
  }

  #firstLine(address: number): number {
    return (address - this.#ramBase) >>> LINE_SHIFT;
  }

  #lastLine(address: number, lengthBytes: number): number {
    return lengthBytes > 0 ? (address - this.#ramBase + lengthBytes - 1) >>> LINE_SHIFT : -1;
  }

  #isDirty(line: number): boolean {
    const at = line * LINE_WORDS;
    const cpuAt = this.#ramWord + at;
    for (let i = 0; i < LINE_WORDS; i++) if (this.#cpu[cpuAt + i] !== this.#clean[at + i]) return true;
    return false;
  }

  #isWrittenByDevice(line: number): boolean {
    const at = line * LINE_WORDS;
    for (let i = 0; i < LINE_WORDS; i++) if (this.#device[at + i] !== this.#clean[at + i]) return true;
    return false;
  }

  #writeBack(line: number): void {
    const at = line * LINE_WORDS;
    for (let i = 0; i < LINE_WORDS; i++) {
      const word = this.#cpu[this.#ramWord + at + i] as number;
      this.#device[at + i] = word;
      this.#clean[at + i] = word;
    }
  }

  #fetch(line: number): void {
    const at = line * LINE_WORDS;
    for (let i = 0; i < LINE_WORDS; i++) {
      const word = this.#device[at + i] as number;
      this.#cpu[this.#ramWord + at + i] = word;
      this.#clean[at + i] = word;
    }
  }
}
