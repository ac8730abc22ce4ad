import { moveBytes, type Region } from '@netmem/region';
import type { GuestMemory } from './guest-memory.ts';
import { EFAULT } from './vfio-user-error.ts';

class RegionMemory implements GuestMemory {
  readonly lengthBytes: number;
  readonly #region: Region;
  readonly #first: number;

  constructor(region: Region, first: number) {
    this.#region = region;
    this.#first = first;
    this.lengthBytes = first + region.length;
  }

  read(position: number, to: Region, at: number, length: number): number {
    if (!this.#has(position, length)) return -EFAULT;
    moveBytes(this.#region, position - this.#first, to, at, length);
    return length;
  }

  write(position: number, from: Region, at: number, length: number): number {
    if (!this.#has(position, length)) return -EFAULT;
    moveBytes(from, at, this.#region, position - this.#first, length);
    return length;
  }

  load32(position: number): number {
    if (!this.#has(position, 4)) return -EFAULT;
    return this.#region.view.getUint32(this.#region.base + position - this.#first, true);
  }

  store32(position: number, value: number): number {
    if (!this.#has(position, 4)) return -EFAULT;
    this.#region.view.setInt32(this.#region.base + position - this.#first, value, true);
    return 4;
  }

  close(): void {}

  #has(position: number, length: number): boolean {
    return position >= this.#first && position + length <= this.lengthBytes;
  }
}

/**
 * Guest memory that lies in this process already: a test's, or what a native module has mapped.
 *
 * @param first - The position of the region's first byte; what lies before does not exist.
 */
export function regionMemory(region: Region, first: number = 0): GuestMemory {
  return new RegionMemory(region, first);
}
