import type { PciFunction } from '@netmem/machine';
import { DOORBELL_BAR, DOORBELL_BYTES, REG_DRIVER_VERSION, REGISTER_BAR, swap32 } from '@netmem/vnic/abi';

/** The card's two windows: big-endian registers in BAR0, little-endian doorbells in BAR2. */
export class Registers {
  readonly #fn: PciFunction;

  constructor(fn: PciFunction) {
    this.#fn = fn;
  }

  /** Reads a 32-bit register, unsigned. */
  read(offset: number): number {
    return swap32(this.#fn.readBar(REGISTER_BAR, offset, 4));
  }

  write(offset: number, value: number): void {
    this.#fn.writeBar(REGISTER_BAR, offset, 4, swap32(value));
  }

  /** Tells the card who drives it: one byte write per character, a newline at the end. */
  writeVersion(version: string): void {
    for (const character of `${version}\n`)
      this.#fn.writeBar(REGISTER_BAR, REG_DRIVER_VERSION, 1, character.charCodeAt(0));
  }

  /** Rings doorbell `index`. The card may serve it any time later. */
  ring(index: number, value: number): void {
    this.#fn.writeBar(DOORBELL_BAR, index * DOORBELL_BYTES, 4, value);
  }
}
