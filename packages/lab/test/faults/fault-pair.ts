// Pairs that are made by the dozen: as little memory as a run needs, and all that varies in one record.

import type { CableOptions } from '@netmem/link';
import type { DmaMode } from '@netmem/machine';
import { LinearMemory } from '@netmem/region';
import { createPair, type ExporterName, hostMemoryBytes, type Pair } from '../../src/index.ts';
import { HOST, HOST6 } from '../devmem-stream.ts';

const PAGE_BYTES = 4096;
/** net_iovs for what waits in sockets, besides those in rings. */
export const SPARE_NIOVS = 256;
const MIB = 2 ** 20;
/** A ring of the least size; a full one takes a page of its pool for each entry but one. */
const RING_ENTRIES = 512;
/** Frames in slots of any size; pages that nobody touches cost nothing. */
const SLOTS_AND_SCRATCH_BYTES = 96 * MIB;
/** Rings, skbs and send buffers. */
const BASE_RAM_BYTES = 12 * MIB;

/** What varies between runs. */
export interface FaultPairOptions {
  readonly seed: number;
  readonly cable: CableOptions;
  /** Rx queues that are bound, from 1 on. Default 1. */
  readonly bound?: number;
  /** Rx queues in all. Default: one more than are bound. */
  readonly queues?: number;
  /** net_iovs in all. Default: 256 besides those that full rings hold. */
  readonly niovs?: number;
  readonly exporter?: ExporterName;
  /** Of both hosts. Default `coherent`. */
  readonly dmaMode?: DmaMode;
  readonly hwGro?: boolean;
  readonly interruptModeration?: boolean;
  /** Of both hosts. Default 0. */
  readonly busDelayNs?: number;
  /** For memory that is bound later: as much RAM, bounce slots and device memory. */
  readonly spareBytes?: number;
}

/** A host with device memory and a peer, flows without a rule on queue 0. */
export function faultPair(options: FaultPairOptions): Pair {
  const { seed, cable, bound = 1, queues = bound + 1, exporter = 'device', dmaMode = 'coherent' } = options;
  const { hwGro = true, interruptModeration = false, busDelayNs = 0, spareBytes = 0 } = options;
  const bytes = (options.niovs ?? SPARE_NIOVS + bound * RING_ENTRIES) * PAGE_BYTES;
  // Twice: a ring is built before the one goes that it takes the place of.
  const rings = 2 * queues * RING_ENTRIES * PAGE_BYTES;
  const host = {
    queues,
    ringEntries: RING_ENTRIES,
    dmabuf: { bytes, exporter, queues: Array.from({ length: bound }, (_, i) => i + 1) },
    ramBytes: BASE_RAM_BYTES + rings + spareBytes + (exporter === 'udmabuf' ? 2 * bytes : 0),
    dmaMode,
    swiotlbBytes: rings + spareBytes + bytes,
    hwGro,
    interruptModeration,
    busDelayNs,
    addresses: [`${HOST}/24`, `${HOST6}/64`],
  };
  const peer = {
    ringEntries: RING_ENTRIES,
    ramBytes: BASE_RAM_BYTES + 2 * 2 * RING_ENTRIES * PAGE_BYTES,
    dmaMode,
    interruptModeration,
    busDelayNs,
    addresses: ['10.0.0.2/24', 'fd00::2/64'],
  };
  const memory = new LinearMemory(hostMemoryBytes(host) + hostMemoryBytes(peer) + spareBytes + SLOTS_AND_SCRATCH_BYTES);
  const pair = createPair({ seed, cable, host, peer, memory });
  pair.host.setRssEqual(1);
  return pair;
}
