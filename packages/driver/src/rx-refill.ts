import { RX_BUFFER_DESC, RX_BUFFER_DESC_BYTES, writeU64le } from '@netmem/vnic/abi';
import type { RxRing } from './rx-ring.ts';
import { RX_STARVATION_NS } from './settings.ts';

/**
 * Posts buffers until the ring is full or the pool is empty, and tells the card.
 *
 * I-6: an empty pool is a normal event. A slot that could not be filled stays free and is tried again on the next poll; a provider's memory
 * comes back when its user returns it, which no interrupt announces, so a ring that the card is about to find dry also starts a timer.
 */
export function refillRx(ring: RxRing): void {
  const { view, mask, pool } = ring;
  let empty = false;
  // One slot stays free: head equal to tail means empty.
  while (ring.freeCount > 1) {
    const ref = pool.allocNetmems();
    if (ref === 0) {
      ring.stats.bufAllocFail++;
      empty = true;
      break;
    }
    const id = ring.freeIds[--ring.freeCount];
    ring.posted[id] = ref;
    const at = ring.buffers.address + ring.tail * RX_BUFFER_DESC_BYTES;
    view.setUint16(at + RX_BUFFER_DESC.bufId, id, true);
    // RX-3: the address comes from the pool's netmem helper; nothing here asks what kind of memory it is.
    writeU64le(view, at + RX_BUFFER_DESC.bufAddr, pool.getDmaAddrNetmem(ref) + pool.params.offset);
    // By id, not by position: completions need not come in ring order.
    if (ring.headers !== null)
      writeU64le(view, at + RX_BUFFER_DESC.headerBufAddr, ring.headers.iova + id * ring.headerBytes);
    ring.tail = (ring.tail + 1) & mask;
    ring.stats.posted++;
  }
  announce(ring, empty);
  if (empty && ring.visible < ring.threshold) {
    if (!ring.starvation.pending) ring.starvation.mod(ring.network.machine.clock.nowNs + RX_STARVATION_NS);
  } else if (ring.starvation.pending) {
    ring.starvation.del();
  }
}

/**
 * Rings the doorbell in whole steps of `threshold` buffers, as the card prefers. Only when the pool is empty and the card has less than a
 * step left does it get an odd one: a binding of fewer buffers than a step would otherwise never receive anything.
 */
function announce(ring: RxRing, empty: boolean): void {
  const waiting = (ring.tail - ring.announced) & ring.mask;
  let step = Math.max(0, waiting - (ring.tail & (ring.threshold - 1)));
  if (empty && ring.visible + step < ring.threshold) step = waiting;
  if (step === 0) return;
  ring.announced = (ring.announced + step) & ring.mask;
  ring.visible += step;
  ring.registers.ring(ring.doorbell, ring.announced);
}
