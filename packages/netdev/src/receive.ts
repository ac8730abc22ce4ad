import { ETH_HLEN } from '@netmem/uapi';
import { ethernet } from '@netmem/wire';
import type { NetDevice } from './netdevice.ts';
import { PACKET_BROADCAST, PACKET_HOST, PACKET_MULTICAST, PACKET_OTHERHOST } from './skb-constants.ts';
import type { SkBuff } from './skbuff.ts';

/** Smallest EtherType; a smaller number is a length, and the frame 802.3. @kernel ETH_P_802_3_MIN — include/uapi/linux/if_ether.h, 7.3 */
const ETH_P_802_3_MIN = 0x0600;
/** @kernel ETH_P_802_2 — include/uapi/linux/if_ether.h, 7.3 */
export const ETH_P_802_2 = 0x0004;

/**
 * Reads a received frame's Ethernet header: sets `dev`, `macHeader` and `pktType`, and moves `data` behind it.
 *
 * @returns the ethertype, for `skb.protocol`; 0, with nothing moved, when 14 bytes cannot be made linear.
 * @kernel eth_type_trans — net/ethernet/eth.c, 7.3
 */
export function ethTypeTrans(skb: SkBuff, dev: NetDevice): number {
  skb.dev = dev;
  if (!skb.mayPull(ETH_HLEN)) return 0;
  const view = skb.pool.view;
  const at = skb.data;
  skb.macHeader = at;
  skb.pull(ETH_HLEN);
  if (!ethernet.destinationIs(view, at, dev.address)) {
    if (!ethernet.isMulticast(view, at)) skb.pktType = PACKET_OTHERHOST;
    else skb.pktType = ethernet.isBroadcast(view, at) ? PACKET_BROADCAST : PACKET_MULTICAST;
  } else {
    skb.pktType = PACKET_HOST;
  }
  const type = ethernet.type(view, at);
  return type >= ETH_P_802_3_MIN ? type : ETH_P_802_2;
}
