// Device features. The bits are the model's own: the kernel's set needs 64. The strings are the kernel's.

/** Feature bits of {@link NetDevice.features}. @kernel NETIF_F_SG — include/linux/netdev_features.h, 7.3 */
export const NETIF_F = {
  SG: 1 << 0,
  IP_CSUM: 1 << 1,
  HW_CSUM: 1 << 2,
  IPV6_CSUM: 1 << 3,
  HIGHDMA: 1 << 4,
  FRAGLIST: 1 << 5,
  GSO: 1 << 6,
  TSO: 1 << 7,
  TSO6: 1 << 8,
  TSO_ECN: 1 << 9,
  TSO_MANGLEID: 1 << 10,
  GSO_UDP_L4: 1 << 11,
  GRO: 1 << 12,
  LRO: 1 << 13,
  GRO_HW: 1 << 14,
  RXCSUM: 1 << 15,
  RXHASH: 1 << 16,
  NTUPLE: 1 << 17,
  LOOPBACK: 1 << 18,
  RXFCS: 1 << 19,
  RXALL: 1 << 20,
  HW_VLAN_CTAG_TX: 1 << 21,
  HW_VLAN_CTAG_RX: 1 << 22,
} as const;
