// What a protocol stack registers with a Network, and what an observer hears from it.

import type { NetDevice } from './netdevice.ts';
import type { SkBuff } from './skbuff.ts';
import type { SkBuffQueue } from './skbuff-queue.ts';

/** Receives the packets of one ethertype. @kernel struct packet_type — include/linux/netdevice.h, 7.3 */
export interface PacketHandler {
  /** Takes over `skb`, whose `data` is the network header; `protocol`, `pktType`, `macHeader` and `networkHeader` are set. */
  receive(skb: SkBuff): void;
}

/** Merges and cuts the packets of one ethertype. @kernel struct packet_offload — include/linux/netdevice.h, 7.3 */
export interface GroOffload {
  /**
   * Compares `skb` with the held packets that have `groSameFlow` set (clear it where they differ), then merges with `skbGroReceive`, or sets
   * `skb.groFlush` to pass it by, or leaves it to be held. Advance `skb.groOffset` over the headers before returning.
   *
   * @returns a held packet that is finished, or null.
   */
  groReceive(held: SkBuffQueue, skb: SkBuff): SkBuff | null;
  /**
   * Writes lengths and checksums of the aggregate.
   *
   * @param offset - The network header's distance from `skb.data`.
   * @returns 0; negative to have the packet dropped.
   */
  groComplete(skb: SkBuff, offset: number): number;
  /**
   * Cuts a packet of `gsoSize` for a device that cannot: the segments chained by `next`, `skb` taken over.
   *
   * @returns null when it cannot be cut; `skb` is then still the caller's.
   */
  gsoSegment?(skb: SkBuff, features: number): SkBuff | null;
}

/**
 * Sees every packet that goes out or comes in, and owns none of them.
 *
 * @param snapLength - Bytes of it that may be looked at: all, or the linear ones when the packet is unreadable.
 * @kernel dev_queue_xmit_nit — net/core/dev.c, 7.3
 */
export type PacketTap = (skb: SkBuff, outgoing: boolean, snapLength: number) => void;

/** What happens to a device. @kernel netdev_cmd — include/linux/netdevice.h, 7.3 */
export type NetdevEvent =
  | 'register'
  | 'unregister'
  | 'up'
  | 'going-down'
  | 'down'
  | 'carrier'
  | 'change-mtu'
  | 'change-address'
  | 'features';

/** Hears of devices. @kernel struct notifier_block — include/linux/notifier.h, 7.3 */
export type NetdevListener = (event: NetdevEvent, dev: NetDevice) => void;
