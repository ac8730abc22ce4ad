import { NETIF_F, type NetDeviceOps, type NetDeviceStats, type SkBuff } from '@netmem/netdev';
import { resetFlowRules } from './flow-rules.ts';
import type { GveDevice } from './gve-device.ts';
import { applySettings, openInterface, stopInterface } from './open-stop.ts';
import { xmit } from './tx-xmit.ts';

/** The operations that the core calls. `startXmit` is the only one on the data path. */
export function createNetDeviceOps(gve: GveDevice): NetDeviceOps {
  return {
    open: () => openInterface(gve),
    stop: () => stopInterface(gve),
    startXmit: (skb: SkBuff, queue: number) => xmit(gve.tx[queue], skb),
    // A larger packet takes more buffers; the card is not told.
    changeMtu: () => 0,
    setFeatures: (features: number) => setFeatures(gve, features),
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

/**
 * Whether the card merges is said when a queue is made, so that a change while the interface is up makes all of them anew.
 *
 * @kernel gve_set_features — drivers/net/ethernet/google/gve/gve_main.c, 7.3
 */
function setFeatures(gve: GveDevice, features: number): number {
  const hwGro = (features & NETIF_F.GRO_HW) !== 0;
  if (hwGro !== gve.settings.hwGro) {
    const applied = applySettings(gve, { ...gve.settings, hwGro });
    if (applied < 0) return applied;
  }
  const hadRules = (gve.netdev.features & NETIF_F.NTUPLE) !== 0;
  return hadRules && (features & NETIF_F.NTUPLE) === 0 ? resetFlowRules(gve) : 0;
}
