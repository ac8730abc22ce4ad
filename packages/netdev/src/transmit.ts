// What the core does to a packet before a driver sees it.

import { NET_IOV_DMABUF } from '@netmem/netmem';
import { EINVAL } from '@netmem/uapi';
import { NETIF_F, NETIF_F_CSUM_MASK } from './features.ts';
import type { NetDevice } from './netdevice.ts';
import type { GroOffload } from './protocols.ts';
import {
  CHECKSUM_PARTIAL,
  NET_XMIT_SUCCESS,
  SKB_DROP_REASON,
  SKB_GSO_TCPV4,
  SKB_GSO_TCPV6,
  SKB_GSO_UDP_L4,
} from './skb-constants.ts';
import type { SkBuff } from './skbuff.ts';

/**
 * What a net_iov's owner carries besides netmem's contract so that its memory can be sent: the device that the memory is mapped for.
 *
 * @kernel struct net_devmem_dmabuf_binding — net/core/devmem.h, 7.3
 */
export interface DevmemOwner {
  /** Null once that device is gone. */
  readonly dev: NetDevice | null;
}

/**
 * Whether `dev` may see the packet: readable ones always; unreadable ones when the driver declares `netmemTx` and, for dmabuf memory, the binding
 * is for this very device.
 *
 * @kernel validate_xmit_unreadable_skb — net/core/dev.c, 7.3
 */
export function mayTransmit(skb: SkBuff, dev: NetDevice): boolean {
  if (!skb.unreadable) return true;
  if (!dev.netmemTx) return false;
  if (skb.nrFrags === 0) return true;
  const netmem = skb.pool.netmem;
  const ref = skb.fragRef(0);
  if (!netmem.isNetIov(ref)) return true;
  const area = netmem.area(netmem.toNetIov(ref));
  return area.type !== NET_IOV_DMABUF || (area.owner as Partial<DevmemOwner>).dev === dev;
}

/** Segmentation that a device must be able to do for a packet. */
function neededGso(skb: SkBuff): number {
  if (skb.gsoType & SKB_GSO_TCPV6) return NETIF_F.TSO6;
  if (skb.gsoType & SKB_GSO_TCPV4) return NETIF_F.TSO;
  return skb.gsoType & SKB_GSO_UDP_L4 ? NETIF_F.GSO_UDP_L4 : -1;
}

/**
 * Checks a packet, cuts it and sums it as far as the device cannot, and hands each piece to its transmit queue. Owns `skb`; what fails is dropped and counted.
 *
 * @returns the answer of the last piece, or NET_XMIT_SUCCESS when the packet was dropped here: its sender is not told, as in the kernel.
 * @kernel validate_xmit_skb — net/core/dev.c, 7.3
 */
export function validateAndSend(skb: SkBuff, dev: NetDevice, offload: GroOffload | null): number {
  if (!mayTransmit(skb, dev)) return drop(skb, dev, SKB_DROP_REASON.UNREADABLE_TX);
  if (skb.gsoSize === 0 || (dev.features & neededGso(skb)) === neededGso(skb)) return sumAndSend(skb, dev);
  const segments = offload?.gsoSegment?.(skb, dev.features) ?? null;
  if (segments === null) return drop(skb, dev, SKB_DROP_REASON.SKB_GSO_SEG);
  let answer: number = NET_XMIT_SUCCESS;
  for (let segment: SkBuff | null = segments; segment !== null; ) {
    const next: SkBuff | null = segment.next;
    segment.next = null;
    answer = sumAndSend(segment, dev);
    segment = next;
  }
  return answer;
}

function sumAndSend(skb: SkBuff, dev: NetDevice): number {
  // One transmit checksum feature stands for all: which protocol's it is, is between stack and driver.
  if (skb.ipSummed === CHECKSUM_PARTIAL && (dev.features & NETIF_F_CSUM_MASK) === 0) {
    const error = skb.gsoSize !== 0 ? -EINVAL : skb.checksumHelp();
    if (error < 0) return drop(skb, dev, SKB_DROP_REASON.SKB_CSUM);
  }
  return dev.txQueues[pickTxQueue(skb, dev)].xmit(skb);
}

function drop(skb: SkBuff, dev: NetDevice, reason: number): number {
  dev.noteTxDropped();
  skb.free(reason);
  return NET_XMIT_SUCCESS;
}

/** Transmit queue for a packet: the driver's choice, the skb's, or the flow's. @kernel netdev_core_pick_tx — net/core/dev.c, 7.3 */
export function pickTxQueue(skb: SkBuff, dev: NetDevice): number {
  const count = dev.realNumTxQueues;
  if (count === 1) return 0;
  const chosen = dev.ops.selectQueue?.(skb) ?? skb.queueMapping;
  if (chosen >= 0 && chosen < count) return chosen;
  if (skb.rxQueue >= 0) return skb.rxQueue % count;
  // The hash spread over the queues as a fraction of 2^32. @kernel reciprocal_scale — include/linux/kernel.h, 7.3
  return Math.floor(((skb.hash >>> 0) * count) / 0x1_0000_0000);
}
