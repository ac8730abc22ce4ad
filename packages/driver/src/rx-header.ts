import { Dissection, dissect, ethernet } from '@netmem/wire';
import { RX_PACKET_BYTES_MAX } from './settings.ts';

const dissection = new Dissection();

/** No packet is longer: lets lengths in a header point behind the bytes that are here. */
const ANY_LENGTH: number = RX_PACKET_BYTES_MAX;

/**
 * How much of a readable packet is header: what to pull into the linear part.
 *
 * @param at - Linear address of the Ethernet header.
 * @param length - Bytes of the packet that lie there.
 * @param whole - False: more buffers follow, and the lengths that its headers state are not all here.
 * @param room - Most that the linear part takes.
 * @returns at least an Ethernet header where there is one, at most `room` or `length`.
 * @kernel eth_get_headlen — net/ethernet/eth.c, 7.3
 */
export function headerBytesToPull(view: DataView, at: number, length: number, whole: boolean, room: number): number {
  dissect(view, at, whole ? length : ANY_LENGTH, dissection);
  const headers = Math.max(dissection.payloadAt - at, ethernet.HEADER_BYTES);
  return Math.min(headers, length, room);
}
