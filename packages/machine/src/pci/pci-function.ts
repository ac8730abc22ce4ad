import { ENODEV } from '@netmem/uapi';
import type { DmaDevice } from '../dma/dma-device.ts';
import type { MachineLog } from '../log/machine-log.ts';
import type { MsixTable } from './msix-table.ts';
import type { PciEndpoint, PciIdentity } from './pci-endpoint.ts';

/** What a read returns when nobody answers: all ones, as on a real bus. */
function allOnes(size: number): number {
  return 2 ** (8 * size) - 1;
}

/**
 * One function on the bus, as its driver sees it: registers, interrupts and a device for the DMA API.
 *
 * @kernel struct pci_dev — include/linux/pci.h, 7.3
 */
export class PciFunction {
  /** Bus address, `0000:00:04.0`. */
  readonly name: string;
  readonly dma: DmaDevice;
  readonly #log: MachineLog;
  readonly #msix: MsixTable;
  readonly #endpoint: PciEndpoint;
  #present = true;
  #badAccesses = 0;

  /** @internal */
  constructor(name: string, endpoint: PciEndpoint, dma: DmaDevice, msix: MsixTable, log: MachineLog) {
    this.name = name;
    this.#endpoint = endpoint;
    this.dma = dma;
    this.#msix = msix;
    this.#log = log;
  }

  get endpoint(): PciEndpoint {
    return this.#endpoint;
  }

  get identity(): PciIdentity {
    return this.#endpoint.pci;
  }

  /** False once the function was unplugged: reads give all ones, writes go nowhere. */
  get present(): boolean {
    return this.#present;
  }

  /** Register accesses that hit no BAR or were not aligned. */
  get badAccesses(): number {
    return this.#badAccesses;
  }

  /** Vectors that were raised and not delivered yet. A fresh array. */
  get pendingVectors(): readonly number[] {
    return this.#msix.pending;
  }

  /** Interrupts that were lost: MSI-X off, or no such vector. */
  get droppedInterrupts(): number {
    return this.#msix.dropped;
  }

  /**
   * Reads a register of 1, 2, 4 or 8 bytes as a little-endian integer. All ones when the function is gone, the BAR has no such
   * byte, or the offset is not a multiple of the size; the latter two are logged.
   *
   * @kernel ioread32 — lib/iomap.c, 7.3
   */
  readBar(bar: number, offset: number, size: number): number {
    return this.#reaches('read', bar, offset, size) ? this.#endpoint.barRead(bar, offset, size) : allOnes(size);
  }

  /**
   * Writes a register. The device may act on it at any later time; only a read tells.
   *
   * @kernel iowrite32 — lib/iomap.c, 7.3
   */
  writeBar(bar: number, offset: number, size: number, value: number): void {
    if (this.#reaches('write', bar, offset, size)) this.#endpoint.barWrite(bar, offset, size, value);
  }

  /**
   * Turns MSI-X on with exactly `count` vectors.
   *
   * @returns 0; -ERANGE for fewer than one, -EINVAL when it is on, -ENOSPC when the device has fewer, -ENODEV when it is gone.
   * @kernel pci_alloc_irq_vectors — drivers/pci/msi/api.c, 7.3
   */
  enableMsix(count: number): number {
    return this.#present ? this.#msix.enable(count) : -ENODEV;
  }

  /** Turns MSI-X off. Interrupts that were not freed before are a warning, and are freed. */
  disableMsix(): void {
    const left = this.#msix.requested;
    if (left.length > 0)
      this.#log.warn(`${this.name}: MSI-X disabled with interrupts requested: ${left.join(', ')}`, 'pci');
    this.#msix.disable();
  }

  /**
   * Installs a handler and unmasks the vector; it runs in hardirq context.
   *
   * @returns 0; -EINVAL when there is no such vector, -EBUSY when it has a handler.
   * @kernel request_irq — include/linux/interrupt.h, 7.3
   */
  requestIrq(vector: number, name: string, handler: () => void): number {
    return this.#msix.request(vector, name, handler);
  }

  /** Removes a handler. Freeing what was not requested is a warning. */
  freeIrq(vector: number): void {
    if (!this.#msix.free(vector)) this.#log.warn(`${this.name}: trying to free free vector ${vector}`, 'pci');
  }

  /** Holds a vector back; what is raised meanwhile stays pending. */
  maskVector(vector: number): void {
    this.#msix.mask(vector);
  }

  /** Lets a vector through again; it is delivered in the next round if it is pending. */
  unmaskVector(vector: number): void {
    this.#msix.unmask(vector);
  }

  /** @internal */
  deliverInterrupts(): boolean {
    return this.#msix.deliver();
  }

  /** @internal */
  leaveBus(): void {
    this.#present = false;
    this.#endpoint.reset();
    this.#msix.disable();
  }

  #reaches(verb: string, bar: number, offset: number, size: number): boolean {
    if (!this.#present) return false;
    const bytes = this.#endpoint.pci.bars[bar]?.size ?? 0;
    const isSize = size === 1 || size === 2 || size === 4 || size === 8;
    if (isSize && offset >= 0 && offset + size <= bytes && offset % size === 0) return true;
    this.#badAccesses++;
    this.#log.emit(
      'err',
      'pci',
      `${this.name}: ${verb} of ${size} bytes at BAR ${bar} offset ${offset}: no such register`,
    );
    return false;
  }
}

/** Swaps the bytes of a 32-bit value: a big-endian register seen over the little-endian bus. The result is unsigned. */
export function swap32(value: number): number {
  return ((value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;
}

/** Swaps the bytes of a 16-bit value. */
export function swap16(value: number): number {
  return ((value & 0xff) << 8) | ((value >>> 8) & 0xff);
}
