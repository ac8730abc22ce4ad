import { DMA_MAPPING_ERROR, DMA_TO_DEVICE } from '@netmem/machine';
import { type Region, regionOf } from '@netmem/region';
import { checksumBytes, finishChecksum } from '@netmem/wire';
import { CHECKSUM_PARTIAL, MAX_SKB_FRAGS } from '../skb-constants.ts';
import type { SkBuff } from '../skbuff.ts';
import { skbFragDmaMap } from '../skbuff-dma.ts';
import type { PacketDriver } from './packet-driver.ts';

/** Longest frame that a device takes, aggregates included. */
const MAX_FRAME_BYTES = 65536 + 128;

/** The transmit half: what a device reads of a packet through its DMA mappings. */
export class PacketTransmit {
  readonly #driver: PacketDriver;
  readonly #frame: Region = regionOf(new Uint8Array(MAX_FRAME_BYTES));
  // Bus addresses to undo. Not the addresses that were mapped: those of net_iovs are kept as 0 (driver rule TX-1).
  readonly #unmap: Float64Array = new Float64Array(MAX_SKB_FRAGS + 1);

  constructor(driver: PacketDriver) {
    this.#driver = driver;
  }

  /** @returns the frame, or null when a mapping failed or the packet is too long. */
  read(skb: SkBuff): Uint8Array | null {
    let at = this.#linear(skb, 0);
    for (let i = 0; at >= 0 && i < skb.nrFrags; i++) at = this.#frag(skb, i, at);
    for (let member = skb.fragList; at >= 0 && member !== null; member = member.next) {
      at = this.#linear(member, at);
      for (let i = 0; at >= 0 && i < member.nrFrags; i++) at = this.#frag(member, i, at);
    }
    if (at < 0) return null;
    const bytes = this.#frame.bytes.slice(0, at);
    if (skb.ipSummed === CHECKSUM_PARTIAL) sum(bytes, skb.csumStart - skb.data, skb.csumOffset);
    return bytes;
  }

  #linear(skb: SkBuff, at: number): number {
    const length = skb.headlen;
    if (length === 0) return at;
    if (at + length > MAX_FRAME_BYTES) return -1;
    const { device } = this.#driver;
    const iova = device.mapPage(skb.data, length, DMA_TO_DEVICE);
    if (iova === DMA_MAPPING_ERROR) return -1;
    const moved = device.window.read(iova, this.#frame, at, length);
    device.unmapPage(iova, length, DMA_TO_DEVICE);
    return moved < 0 ? -1 : at + length;
  }

  #frag(skb: SkBuff, i: number, at: number): number {
    const size = skb.fragSize(i);
    if (at + size > MAX_FRAME_BYTES) return -1;
    const { device, network } = this.#driver;
    const iova = skbFragDmaMap(device, skb, i, 0, size, DMA_TO_DEVICE);
    if (iova === DMA_MAPPING_ERROR) return -1;
    network.netmem.dmaUnmapAddrSet(skb.fragRef(i), this.#unmap, i, iova);
    const moved = device.window.read(iova, this.#frame, at, size);
    network.netmem.dmaUnmapPageAttrs(device, this.#unmap[i], size, DMA_TO_DEVICE);
    return moved < 0 ? -1 : at + size;
  }
}

// What a device does for NETIF_F_HW_CSUM.
function sum(bytes: Uint8Array, start: number, offset: number): void {
  const value = finishChecksum(checksumBytes(bytes, start, bytes.length - start)) || 0xffff;
  bytes[start + offset] = value >>> 8;
  bytes[start + offset + 1] = value & 0xff;
}
