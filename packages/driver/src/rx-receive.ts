import { PAGE_SIZE } from '@netmem/machine';
import { ethTypeTrans, MAX_SKB_FRAGS, type SkBuff } from '@netmem/netdev';
import type { NetmemRef } from '@netmem/netmem';
import {
  RX_COMPLETION_DESC,
  RX_COMPLETION_DESC_BYTES,
  RX_COMPLETION_END_OF_PACKET,
  RX_COMPLETION_GENERATION,
  RX_COMPLETION_HEADER_BUFFER_OVERFLOW,
  RX_COMPLETION_HEADER_LEN,
  RX_COMPLETION_PACKET_LEN,
  RX_COMPLETION_RSC,
  RX_COMPLETION_RX_ERROR,
  RX_COMPLETION_SPLIT_HEADER,
} from '@netmem/vnic/abi';
import { headerBytesToPull } from './rx-header.ts';
import { refillRx } from './rx-refill.ts';
import type { RxRing } from './rx-ring.ts';
import { reportChecksum, reportHash, reportMerged, reportTimestamp } from './rx-verdict.ts';
import { RX_PACKET_BYTES_MAX } from './settings.ts';

// Linear addresses fit 31 bits; an skb's own linear area is small, so a copy into it is bounded by its tailroom.

/**
 * NAPI poll of one receive queue: hands up to `budget` packets to the stack and posts buffers again. Runs in the queue's NAPI only, which is
 * what makes direct recycling legal (I-3). Allocates nothing but skbs from their pool.
 *
 * @returns packets seen; less than `budget` means that the ring is empty.
 */
export function pollRx(ring: RxRing, budget: number): number {
  const { view } = ring;
  let packets = 0;
  while (packets < budget) {
    const at = ring.completions.address + ring.completionHead * RX_COMPLETION_DESC_BYTES;
    const lengthWord = view.getUint16(at + RX_COMPLETION_DESC.packetLen, true);
    const generation = (lengthWord & RX_COMPLETION_GENERATION) === 0 ? 0 : 1;
    if (generation !== ring.generation) break;
    if (receiveBuffer(ring, at, lengthWord & RX_COMPLETION_PACKET_LEN)) packets++;
    ring.completionHead = (ring.completionHead + 1) & ring.mask;
    if (ring.completionHead === 0) ring.generation ^= 1;
    ring.stats.completed++;
  }
  refillRx(ring);
  return packets;
}

/** One completion, that is one buffer of a packet. True when it ended a packet. */
function receiveBuffer(ring: RxRing, at: number, length: number): boolean {
  const { view } = ring;
  const id = view.getUint16(at + RX_COMPLETION_DESC.bufId, true);
  const end = (view.getUint8(at + RX_COMPLETION_DESC.endOfPacket) & RX_COMPLETION_END_OF_PACKET) !== 0;
  const ref = (id < ring.entries ? ring.posted[id] : 0) as NetmemRef;
  if (ref === 0) {
    // Nothing of ours was posted under that number: there is no buffer to give back.
    ring.stats.descErrDropped++;
    dropPacket(ring);
  } else {
    ring.posted[id] = 0;
    ring.freeIds[ring.freeCount++] = id;
    ring.visible--;
    const bad = (view.getUint8(at + RX_COMPLETION_DESC.rxError) & RX_COMPLETION_RX_ERROR) !== 0;
    const endless = ring.skbHead !== null && ring.skbHead.len + length > RX_PACKET_BYTES_MAX;
    if (bad || endless || length > ring.bufferBytes) {
      ring.stats.descErrDropped++;
      dropPacket(ring);
    }
    if (ring.skipping) recycle(ring, ref);
    else takeBuffer(ring, at, id, ref, length, end);
  }
  if (!end) return false;
  if (ring.skipping) ring.skipping = false;
  else if (ring.skbHead !== null) deliver(ring, at);
  return true;
}

/** Moves a buffer into the current packet, or copies it and gives it back. Consumes `ref`. */
function takeBuffer(ring: RxRing, at: number, id: number, ref: NetmemRef, length: number, end: boolean): void {
  const { stats, netmem } = ring;
  const headerWord = ring.view.getUint16(at + RX_COMPLETION_DESC.headerLen, true);
  const split = (headerWord & RX_COMPLETION_SPLIT_HEADER) !== 0;
  if (ring.skbHead !== null) {
    stats.continuationBuffers++;
    appendFragment(ring, ref, length);
    return;
  }
  if (split && isSplit(ring, at, headerWord)) {
    const headerLength = headerWord & RX_COMPLETION_HEADER_LEN;
    if (!startWithHeader(ring, id, headerLength)) {
      recycle(ring, ref);
      return;
    }
    stats.hsplitPackets++;
    stats.hsplitBytes += headerLength;
    appendFragment(ring, ref, length);
    return;
  }
  if (split) stats.unsplitPackets++;
  // RX-5: an address of null means that no CPU can read the header that is in there. What kind of memory it is does not matter (RX-5b).
  const address = netmem.address(ref);
  if (address === null) {
    stats.unreadableHeaderDropped++;
    recycle(ring, ref);
    ring.skipping = true;
    return;
  }
  const skb = allocSkb(ring);
  if (skb === null) {
    recycle(ring, ref);
    return;
  }
  // RX-6: the pool's helper, which adds the pool's own offset and knows whether there is anything to sync.
  ring.pool.dmaSyncNetmemForCpu(ref, 0, length);
  const data = address + ring.pool.params.offset;
  if (end && length <= ring.copybreak && length <= skb.tailroom) {
    copyIn(ring, skb, data, length);
    stats.copybreakPackets++;
    recycle(ring, ref);
    return;
  }
  // The stack wants headers in the linear part; payload stays in its page, where it can be merged.
  const headers = headerBytesToPull(ring.view, data, length, end, skb.tailroom);
  skb.addRxFragNetmem(ref, ring.pool.params.offset, length, PAGE_SIZE);
  skb.pullTail(headers);
}

