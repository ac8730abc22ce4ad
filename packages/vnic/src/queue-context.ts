import type { Port } from '@netmem/link';
import type { Region } from '@netmem/region';
import type { InternetChecksum } from '@netmem/wire';
import type { DeviceDma } from './host.ts';
import type { InterruptBlocks } from './interrupts.ts';

/** What a queue needs of the card around it. */
export interface QueueContext {
  readonly dma: DeviceDma;
  readonly interrupts: InterruptBlocks;
  readonly port: Port;
  /** Sums over the memory of the port's frame slots. */
  readonly checksum: InternetChecksum;
  /** Carves scratch memory; only while the card is built. */
  carve(lengthBytes: number): Region;
  /** Whether frames may leave. */
  readonly linkUp: boolean;
  /** The port takes TSO packets whole. */
  readonly superFrames: boolean;
  /** Longest frame in bytes, by MTU. */
  readonly frameBytesMax: number;
  /**
   * The driver broke a rule that the hardware cannot work around. The caller stops its queue; this asks for a reset and
   * signals the management vector.
   */
  fault(kind: string, detail: string): void;
}
