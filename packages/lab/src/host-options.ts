import type { FrameSlots, Port } from '@netmem/link';
import type { Clock, DmaMode } from '@netmem/machine';
import type { LinearMemory } from '@netmem/region';
import type { NicHost } from '@netmem/vnic';

/** Which exporter a host's device memory comes from. */
export type ExporterName = 'udmabuf' | 'device';

/** Device memory to bind when the host is made. */
export interface DmabufOptions {
  /** Size in bytes, whole pages. */
  readonly bytes: number;
  /** `device`, the default, has no CPU view; `udmabuf` can be mapped. */
  readonly exporter?: ExporterName;
  /** The rx queues to bind. Default: the last one. Queue 0 cannot be restarted by this driver, so it cannot be bound. */
  readonly queues?: readonly number[];
}

/** What {@link createHost} builds. Everything but the port has a default. */
export interface HostOptions {
  /** Where the card is plugged in: one end of a cable, a TAP, a replay. */
  readonly port: Port;
  /** The process's linear memory; the port's frame slots must lie in it. */
  readonly memory: LinearMemory;
  /** Shared by all hosts of one simulation. Default: a virtual clock of its own. */
  readonly clock?: Clock;
  /** Name in logs. Default `host`. */
  readonly name?: string;
  /** Seed of every random choice. Default 1. */
  readonly seed?: number;
  /** RAM in bytes. Default 64 MiB. */
  readonly ramBytes?: number;
  /** Default `coherent`. */
  readonly dmaMode?: DmaMode;
  /** Bytes of all bounce slots with `dmaMode` `swiotlb`. Default 16 MiB, and as much again as a udmabuf has: all of it is mapped while it is bound. */
  readonly swiotlbBytes?: number;
  /** Queue pairs. Default 2; device memory needs at least 2. */
  readonly queues?: number;
  /** Descriptors per ring, a power of two. Fewer than 512 make a card that has such small rings. Default: the card's own. */
  readonly ringEntries?: number;
  /** `tcp-data-split` on. Default: on when there is device memory, else left alone. */
  readonly dataSplit?: boolean;
  /** IPv4 or IPv6 addresses with prefix, `10.0.0.1/24`. Default: one from 10.0.0.0/24. */
  readonly addresses?: readonly string[];
  /** Hardware address. Default: locally administered, from the seed and name. */
  readonly mac?: Uint8Array;
  /** MTU in bytes. Default: the port's, as far as a card can carry it (9706). */
  readonly mtu?: number;
  /** `rx-gro-hw`: the card merges segments of a flow into packets of up to 64 KiB. Default: on, as the driver has it. */
  readonly hwGro?: boolean;
  /** The card keeps to the intervals of `ethtool -C`, instead of interrupting at once. Default false. */
  readonly interruptModeration?: boolean;
  /** The card has a clock, and says of received packets when they came: `devSetHwtstamp` and SO_TIMESTAMPING show it. Default false. */
  readonly nicTimestamp?: boolean;
  /** Each register write and each interrupt takes a random time of up to so many nanoseconds, as through a hypervisor. Default 0: none. */
  readonly busDelayNs?: number;
  /** What stands between the card and its host, such as vnic's `injectInterruptFaults`. Default: nothing. */
  readonly wrapNicHost?: (host: NicHost) => NicHost;
  /** Device memory, made, exported and bound. Default: none. */
  readonly dmabuf?: DmabufOptions;
  /** Most net_iovs that can exist at a time. Default: enough for `dmabuf`, at least 65536. */
  readonly maxNetIovs?: number;
}

/** What {@link createPair} builds: a host under test, a peer, and the cable between them. */
export interface PairOptions {
  readonly host?: Partial<Omit<HostOptions, 'port' | 'memory' | 'clock'>>;
  readonly peer?: Partial<Omit<HostOptions, 'port' | 'memory' | 'clock'>>;
  readonly cable?: import('@netmem/link').CableOptions;
  /** Default: virtual. */
  readonly clock?: Clock;
  /** Default: 1. Hosts and cable fork theirs from it. */
  readonly seed?: number;
  /** Default: made to measure. */
  readonly memory?: LinearMemory;
  /** Default: 4096 slots in `memory` that hold the cable's frames, or 512 that hold super-frames. */
  readonly slots?: FrameSlots;
  /**
   * What stands between the cable and a host's card: a capture, a tracer, a fault injector. Called once for each host, with its end of the cable
   * and its name. Default: nothing.
   */
  readonly wrapPort?: (port: Port, name: string) => Port;
}
