import { checksumView, finishChecksum } from '@netmem/wire';
import { FRAME_NEEDS_CSUM, type FrameSlots } from './frame-slots.ts';

/**
 * Finishes the checksum of a frame with {@link FRAME_NEEDS_CSUM} in software, for an edge that cannot leave it to somebody else.
 * A frame without the flag is left alone.
 *
 * @returns false, with nothing changed, when the checksum's place lies outside the frame.
 * @kernel skb_checksum_help — net/core/dev.c, 7.3
 */
export function completeChecksum(slots: FrameSlots, slot: number): boolean {
  if ((slots.flags[slot] & FRAME_NEEDS_CSUM) === 0) return true;
  const start = slots.checksumStart[slot];
  const fieldAt = start + slots.checksumOffset[slot];
  if (fieldAt + 2 > slots.length[slot]) return false;
  const at = slots.address(slot);
  const finished = finishChecksum(checksumView(slots.region.view, at + start, slots.length[slot] - start));
  // 0 would mean "no checksum" in UDP; its other form is the same number to everybody else.
  slots.region.view.setUint16(at + fieldAt, finished === 0 ? 0xffff : finished);
  slots.flags[slot] &= ~FRAME_NEEDS_CSUM;
  return true;
}
