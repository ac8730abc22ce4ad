import type { DeviceDma } from '../dma/device-dma.ts';

/** What a function says about itself in configuration space. */
export interface PciIdentity {
  readonly vendor: number;
  readonly device: number;
  readonly subsystemVendor: number;
  readonly subsystemDevice: number;
  readonly revision: number;
  /** 24 bits: class, subclass, programming interface. */
  readonly classCode: number;
  /** Memory BARs by number; a size of 0 means there is none of that number. Bytes. */
  readonly bars: readonly { readonly size: number; readonly prefetchable?: boolean }[];
  /** Size of the MSI-X table. */
  readonly msixVectors: number;
}

/**
 * A device as the bus sees it: what a device model implements. BAR values are little-endian integers as on a PCI bus.
 */
export interface PciEndpoint {
  readonly pci: PciIdentity;
  /** Reads a register. Needs no DMA and has an answer at once. */
  barRead(bar: number, offset: number, size: number): number;
  /** Takes a register write. It only records; the work happens in `run`. */
  barWrite(bar: number, offset: number, size: number, value: number): void;
  /** Does up to `budget` units of work and returns how many it did; 0 means there is nothing to do until something changes. */
  run(budget: number): number;
  /** Function-level reset. */
  reset(): void;
}

/** The part of a clock that devices use. */
export interface DeviceClock {
  readonly nowNs: number;
  schedule(atNs: number, callback: () => void): void;
}

/** Something a device wants a human to know: a malformed descriptor, a command it refused. */
export interface DeviceEvent {
  readonly kind: string;
  readonly detail: string;
}

/** What the bus gives a device. */
export interface PciHost {
  readonly dma: DeviceDma;
  readonly clock: DeviceClock;
  /** Raises an MSI-X vector. Only marks: the handler runs from the machine's next round. */
  raise(vector: number): void;
  note(event: DeviceEvent): void;
}
