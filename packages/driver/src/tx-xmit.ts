import { DMA_MAPPING_ERROR, DMA_TO_DEVICE } from '@netmem/machine';
import { CHECKSUM_PARTIAL, NETDEV_TX_BUSY, NETDEV_TX_OK, type SkBuff } from '@netmem/netdev';
import {
  TX_BUF_SIZE_MAX,
  TX_DATA_DESCS_MAX,
  TX_DESC_BYTES,
  TX_PACKET_BYTES_MAX,
  TX_PACKET_BYTES_MIN,
  TX_PACKET_CHECKSUM_OFFLOAD_ENABLE,
  TX_PACKET_END_OF_PACKET,
  TX_PACKET_REPORT_EVENT,
} from '@netmem/vnic/abi';
import { TX_REPORT_EVENT_SLOTS } from './settings.ts';
import { writeGeneralContext, writePacketDescriptor, writeTsoContext } from './tx-descriptors.ts';
import { releaseTag, TX_BUFFERS_MAX, TX_CONTEXTS_MAX, TX_STOP_SLOTS, type TxRing } from './tx-ring.ts';
import { isSendableTso, removeLengthFromPseudoSum, tsoHeaderBytes } from './tx-tso.ts';

/**
 * ndo_start_xmit. Takes the packet, or answers NETDEV_TX_BUSY with the queue stopped: the core keeps the packet and tries again when a
 * completion wakes the queue. A packet that the card could not send is dropped and counted: one descriptor too many, and the card takes
 * the driver for malicious and stops the queue.
 */
export function xmit(ring: TxRing, skb: SkBuff): number {
  if (!makeSendable(ring, skb)) return drop(ring, skb);
  if (ring.room < countDescriptors(skb) + TX_CONTEXTS_MAX || ring.freeTagCount === 0) {
    stop(ring);
    return NETDEV_TX_BUSY;
  }
  const tag = ring.freeTags[--ring.freeTagCount];
  if (!mapBuffers(ring, skb, tag)) {
    releaseTag(ring, tag);
    ring.stats.dmaMappingErrors++;
    return drop(ring, skb);
  }
  ring.packets[tag] = skb;
  count(ring, skb);
  writeDescriptors(ring, skb, tag);
  ring.registers.ring(ring.doorbell, ring.tail);
  if (ring.room < TX_STOP_SLOTS || ring.freeTagCount === 0) stop(ring);
  return NETDEV_TX_OK;
}

function stop(ring: TxRing): void {
  if (ring.queue.stopped) return;
  ring.queue.stop();
  ring.stats.stop++;
}

function drop(ring: TxRing, skb: SkBuff): number {
  ring.stats.dropped++;
  skb.free();
  return NETDEV_TX_OK;
}

/** Whether the card's limits admit the packet, pulled together where that helps. */
function makeSendable(ring: TxRing, skb: SkBuff): boolean {
  if (skb.fragList !== null || skb.len < TX_PACKET_BYTES_MIN) return false;
  if (skb.gsoSize > 0) return skb.nrFrags < TX_BUFFERS_MAX && isSendableTso(ring.view, skb);
  if (skb.len > TX_PACKET_BYTES_MAX) return false;
  return countDescriptors(skb) <= TX_DATA_DESCS_MAX || skb.pullTail(skb.dataLen);
}

function countDescriptors(skb: SkBuff): number {
  let descriptors = Math.ceil(skb.headlen / TX_BUF_SIZE_MAX);
  for (let i = 0; i < skb.nrFrags; i++) descriptors += Math.ceil(skb.fragSize(i) / TX_BUF_SIZE_MAX);
  return descriptors;
}

function count(ring: TxRing, skb: SkBuff): void {
  const { stats } = ring;
  stats.packets++;
  stats.bytes += skb.len;
  if (skb.ipSummed === CHECKSUM_PARTIAL) stats.needsCsum++;
  else stats.csumNone++;
  if (skb.gsoSize === 0) return;
  const header = tsoHeaderBytes(ring.view, skb);
  const segments = Math.ceil((skb.len - header) / skb.gsoSize);
  stats.gsoPackets++;
  stats.gsoBytes += skb.len;
  stats.gsoWirePackets += segments;
  stats.gsoWireBytes += skb.len + (segments - 1) * header;
}

