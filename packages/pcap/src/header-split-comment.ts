import { type FrameSlots, GSO_NONE } from '@netmem/link';
import { Dissection, dissect } from '@netmem/wire';

/**
 * A comment for {@link capturePort}: the queue, where a card that splits headers from payload would split, and the segment size of a
 * frame that is to be cut: `queue 1, headers 66, payload 2896, gso 1448`. A frame in which no payload can be told from headers is
 * `not split`.
 */
export function commentHeaderSplit(_direction: number, slots: FrameSlots, slot: number): string {
  const frame = new Dissection();
  const at = slots.address(slot);
  const length = slots.length[slot];
  dissect(slots.region.view, at, length, frame);
  const hasPayload = frame.l4Protocol >= 0 && !frame.malformed && !frame.fragment && frame.payloadAt > at;
  const payload = hasPayload ? frame.l4At + frame.l4Length - frame.payloadAt : 0;
  const split = payload > 0 ? `headers ${frame.payloadAt - at}, payload ${payload}` : 'not split';
  const gso = slots.gsoType[slot] === GSO_NONE ? '' : `, gso ${slots.gsoSize[slot]}`;
  return `queue ${slots.queue[slot]}, ${split}${gso}`;
}
