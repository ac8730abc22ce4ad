import { Dissection, dissect, ethernet } from '@netmem/wire';

const dissection = new Dissection();

/**
 * How much of a readable packet is header: what to pull into the linear part.
 *
 * @param at - Linear address of the Ethernet header. @param length - Bytes of the packet that lie there.
 * @param room - Most that the linear part takes.
 * @returns at least an Ethernet header where there is one, at most `room` or `length`.
 * @kernel eth_get_headlen — net/ethernet/eth.c, 7.3
 */
export function headerBytesToPull(view: DataView, at: number, length: number, room: number): number {
  dissect(view, at, length, dissection);
  const headers = Math.max(dissection.payloadAt - at, ethernet.HEADER_BYTES);
  return Math.min(headers, length, room);
}
