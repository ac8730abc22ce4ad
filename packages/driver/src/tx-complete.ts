import {
  TX_COMPLETION_DESC,
  TX_COMPLETION_DESC_BYTES,
  TX_COMPLETION_GENERATION,
  TX_COMPLETION_TYPE,
  TX_COMPLETION_TYPE_DESC,
  TX_COMPLETION_TYPE_PACKET,
  TX_COMPLETION_TYPE_REINJECTION,
  TX_COMPLETION_TYPE_SHIFT,
} from '@netmem/vnic/abi';
import { TX_CLEAN_BUDGET } from './settings.ts';
import { releaseTag, TX_STOP_SLOTS, type TxRing } from './tx-ring.ts';

/**
 * NAPI poll of one transmit queue: frees what the card has sent and wakes the queue when there is room again.
 *
 * @returns false when more is waiting than one poll does.
 */
export function pollTx(ring: TxRing): boolean {
  const { view } = ring;
  let done = 0;
  let more = false;
  for (;;) {
    const at = ring.completions.address + ring.completionHead * TX_COMPLETION_DESC_BYTES;
    const word = view.getUint16(at + TX_COMPLETION_DESC.id, true);
    const generation = (word & TX_COMPLETION_GENERATION) === 0 ? 0 : 1;
    if (generation !== ring.generation) break;
    if (done === TX_CLEAN_BUDGET) {
      more = true;
      break;
    }
    const type = (word >>> TX_COMPLETION_TYPE_SHIFT) & TX_COMPLETION_TYPE;
    const value = view.getUint16(at + TX_COMPLETION_DESC.completionTag, true);
    if (type === TX_COMPLETION_TYPE_DESC) ring.head = value & ring.mask;
    // A miss (type 1) says nothing yet: the packet is done when its re-injection is reported.
    else if (type === TX_COMPLETION_TYPE_PACKET || type === TX_COMPLETION_TYPE_REINJECTION) complete(ring, value);
    ring.completionHead = (ring.completionHead + 1) & ring.mask;
    if (ring.completionHead === 0) ring.generation ^= 1;
    ring.stats.completed++;
    done++;
  }
  if (ring.queue.stopped && ring.room >= TX_STOP_SLOTS && ring.freeTagCount > 0) {
    ring.stats.wake++;
    ring.queue.wake();
  }
  return !more;
}

function complete(ring: TxRing, tag: number): void {
  const skb = ring.packets[tag];
  // A tag that is not out is the card's mistake: there is nothing to free.
  if (skb === null || skb === undefined) return;
  releaseTag(ring, tag);
  skb.consume();
}
