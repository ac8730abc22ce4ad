import {
  type Dissection,
  INTACT,
  type InternetChecksum,
  ipv4,
  ipv6,
  L3_IPV4,
  L4_ICMP,
  L4_TCP,
  L4_UDP,
  pseudoHeaderSum4,
  pseudoHeaderSum6,
  udp,
} from '@netmem/wire';
import { RX_COMPLETION_CSUM_IP_ERR, RX_COMPLETION_CSUM_L4_ERR, RX_COMPLETION_L3_L4_PROCESSED } from './abi/index.ts';
import { UDP6_ZERO_CHECKSUM_IS_ERROR } from './choices.ts';

/** Any of these in the result: the packet is damaged. */
export const CHECKSUM_ERRORS: number = RX_COMPLETION_CSUM_IP_ERR | RX_COMPLETION_CSUM_L4_ERR;

/**
 * Checks a frame's checksums.
 *
 * @param vouched - Layer 4 is known to be good (FRAME_DATA_VALID) or not yet filled in (FRAME_NEEDS_CSUM): it never crossed
 *   a wire, so it is not summed.
 * @returns bits of the completion's status: l3_l4_processed when layer 4 was checked, and the errors found. 0 when the card
 *   has nothing to say: no IP, a fragment, SCTP (a CRC), an unknown protocol.
 */
export function checkChecksums(
  view: DataView,
  frame: Dissection,
  checksum: InternetChecksum,
  vouched: boolean,
): number {
  const four = frame.l3 === L3_IPV4;
  let bits = 0;
  // A header whose lengths are wrong has no checksum to speak of: dissect leaves the protocol at -1 then.
  if (four && frame.l4Protocol >= 0 && !ipv4.isHeaderIntact(view, frame.l3At)) {
    bits = RX_COMPLETION_CSUM_IP_ERR;
  }
  const l4 = frame.l4;
  if (l4 !== L4_TCP && l4 !== L4_UDP && l4 !== L4_ICMP) return bits;
  bits |= RX_COMPLETION_L3_L4_PROCESSED;
  if (vouched) return bits;
  let length = frame.l4Length;
  if (l4 === L4_UDP) {
    if (udp.checksum(view, frame.l4At) === 0) {
      return four || !UDP6_ZERO_CHECKSUM_IS_ERROR ? bits : bits | RX_COMPLETION_CSUM_L4_ERR;
    }
    length = udp.length(view, frame.l4At);
  }
  let pseudo = 0;
  if (!four) {
    const at = frame.l3At;
    pseudo = pseudoHeaderSum6(view, at + ipv6.SOURCE_AT, at + ipv6.DESTINATION_AT, frame.l4Protocol, length);
  } else if (l4 !== L4_ICMP) {
    const at = frame.l3At;
    pseudo = pseudoHeaderSum4(view, at + ipv4.SOURCE_AT, at + ipv4.DESTINATION_AT, frame.l4Protocol, length);
  }
  return checksum.sum(frame.l4At, length, pseudo) === INTACT ? bits : bits | RX_COMPLETION_CSUM_L4_ERR;
}
