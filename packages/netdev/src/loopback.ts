import { IFF } from '@netmem/uapi';
import type { NetDeviceStats } from './device-ops.ts';
import { NETIF_F } from './features.ts';
import { NetDevice } from './netdevice.ts';
import { ethTypeTrans } from './receive.ts';
import { NETDEV_TX_OK, SKB_DROP_REASON } from './skb-constants.ts';
import type { SkBuff } from './skbuff.ts';

/** Index of the loopback device. @kernel LOOPBACK_IFINDEX — include/net/flow.h, 7.3 */
export const LOOPBACK_IFINDEX = 1;
const LOOPBACK_MTU = 65536;

/**
 * The device whose packets come back: what is sent is received, with its checksum still to be written, because it never leaves the host. It has no
 * queue management and declares no netmem transmit, so that unreadable packets are dropped before it.
 *
 * @kernel loopback_xmit — drivers/net/loopback.c, 7.3
 */
export function createLoopback(enqueue: (skb: SkBuff) => void): NetDevice {
  let packets = 0;
  let bytes = 0;
  const device: NetDevice = new NetDevice({
    name: 'lo',
    mtu: LOOPBACK_MTU,
    minMtu: 0,
    address: new Uint8Array(6),
    numRxQueues: 1,
    numTxQueues: 1,
    flags: IFF.LOOPBACK,
    features: NETIF_F.SG | NETIF_F.FRAGLIST | NETIF_F.HW_CSUM | NETIF_F.RXCSUM | NETIF_F.HIGHDMA | NETIF_F.LOOPBACK,
    hwFeatures: NETIF_F.TSO | NETIF_F.TSO6 | NETIF_F.TSO_ECN | NETIF_F.TSO_MANGLEID | NETIF_F.GSO_UDP_L4,
    ops: {
      open: () => 0,
      stop: () => 0,
      startXmit(skb: SkBuff): number {
        packets++;
        bytes += skb.len;
        // The sender's queue is not charged while the receiver sleeps.
        skb.orphan();
        skb.protocol = ethTypeTrans(skb, device);
        skb.queueMapping = -1;
        if (skb.protocol === 0) skb.free(SKB_DROP_REASON.DEV_HDR);
        else enqueue(skb);
        return NETDEV_TX_OK;
      },
      getStats64(out: NetDeviceStats): void {
        out.rxPackets += packets;
        out.rxBytes += bytes;
        out.txPackets += packets;
        out.txBytes += bytes;
      },
    },
  });
  device.wantedFeatures |= device.hwFeatures;
  return device;
}
