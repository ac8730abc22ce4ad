import {
  type Dissection,
  finishChecksum,
  foldChecksum,
  type InternetChecksum,
  ipv4,
  ipv6,
  L3_IPV4,
  L4_TCP,
  L4_UDP,
  pseudoHeaderSum4,
  pseudoHeaderSum6,
  tcp,
  udp,
} from '@netmem/wire';

/**
 * Makes the TCP or UDP checksum of a frame from scratch, whatever its field says: descriptors carry no offsets, so the card
 * parses, and drivers leave pseudo-header sums with and without a length there.
 *
 * @returns false, with nothing changed, when the frame is neither, a fragment or malformed.
 */
export function fillChecksum(view: DataView, frame: Dissection, checksum: InternetChecksum): boolean {
  if (frame.l4 === L4_TCP) {
    const length = frame.l4Length;
    view.setUint16(frame.l4At + tcp.CHECKSUM_AT, 0);
    const sum = checksum.sum(frame.l4At, length, pseudoHeaderSum(view, frame, length));
    view.setUint16(frame.l4At + tcp.CHECKSUM_AT, finishChecksum(sum));
    return true;
  }
  if (frame.l4 === L4_UDP) {
    const length = udp.length(view, frame.l4At);
    view.setUint16(frame.l4At + udp.CHECKSUM_AT, 0);
    const sum = checksum.sum(frame.l4At, length, pseudoHeaderSum(view, frame, length));
    udp.setChecksum(view, frame.l4At, finishChecksum(sum));
    return true;
  }
  return false;
}

/** Leaves the checksum of a TCP frame to others: its field gets the sum of the pseudo header alone. */
export function writePartialChecksum(view: DataView, frame: Dissection): void {
  view.setUint16(frame.l4At + tcp.CHECKSUM_AT, foldChecksum(pseudoHeaderSum(view, frame, frame.l4Length)));
}

function pseudoHeaderSum(view: DataView, frame: Dissection, length: number): number {
  const at = frame.l3At;
  return frame.l3 === L3_IPV4
    ? pseudoHeaderSum4(view, at + ipv4.SOURCE_AT, at + ipv4.DESTINATION_AT, frame.l4Protocol, length)
    : pseudoHeaderSum6(view, at + ipv6.SOURCE_AT, at + ipv6.DESTINATION_AT, frame.l4Protocol, length);
}
