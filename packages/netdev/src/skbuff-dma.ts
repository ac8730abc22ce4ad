import type { DmaDevice } from '@netmem/machine';
import { NET_IOV } from '@netmem/netmem';
import type { SkBuff } from './skbuff.ts';

/**
 * Bus address at which a device can read `length` bytes of fragment `i` from its byte `offset`: a page is mapped, memory of a net_iov is mapped
 * already and must never be unmapped by a driver. Record it with `netmem.dmaUnmapAddrSet` and undo it with `netmem.dmaUnmapPageAttrs`, which know
 * the difference (driver rule TX-1).
 *
 * @returns DMA_MAPPING_ERROR (-1) when mapping fails.
 * @kernel skb_frag_dma_map — include/linux/skbuff.h, 7.3
 */
export function skbFragDmaMap(
  device: DmaDevice,
  skb: SkBuff,
  i: number,
  offset: number,
  length: number,
  direction: number,
): number {
  const ref = skb.fragRef(i);
  const at = skb.fragOffset(i) + offset;
  const netmem = skb.pool.netmem;
  if ((ref & NET_IOV) !== 0) return netmem.getDmaAddr(ref) + at;
  return device.mapPage(netmem.pageAddress(netmem.toPage(ref)) + at, length, direction);
}
