/** Captures made beside offloading cards hold checksums that nobody has finished yet. */
import { checksumView, finishChecksum, ipv4, pseudoHeaderSum4, tcp } from '@netmem/wire';
import type { TcpSegment } from './tcp-segment.ts';

const PROTOCOL_TCP = 6;

/**
 * Finishes the checksum of the segment that `segment` read from `view`, when only the pseudo header is summed, as a stack leaves it to a card. One
 * that is right or wrong stays as it is.
 *
 * @returns whether the checksum is right now.
 */
export function finishTcpChecksum(view: DataView, segment: TcpSegment): boolean {
  const { l3At, l4At, l4Length } = segment.frame;
  const pseudo = pseudoHeaderSum4(view, l3At + ipv4.SOURCE_AT, l3At + ipv4.DESTINATION_AT, PROTOCOL_TCP, l4Length);
  const sum = checksumView(view, l4At, l4Length);
  if (finishChecksum(sum + pseudo) === 0) return true;
  if (tcp.checksum(view, l4At) !== pseudo) return false;
  // The field holds the pseudo header's sum, so it is part of the sum already.
  tcp.setChecksum(view, l4At, finishChecksum(sum));
  return true;
}
