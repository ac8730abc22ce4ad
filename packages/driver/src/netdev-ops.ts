import { NETIF_F, type NetDeviceOps, type NetDeviceStats, type SkBuff } from '@netmem/netdev';
import { resetFlowRules } from './flow-rules.ts';
import type { GveDevice } from './gve-device.ts';
import { openInterface, stopInterface } from './open-stop.ts';
import { xmit } from './tx-xmit.ts';

/** The operations that the core calls. `startXmit` is the only one on the data path. */
export function createNetDeviceOps(gve: GveDevice): NetDeviceOps {
  return {
    open: () => openInterface(gve),
    stop: () => stopInterface(gve),
    startXmit: (skb: SkBuff, queue: number) => xmit(gve.tx[queue], skb),
    // A larger packet takes more buffers; the card is not told.
    changeMtu: () => 0,
    setFeatures: (features: number) => {
      const hadRules = (gve.netdev.features & NETIF_F.NTUPLE) !== 0;
      if (hadRules && (features & NETIF_F.NTUPLE) === 0) return resetFlowRules(gve);
      return 0;
    },
    getStats64: (out: NetDeviceStats) => {
      for (const rx of gve.rxStats) {
        out.rxPackets += rx.packets;
        out.rxBytes += rx.bytes;
        out.rxDropped += rx.skbAllocFail + rx.descErrDropped + rx.unreadableHeaderDropped;
      }
      for (const tx of gve.txStats) {
        out.txPackets += tx.packets;
        out.txBytes += tx.bytes;
        out.txDropped += tx.dropped;
      }
    },
  };
}
