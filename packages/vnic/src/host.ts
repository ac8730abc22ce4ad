/**
 * The host seam: everything the card knows of the world, and everything the world knows of the card.
 * A machine's PCI bus, a vfio-user server and a test's flat memory stand on the other side alike.
 */
import type { Region } from '@netmem/region';

/**
 * Device-initiated memory access by I/O virtual address. Every call goes through the mappings that are live at that
 * moment; an address outside them touches nothing and answers a negative errno.
 */
export interface DeviceDma {
  /** Host → card: `length` bytes from `iova` into `to` at `at`. Bytes moved, or -EFAULT with nothing touched. */
  read(iova: number, to: Region, at: number, length: number): number;
  /** Card → host: `length` bytes of `from` at `at` to `iova`. Bytes moved, or -EFAULT with nothing touched. */
  write(iova: number, from: Region, at: number, length: number): number;
  /** One little-endian 32-bit word as an unsigned number, or -EFAULT (the only negative answers). */
  load32(iova: number): number;
  /** Stores the low 32 bits of `value` (any sign) as a little-endian word. 0 or more, or -EFAULT. */
  store32(iova: number, value: number): number;
  /**
   * As store32, and ordered: whoever sees this word sees every write made before it. The word with a generation bit
   * is always written with this one, last.
   */
  publish32(iova: number, value: number): number;
  /** Changes whenever the set of live mappings does; what was prefetched under an older epoch is dropped. */
  readonly epoch: number;
}

/** Time as the card sees it: nanoseconds as a number, and one-shot callbacks that must not touch host memory. */
export interface DeviceClock {
  readonly nowNs: number;
  /** Calls back once, at or after `atNs`. */
  schedule(atNs: number, callback: () => void): void;
}

/** Something a log or a test may want to know: a stopped queue, a refused command, a reset. Never sent per packet. */
export interface NicEvent {
  /** A stable word: `tx-queue-stopped`, `rx-queue-stopped`, `adminq-stopped`, `reset`, `link`, `command-refused` … */
  readonly kind: string;
  /** A sentence for people. */
  readonly detail: string;
}

/** What a transport offers the card. Masking, the pending-bit array and the MSI-X table are the transport's. */
export interface NicHost {
  readonly dma: DeviceDma;
  /** Signals MSI-X vector `vector`; returns at once, the handler runs whenever the transport likes. */
  raise(vector: number): void;
  readonly clock: DeviceClock;
  /** Takes note of something for a log or a test. */
  note(event: NicEvent): void;
}

/** PCI identity that the transport shows in configuration space. */
export interface PciIdentity {
  readonly vendor: number;
  readonly device: number;
  readonly subsystemVendor: number;
  readonly subsystemDevice: number;
  readonly revision: number;
  /** 24 bits: base class, sub class, programming interface. */
  readonly classCode: number;
  /** Sizes in bytes, each a power of two, in BAR order. */
  readonly bars: readonly { readonly size: number; readonly prefetchable?: boolean }[];
  readonly msixVectors: number;
}

/** Where a transport that emulates the MSI-X capability finds table and pending-bit array. */
export interface MsixLocation {
  readonly bar: number;
  readonly tableOffset: number;
  readonly pendingOffset: number;
}

/** What a transport drives. `barWrite` only records, `barRead` needs no DMA, all work happens in `run`. */
export interface NicFunction {
  /**
   * Reads `size` (1, 2 or 4) bytes of a BAR as a little-endian unsigned integer, as on a PCI bus: a big-endian register
   * comes back byte-swapped. Outside of any register: 0.
   */
  barRead(bar: number, offset: number, size: number): number;
  /** Records a write of `size` (1, 2 or 4) bytes, value as for barRead. It is acted on by a later run(). */
  barWrite(bar: number, offset: number, size: number, value: number): void;
  /**
   * Does recorded and due work, at most `budget` units of each kind (admin commands, frames sent, frames received; what
   * one frame costs beyond that is not cut off).
   * Returns the units done; 0 means that nothing was to do.
   */
  run(budget: number): number;
  /** A function-level reset: every queue, resource and interrupt state is gone when it returns. */
  reset(): void;
  readonly pci: PciIdentity;
}
