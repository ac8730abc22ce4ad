import { type Dissection, L4_TCP, L4_UDP } from '@netmem/wire';

/**
 * Bytes of headers that go to the header buffer: everything up to and including the TCP or UDP header, also when nothing
 * follows it. An empty SYN must be split like any other segment: on a queue of device memory Linux drops what is whole,
 * and the connection would hang.
 *
 * @returns 0 for a packet that stays whole: no TCP or UDP, a fragment, or malformed (`dissect` knows no layer 4 then).
 */
export function splitLength(frame: Dissection, at: number): number {
  return frame.l4 === L4_TCP || frame.l4 === L4_UDP ? frame.payloadAt - at : 0;
}
