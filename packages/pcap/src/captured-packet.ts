/** Nobody knows which way the packet went. The numbers are those of `epb_flags`. */
export const DIRECTION_UNKNOWN = 0;
/** It came in at the interface. */
export const DIRECTION_INBOUND = 1;
/** It was sent out of the interface. */
export const DIRECTION_OUTBOUND = 2;

/** Link type of Ethernet frames; see the list at tcpdump.org for others. */
export const LINKTYPE_ETHERNET = 1;

/** What a file says about an interface. */
export interface CaptureInterface {
  /** Counts from 0 in each section. */
  readonly id: number;
  /** `if_name`; empty when the file does not say. */
  readonly name: string;
  /** `if_description`. */
  readonly description: string;
  readonly comments: readonly string[];
  /** {@link LINKTYPE_ETHERNET} or another number. */
  readonly linkType: number;
  /** Bytes of a packet that are kept at most; 0 for all. */
  readonly snapLength: number;
  /** From `if_tsresol`: 1,000,000,000 for nanoseconds. */
  readonly ticksPerSecond: bigint;
  /** `if_tsoffset`: seconds from 1970 to the interface's time 0. */
  readonly epochSeconds: number;
}

/** What a file says about itself; pcapng only. */
export interface CaptureSection {
  readonly littleEndian: boolean;
  readonly hardware: string;
  readonly os: string;
  readonly application: string;
  readonly comments: readonly string[];
}

/** A packet read from a file. */
export interface CapturedPacket {
  readonly interface: CaptureInterface;
  /** When, in nanoseconds from the interface's time 0; exact up to 2^53, 104 days. */
  readonly timestampNs: number;
  /** When, as whole seconds since 1970 (if the interface's time 0 is known) … */
  readonly seconds: number;
  /** … and the nanoseconds beyond, 0 to 999,999,999. Both are exact. A time that is kept in finer steps is rounded down. */
  readonly nanoseconds: number;
  /** The captured bytes: a window on the file, not a copy. */
  readonly data: Uint8Array;
  /** Bytes of the packet on the wire; more than `data.length` when the capture cut it. */
  readonly originalLength: number;
  /** All of `epb_flags`, 0 when the file does not say. */
  readonly flags: number;
  /** {@link DIRECTION_UNKNOWN}, {@link DIRECTION_INBOUND} or {@link DIRECTION_OUTBOUND}. */
  readonly direction: number;
  /** `epb_queue`; null when the file does not say. */
  readonly queue: number | null;
  readonly comments: readonly string[];
  /** Where in the file its block or record starts. */
  readonly offset: number;
}

/** A capture file that is being read, packet by packet. Iterating goes on from where reading stopped. */
export interface CaptureReader extends Iterable<CapturedPacket> {
  readonly format: 'pcapng' | 'pcap';
  /** What the section that was read last says of itself; null in a pcap file. */
  readonly section: CaptureSection | null;
  /** Interfaces of that section that have been read so far; always one in a pcap file. */
  readonly interfaces: readonly CaptureInterface[];
  /** Blocks of a kind that is not read here, such as name resolution or statistics. */
  readonly skippedBlocks: number;
  /** Where in the file reading goes on. */
  readonly offset: number;
  /**
   * The next packet, or null at the end.
   *
   * @throws CaptureError when the file is cut short or damaged here; it stays here then.
   */
  read(): CapturedPacket | null;
}