/** Whether the card really put the header into its header buffer; a header that did not fit is in front of the payload. */
function isSplit(ring: RxRing, at: number, headerWord: number): boolean {
  const overflow =
    ring.view.getUint8(at + RX_COMPLETION_DESC.headerBufferOverflow) & RX_COMPLETION_HEADER_BUFFER_OVERFLOW;
  const length = headerWord & RX_COMPLETION_HEADER_LEN;
  return overflow === 0 && length > 0 && length <= ring.headerBytes;
}

/** Copies header `id` out of the header array, which the card may overwrite as soon as the id is posted again. */
function startWithHeader(ring: RxRing, id: number, length: number): boolean {
  const skb = allocSkb(ring);
  if (skb === null || ring.headers === null) return false;
  if (length > skb.tailroom) {
    ring.stats.descErrDropped++;
    dropPacket(ring);
    return false;
  }
  copyIn(ring, skb, ring.headers.address + id * ring.headerBytes, length);
  return true;
}

/** Starts a packet. Null: none left, and the rest of the packet is skipped. */
function allocSkb(ring: RxRing): SkBuff | null {
  const skb = ring.network.skbs.alloc(ring.netdev);
  if (skb === null) {
    ring.stats.skbAllocFail++;
    dropPacket(ring);
    return null;
  }
  // I-1: its fragments are pool memory and go back to their pool when it is freed.
  skb.markForRecycle();
  ring.skbHead = skb;
  ring.skbTail = skb;
  return skb;
}

function copyIn(ring: RxRing, skb: SkBuff, from: number, length: number): void {
  ring.move(skb.put(length), from, length);
}

/**
 * Attaches a payload buffer: ownership moves to the skb, no reference is taken (I-2). The 18th fragment starts an skb on the frag list.
 */
function appendFragment(ring: RxRing, ref: NetmemRef, length: number): void {
  if (length === 0) {
    // The whole packet was header: a pure ACK, say.
    recycle(ring, ref);
    return;
  }
  const head = ring.skbHead as SkBuff;
  let tail = ring.skbTail as SkBuff;
  if (tail.nrFrags === MAX_SKB_FRAGS) {
    const next = ring.network.skbs.alloc(ring.netdev);
    if (next === null) {
      ring.stats.skbAllocFail++;
      recycle(ring, ref);
      dropPacket(ring);
      return;
    }
    next.markForRecycle();
    if (tail === head) head.fragList = next;
    else tail.next = next;
    ring.stats.fragLists++;
    ring.skbTail = next;
    tail = next;
    head.truesize += next.truesize;
  }
  ring.pool.dmaSyncNetmemForCpu(ref, 0, length);
  tail.addRxFragNetmem(ref, ring.pool.params.offset, length, PAGE_SIZE);
  if (tail !== head) {
    head.len += length;
    head.dataLen += length;
    head.truesize += PAGE_SIZE;
  }
}

/** The last buffer arrived: what the card says about the packet goes on the skb, and the skb goes up. */
function deliver(ring: RxRing, at: number): void {
  const skb = ring.skbHead as SkBuff;
  ring.skbHead = null;
  ring.skbTail = null;
  ring.stats.packets++;
  ring.stats.bytes += skb.len;
  skb.rxQueue = ring.index;
  reportHash(ring, skb, at);
  reportChecksum(ring, skb, at);
  if (ring.clock.stampAll) reportTimestamp(ring, skb, at);
  const merged = (ring.view.getUint16(at + RX_COMPLETION_DESC.headerLen, true) & RX_COMPLETION_RSC) !== 0;
  if (merged && !reportMerged(ring, skb, at)) {
    ring.stats.descErrDropped++;
    skb.free();
    return;
  }
  const protocol = ethTypeTrans(skb, ring.netdev);
  if (protocol === 0) {
    ring.stats.descErrDropped++;
    skb.free();
    return;
  }
  skb.protocol = protocol;
  ring.napi.groReceive(skb);
}

/**
 * Gives a buffer back at once. RX-1b: a buffer is posted, in a packet, or in its pool; none is kept aside, and nobody looks at reference
 * counts to see whether it is free. I-4: the pool is the one that the netmem names. I-3: direct, because we are its NAPI.
 */
function recycle(ring: RxRing, ref: NetmemRef): void {
  ring.netmem.pool(ref)?.putFullNetmem(ref, true);
}

/** Throws away what was gathered of the current packet, and what is still to come of it. */
function dropPacket(ring: RxRing): void {
  ring.skbHead?.free();
  ring.skbHead = null;
  ring.skbTail = null;
  ring.skipping = true;
}
