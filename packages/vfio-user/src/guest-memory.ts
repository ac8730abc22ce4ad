import type { Region } from '@netmem/region';

/**
 * A guest's RAM, by position: what the guest maps for DMA is a range of it. The server reads a file that it shares with the
 * guest; memory that is mapped into the process (by a native module, or in a test) would be another implementation.
 *
 * Whoever calls has checked that positions are mapped. An implementation still refuses what it does not have, with a
 * negative errno and nothing moved, and never throws.
 */
export interface GuestMemory {
  readonly lengthBytes: number;
  /** Guest → server: `length` bytes from `position` into `to` at `at`. Bytes moved, or a negative errno. */
  read(position: number, to: Region, at: number, length: number): number;
  /** Server → guest. Bytes moved, or a negative errno. */
  write(position: number, from: Region, at: number, length: number): number;
  /** One little-endian 32-bit word as an unsigned number, or a negative errno. */
  load32(position: number): number;
  /** Stores the low 32 bits of `value`, in one piece and behind every write made before. 0 or more, or a negative errno. */
  store32(position: number, value: number): number;
  /** The guest is gone. */
  close(): void;
}
