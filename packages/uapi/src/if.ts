// Device flags and ethertypes of include/uapi/linux/if.h, if_ether.h and if_arp.h.

/** Device flags. */
export const IFF = {
  UP: 0x1,
  BROADCAST: 0x2,
  LOOPBACK: 0x8,
  POINTOPOINT: 0x10,
  RUNNING: 0x40,
  NOARP: 0x80,
  PROMISC: 0x100,
  ALLMULTI: 0x200,
  MULTICAST: 0x1000,
  LOWER_UP: 0x10000,
} as const;

/** Ethertypes. */
export const ETH_P = { IP: 0x0800, ARP: 0x0806, VLAN: 0x8100, IPV6: 0x86dd, ALL: 0x0003 } as const;

/** Longest device name, its NUL included. */
export const IFNAMSIZ = 16;
/** Bytes of a hardware address. */
export const ETH_ALEN = 6;
/** Bytes of an Ethernet header. */
export const ETH_HLEN = 14;
/** Shortest MTU that Ethernet devices accept. */
export const ETH_MIN_MTU = 68;
/** MTU of plain Ethernet. */
export const ETH_DATA_LEN = 1500;
