import type { Region } from '@netmem/region';
import type { Card } from './card.ts';

/** One command of the admin queue. */
export interface AdminCommand {
  readonly opcode: number;
  /** For logs. */
  readonly name: string;
  /**
   * Runs it. `at` is where the command's 64 bytes start in `view`; nothing in them can be trusted.
   *
   * @returns an ADMINQ_STATUS_*, never UNSET. A refused command has changed nothing.
   */
  run(card: Card, view: DataView, at: number): number;
}

/** Copies `length` bytes of the driver's memory to the start of `to`; false when the card cannot reach them. */
export function fetch(card: Card, address: number, to: Region, length: number): boolean {
  return length <= to.length && card.dma.read(address, to, 0, length) === length;
}

/** Copies the first `length` bytes of `from` to the driver's memory; false when the card cannot reach it. */
export function store(card: Card, address: number, from: Region, length: number): boolean {
  return card.dma.write(address, from, 0, length) === length;
}
