import { type HwtstampConfig, NETIF_F, type NetDeviceOps, type NetDeviceStats, type SkBuff } from '@netmem/netdev';
import { EOPNOTSUPP, ERANGE, type Extack, HWTSTAMP_FILTER, HWTSTAMP_TX } from '@netmem/uapi';
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
    hwtstampGet: (out) => {
      out.flags = 0;
      out.txType = HWTSTAMP_TX.OFF;
      out.rxFilter = gve.clock.stampAll ? HWTSTAMP_FILTER.ALL : HWTSTAMP_FILTER.NONE;
      return 0;
    },
    hwtstampSet: (config, extack) => setHwtstamp(gve, config, extack),
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
 * The card stamps everything it receives and nothing it sends; this only decides who looks. Any filter becomes "all".
 *
 * @returns 0; `-ERANGE`: sent packets were to be stamped; `-EOPNOTSUPP`: the card has no clock.
 * @kernel gve_set_ts_config — drivers/net/ethernet/google/gve/gve_main.c, 7.3
 */
function setHwtstamp(gve: GveDevice, config: HwtstampConfig, extack: Extack | null): number {
  if (config.txType !== HWTSTAMP_TX.OFF) {
    extack?.set('TX timestamping is not supported');
    return -ERANGE;
  }
  if (config.rxFilter !== HWTSTAMP_FILTER.NONE) {
    if (!gve.clock.enabled) {
      extack?.set('RX timestamping is not supported');
      config.rxFilter = HWTSTAMP_FILTER.NONE;
      return -EOPNOTSUPP;
    }
    config.rxFilter = HWTSTAMP_FILTER.ALL;
  }
  gve.clock.stampAll = config.rxFilter === HWTSTAMP_FILTER.ALL;
  return 0;
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
