/** What the card did, in a dozen numbers. */
import type { VfioUserStats } from '@netmem/vfio-user';
import type { NicStats } from '@netmem/vnic';

/** Sums over its queues. */
export interface CardFigures {
  readonly rx_packets: number;
  readonly rx_split: number;
  readonly rx_merged: number;
  readonly rx_dropped: number;
  readonly tx_packets: number;
  readonly tx_frames: number;
  readonly commands: number;
  readonly commands_refused: number;
  /** Queues stopped for what the driver asked of them. */
  readonly faults: number;
  readonly resets: number;
  readonly iommu_faults: number;
  readonly interrupts: number;
}

/** A card that nobody has touched. */
export const UNTOUCHED: CardFigures = {
  rx_packets: 0,
  rx_split: 0,
  rx_merged: 0,
  rx_dropped: 0,
  tx_packets: 0,
  tx_frames: 0,
  commands: 0,
  commands_refused: 0,
  faults: 0,
  resets: 0,
  iommu_faults: 0,
  interrupts: 0,
};

function sum<T>(of: readonly T[], value: (one: T) => number): number {
  return of.reduce((total, one) => total + value(one), 0);
}

/** Reads a card and the server that offers it. */
export function cardFigures({ rx, tx, device }: NicStats, server: VfioUserStats): CardFigures {
  return {
    rx_packets: sum(rx, (queue) => queue.packets),
    rx_split: sum(rx, (queue) => queue.split),
    rx_merged: sum(rx, (queue) => queue.rscPackets),
    rx_dropped: sum(rx, (queue) => queue.dropped),
    tx_packets: sum(tx, (queue) => queue.packets),
    tx_frames: sum(tx, (queue) => queue.frames),
    commands: device.commands,
    commands_refused: device.commandsRefused,
    faults: device.faults,
    resets: device.resets,
    iommu_faults: server.dmaFaults,
    interrupts: server.interrupts,
  };
}

/** What was counted between two readings. */
export function subtractFigures<T extends object>(now: T, before: T): T {
  const entries = Object.entries(now).map(([name, value]) => [name, value - (before as Record<string, number>)[name]!]);
  return Object.fromEntries(entries) as T;
}
