// Device features: which there are, which go together, and how a wanted set becomes an active one.

import type { NetDevice } from './netdevice.ts';

/**
 * Feature bits. The bits are the model's own (the kernel's set needs 64); names and strings are the kernel's.
 *
 * @kernel NETIF_F_SG — include/linux/netdev_features.h, 7.3
 */
export const NETIF_F = {
  SG: 0x1,
  IP_CSUM: 0x2,
  HW_CSUM: 0x4,
  IPV6_CSUM: 0x8,
  HIGHDMA: 0x10,
  FRAGLIST: 0x20,
  GSO: 0x40,
  TSO: 0x80,
  TSO6: 0x100,
  TSO_ECN: 0x200,
  TSO_MANGLEID: 0x400,
  GSO_UDP_L4: 0x800,
  GRO: 0x1000,
  LRO: 0x2000,
  GRO_HW: 0x4000,
  RXCSUM: 0x8000,
  RXHASH: 0x10000,
  NTUPLE: 0x20000,
  LOOPBACK: 0x40000,
  RXFCS: 0x80000,
  RXALL: 0x100000,
  HW_VLAN_CTAG_TX: 0x200000,
  HW_VLAN_CTAG_RX: 0x400000,
} as const;

/** Each feature's string. @kernel netdev_features_strings — net/ethtool/common.c, 7.3 */
export const FEATURE_NAMES: ReadonlyMap<number, string> = new Map<number, string>([
  [NETIF_F.SG, 'tx-scatter-gather'],
  [NETIF_F.IP_CSUM, 'tx-checksum-ipv4'],
  [NETIF_F.HW_CSUM, 'tx-checksum-ip-generic'],
  [NETIF_F.IPV6_CSUM, 'tx-checksum-ipv6'],
  [NETIF_F.HIGHDMA, 'highdma'],
  [NETIF_F.FRAGLIST, 'tx-scatter-gather-fraglist'],
  [NETIF_F.HW_VLAN_CTAG_TX, 'tx-vlan-hw-insert'],
  [NETIF_F.HW_VLAN_CTAG_RX, 'rx-vlan-hw-parse'],
  [NETIF_F.GSO, 'tx-generic-segmentation'],
  [NETIF_F.GRO, 'rx-gro'],
  [NETIF_F.GRO_HW, 'rx-gro-hw'],
  [NETIF_F.LRO, 'rx-lro'],
  [NETIF_F.TSO, 'tx-tcp-segmentation'],
  [NETIF_F.TSO_ECN, 'tx-tcp-ecn-segmentation'],
  [NETIF_F.TSO_MANGLEID, 'tx-tcp-mangleid-segmentation'],
  [NETIF_F.TSO6, 'tx-tcp6-segmentation'],
  [NETIF_F.GSO_UDP_L4, 'tx-udp-segmentation'],
  [NETIF_F.NTUPLE, 'rx-ntuple-filter'],
  [NETIF_F.RXHASH, 'rx-hashing'],
  [NETIF_F.RXCSUM, 'rx-checksum'],
  [NETIF_F.LOOPBACK, 'loopback'],
  [NETIF_F.RXFCS, 'rx-fcs'],
  [NETIF_F.RXALL, 'rx-all'],
]);

/** Features that the core itself provides for every device. @kernel NETIF_F_SOFT_FEATURES — include/linux/netdev_features.h, 7.3 */
export const NETIF_F_SOFT_FEATURES: number = NETIF_F.GSO | NETIF_F.GRO;
/** Features that nobody may change by hand. @kernel NETIF_F_NEVER_CHANGE — include/linux/netdev_features.h, 7.3 */
export const NETIF_F_NEVER_CHANGE = 0;
/** Every segmentation that needs scatter-gather. */
export const NETIF_F_ALL_TSO: number = NETIF_F.TSO | NETIF_F.TSO6 | NETIF_F.TSO_ECN | NETIF_F.TSO_MANGLEID;
/** Every kind of transmit checksumming. @kernel NETIF_F_CSUM_MASK — include/linux/netdev_features.h, 7.3 */
export const NETIF_F_CSUM_MASK: number = NETIF_F.IP_CSUM | NETIF_F.IPV6_CSUM | NETIF_F.HW_CSUM;

/** Names of the features in a set. */
export function featureNames(features: number): string[] {
  const names: string[] = [];
  for (const [bit, name] of FEATURE_NAMES) if (features & bit) names.push(name);
  return names;
}

/** A feature's bit by its name; 0 for a name that is none. */
export function featureBit(name: string): number {
  for (const [bit, known] of FEATURE_NAMES) if (known === name) return bit;
  return 0;
}

/** Takes away features whose conditions do not hold, in the kernel's order. @kernel netdev_fix_features — net/core/dev.c, 7.3 (partial: the features that exist here) */
export function fixFeatures(dev: NetDevice, wanted: number): number {
  let features = wanted;
  const drop = (mask: number, why: string): void => {
    if ((features & mask) === 0) return;
    features &= ~mask;
    dev.network?.machine.log.emit('debug', dev.name, why);
  };
  if (features & NETIF_F.HW_CSUM && features & (NETIF_F.IP_CSUM | NETIF_F.IPV6_CSUM)) {
    dev.network?.machine.log.emit('warn', dev.name, 'mixed HW and IP checksum settings.');
    features &= ~(NETIF_F.IP_CSUM | NETIF_F.IPV6_CSUM);
  }
  const checksum4 = NETIF_F.HW_CSUM | NETIF_F.IP_CSUM;
  const checksum6 = NETIF_F.HW_CSUM | NETIF_F.IPV6_CSUM;
  if (!(features & NETIF_F.SG)) drop(NETIF_F_ALL_TSO, 'Dropping TSO features since no SG feature.');
  if (!(features & checksum4)) drop(NETIF_F.TSO, 'Dropping TSO features since no CSUM feature.');
  if (!(features & checksum6)) drop(NETIF_F.TSO6, 'Dropping TSO6 features since no CSUM feature.');
  if (features & NETIF_F.TSO_MANGLEID && !(features & NETIF_F.TSO)) features &= ~NETIF_F.TSO_MANGLEID;
  if ((features & NETIF_F_ALL_TSO) === NETIF_F.TSO_ECN) features &= ~NETIF_F.TSO_ECN;
  if (!(features & NETIF_F.SG)) drop(NETIF_F.GSO, 'Dropping NETIF_F_GSO since no SG feature.');
  if (features & NETIF_F.RXFCS) {
    drop(NETIF_F.LRO, 'Dropping LRO feature since RX-FCS is requested.');
    drop(NETIF_F.GRO_HW, 'Dropping HW-GRO feature since RX-FCS is requested.');
  }
  if (!(features & NETIF_F.RXCSUM)) drop(NETIF_F.GRO_HW, 'Dropping NETIF_F_GRO_HW since no RXCSUM feature.');
  if (features & NETIF_F.GRO_HW) drop(NETIF_F.LRO, 'Dropping LRO feature since HW-GRO is requested.');
  return features;
}