/** Maps the linear part and every fragment, and notes what to unmap. False: something could not be mapped, and what was stays noted. */
function mapBuffers(ring: TxRing, skb: SkBuff, tag: number): boolean {
  const { dma, netmem, unmapAddress, unmapLength } = ring;
  let at = tag * TX_BUFFERS_MAX;
  ring.bufferCount[tag] = 0;
  if (skb.headlen > 0) {
    const iova = dma.mapPage(skb.data, skb.headlen, DMA_TO_DEVICE);
    if (iova === DMA_MAPPING_ERROR) return false;
    ring.descriptorAddress[0] = iova;
    unmapAddress[at] = iova;
    unmapLength[at++] = skb.headlen;
    ring.bufferCount[tag] = 1;
  }
  for (let i = 0; i < skb.nrFrags; i++) {
    // TX-2: this driver does not declare netmemTx, so the core lets no unreadable packet through; one that comes is refused here.
    const address = skb.fragAddress(i);
    const size = skb.fragSize(i);
    const iova = address === null ? DMA_MAPPING_ERROR : dma.mapPage(address, size, DMA_TO_DEVICE);
    if (iova === DMA_MAPPING_ERROR) return false;
    ring.descriptorAddress[ring.bufferCount[tag]] = iova;
    netmem.dmaUnmapAddrSet(skb.fragRef(i), unmapAddress, at, iova);
    unmapLength[at++] = size;
    ring.bufferCount[tag] = ring.bufferCount[tag] + 1;
  }
  return true;
}

/** Contexts, then one descriptor per buffer. The card sees nothing of it before the doorbell. */
function writeDescriptors(ring: TxRing, skb: SkBuff, tag: number): void {
  const { view, mask } = ring;
  const start = ring.tail;
  let flags = skb.ipSummed === CHECKSUM_PARTIAL ? TX_PACKET_CHECKSUM_OFFLOAD_ENABLE : 0;
  if (skb.gsoSize > 0) {
    const header = tsoHeaderBytes(view, skb);
    removeLengthFromPseudoSum(view, skb);
    writeTsoContext(view, slotAt(ring), skb.len - header, skb.gsoSize, header);
    ring.tail = (ring.tail + 1) & mask;
    flags = TX_PACKET_CHECKSUM_OFFLOAD_ENABLE;
  }
  writeGeneralContext(view, slotAt(ring), skb.hash, skb.l4Hash);
  ring.tail = (ring.tail + 1) & mask;

  const base = tag * TX_BUFFERS_MAX;
  const buffers = ring.bufferCount[tag];
  for (let i = 0; i < buffers; i++) {
    const address = ring.descriptorAddress[i];
    const length = ring.unmapLength[base + i];
    for (let done = 0; done < length; done += TX_BUF_SIZE_MAX) {
      const at = slotAt(ring);
      const size = Math.min(TX_BUF_SIZE_MAX, length - done);
      ring.tail = (ring.tail + 1) & mask;
      const isLast = i === buffers - 1 && done + size === length;
      writePacketDescriptor(view, at, address + done, size, tag, isLast ? flags | lastFlags(ring) : flags);
    }
  }
  ring.stats.posted += (ring.tail - start) & mask;
}

/** The card frees slots only where it is asked to, and asking costs a completion: every 32 slots is often enough. */
function lastFlags(ring: TxRing): number {
  if (((ring.tail - ring.reportedTail) & ring.mask) < TX_REPORT_EVENT_SLOTS) return TX_PACKET_END_OF_PACKET;
  ring.reportedTail = ring.tail;
  return TX_PACKET_END_OF_PACKET | TX_PACKET_REPORT_EVENT;
}

function slotAt(ring: TxRing): number {
  return ring.slots.address + ring.tail * TX_DESC_BYTES;
}
