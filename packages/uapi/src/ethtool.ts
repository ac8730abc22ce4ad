// Numbers of ethtool: include/uapi/linux/ethtool.h and ethtool_netlink.h.

/** Messages from user space. */
export const ETHTOOL_MSG = {
  FEATURES_GET: 11,
  FEATURES_SET: 12,
  RINGS_GET: 15,
  RINGS_SET: 16,
  CHANNELS_GET: 17,
  CHANNELS_SET: 18,
  COALESCE_GET: 19,
  COALESCE_SET: 20,
  STATS_GET: 32,
  RSS_GET: 38,
  RSS_SET: 48,
  RSS_CREATE_ACT: 49,
  RSS_DELETE_ACT: 50,
} as const;

/** What `tcp-data-split` can be. `UNKNOWN` is `auto` when it is set. @kernel ETHTOOL_TCP_DATA_SPLIT_ENABLED — include/uapi/linux/ethtool_netlink.h, 7.3 */
export const TCP_DATA_SPLIT = { UNKNOWN: 0, DISABLED: 1, ENABLED: 2 } as const;

/** Attributes of rings. */
export const ETHTOOL_A_RINGS = {
  HEADER: 1,
  RX_MAX: 2,
  RX_MINI_MAX: 3,
  RX_JUMBO_MAX: 4,
  TX_MAX: 5,
  RX: 6,
  RX_MINI: 7,
  RX_JUMBO: 8,
  TX: 9,
  RX_BUF_LEN: 10,
  TCP_DATA_SPLIT: 11,
  CQE_SIZE: 12,
  TX_PUSH: 13,
  RX_PUSH: 14,
  TX_PUSH_BUF_LEN: 15,
  TX_PUSH_BUF_LEN_MAX: 16,
  HDS_THRESH: 17,
  HDS_THRESH_MAX: 18,
} as const;

/** Bits of a driver's `supportedRingParams`. @kernel ETHTOOL_RING_USE_TCP_DATA_SPLIT — include/linux/ethtool.h, 7.3 */
export const ETHTOOL_RING_USE = {
  RX_BUF_LEN: 1,
  CQE_SIZE: 2,
  TX_PUSH: 4,
  RX_PUSH: 0x8,
  TX_PUSH_BUF_LEN: 0x10,
  TCP_DATA_SPLIT: 0x20,
  HDS_THRS: 0x40,
} as const;

/** Attributes of channels. */
export const ETHTOOL_A_CHANNELS = {
  HEADER: 1,
  RX_MAX: 2,
  TX_MAX: 3,
  OTHER_MAX: 4,
  COMBINED_MAX: 5,
  RX_COUNT: 6,
  TX_COUNT: 7,
  OTHER_COUNT: 8,
  COMBINED_COUNT: 9,
} as const;

/** Attributes of receive-side scaling. */
export const ETHTOOL_A_RSS = {
  HEADER: 1,
  CONTEXT: 2,
  HFUNC: 3,
  INDIR: 4,
  HKEY: 5,
  INPUT_XFRM: 6,
  START_CONTEXT: 7,
  FLOW_HASH: 8,
} as const;

/** Parameters of interrupt coalescing that a driver has, as bits. */
export const ETHTOOL_COALESCE = {
  RX_USECS: 0x1,
  RX_MAX_FRAMES: 0x2,
  RX_USECS_IRQ: 0x4,
  RX_MAX_FRAMES_IRQ: 0x8,
  TX_USECS: 0x10,
  TX_MAX_FRAMES: 0x20,
  TX_USECS_IRQ: 0x40,
  TX_MAX_FRAMES_IRQ: 0x80,
  STATS_BLOCK_USECS: 0x100,
  USE_ADAPTIVE_RX: 0x200,
  USE_ADAPTIVE_TX: 0x400,
  PKT_RATE_LOW: 0x800,
  RX_USECS_LOW: 0x1000,
  RX_MAX_FRAMES_LOW: 0x2000,
  TX_USECS_LOW: 0x4000,
  TX_MAX_FRAMES_LOW: 0x8000,
  PKT_RATE_HIGH: 0x10000,
  RX_USECS_HIGH: 0x20000,
  RX_MAX_FRAMES_HIGH: 0x40000,
  TX_USECS_HIGH: 0x80000,
  TX_MAX_FRAMES_HIGH: 0x100000,
  RATE_SAMPLE_INTERVAL: 0x200000,
  USE_CQE_RX: 0x400000,
  USE_CQE_TX: 0x800000,
  TX_AGGR_MAX_BYTES: 0x1000000,
  TX_AGGR_MAX_FRAMES: 0x2000000,
  TX_AGGR_TIME_USECS: 0x4000000,
} as const;

/** Hash functions of receive-side scaling, as bits. */
export const ETH_RSS_HASH = { TOP: 1, XOR: 2, CRC32: 4 } as const;

/** RSS context that the kernel is asked to pick a number for, where a request has no operation of its own to create one. */
export const ETH_RXFH_CONTEXT_ALLOC = 0xffffffff;

/** What is done to the hash's input, as bits: both make the two directions of a flow hash alike. */
export const RXH_XFRM = { SYM_XOR: 1, SYM_OR_XOR: 2, NO_CHANGE: 0xff } as const;

/** Fields that a flow's hash covers, as bits. */
export const RXH = {
  L2DA: 0x002,
  VLAN: 0x004,
  L3_PROTO: 0x008,
  IP_SRC: 0x010,
  IP_DST: 0x020,
  L4_B_0_1: 0x040,
  L4_B_2_3: 0x080,
  GTP_TEID: 0x100,
  IP6_FL: 0x200,
} as const;

/** Flow types of ntuple rules. */
export const FLOW_TYPE = { TCP_V4: 1, UDP_V4: 2, SCTP_V4: 3, TCP_V6: 5, UDP_V6: 6, SCTP_V6: 7, ETHER: 0x12 } as const;

/** Target of an ntuple rule that drops. */
export const RX_CLS_FLOW_DISC = -1;
/** Location of an ntuple rule: the driver picks one. */
export const RX_CLS_LOC_ANY = 0xffffffff;
