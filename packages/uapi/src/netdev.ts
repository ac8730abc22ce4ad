// Numbers of the generic netlink family "netdev", version 1: include/uapi/linux/netdev.h.

/** Commands. */
export const NETDEV_CMD = {
  DEV_GET: 1,
  DEV_ADD_NTF: 2,
  DEV_DEL_NTF: 3,
  DEV_CHANGE_NTF: 4,
  PAGE_POOL_GET: 5,
  PAGE_POOL_ADD_NTF: 6,
  PAGE_POOL_DEL_NTF: 7,
  PAGE_POOL_CHANGE_NTF: 8,
  PAGE_POOL_STATS_GET: 9,
  QUEUE_GET: 10,
  NAPI_GET: 11,
  QSTATS_GET: 12,
  BIND_RX: 13,
  NAPI_SET: 14,
  BIND_TX: 15,
} as const;

/** Attributes of `bind-rx` and `bind-tx`. */
export const NETDEV_A_DMABUF = { IFINDEX: 1, QUEUES: 2, FD: 3, ID: 4, RX_PAGE_SIZE: 5 } as const;
/** Attributes of a queue; in the nest of `bind-rx` only ID and TYPE. */
export const NETDEV_A_QUEUE = { ID: 1, IFINDEX: 2, TYPE: 3, NAPI_ID: 4, DMABUF: 5, IO_URING: 6, XSK: 7 } as const;
/** Queue types. */
export const NETDEV_QUEUE_TYPE = { RX: 0, TX: 1 } as const;
/** Attributes of a page pool. */
export const NETDEV_A_PAGE_POOL = {
  ID: 1,
  IFINDEX: 2,
  NAPI_ID: 3,
  INFLIGHT: 4,
  INFLIGHT_MEM: 5,
  DETACH_TIME: 6,
  DMABUF: 7,
  IO_URING: 8,
} as const;
/** Attributes of a page pool's statistics. */
export const NETDEV_A_PAGE_POOL_STATS = {
  INFO: 1,
  ALLOC_FAST: 8,
  ALLOC_SLOW: 9,
  ALLOC_SLOW_HIGH_ORDER: 10,
  ALLOC_EMPTY: 11,
  ALLOC_REFILL: 12,
  ALLOC_WAIVE: 13,
  RECYCLE_CACHED: 14,
  RECYCLE_CACHE_FULL: 15,
  RECYCLE_RING: 16,
  RECYCLE_RING_FULL: 17,
  RECYCLE_RELEASED_REFCNT: 18,
} as const;
/** Attributes of a NAPI instance. */
export const NETDEV_A_NAPI = {
  IFINDEX: 1,
  ID: 2,
  IRQ: 3,
  PID: 4,
  DEFER_HARD_IRQS: 5,
  GRO_FLUSH_TIMEOUT: 6,
  IRQ_SUSPEND_TIMEOUT: 7,
  THREADED: 8,
} as const;
/** Attributes of queue statistics. */
export const NETDEV_A_QSTATS = {
  IFINDEX: 1,
  QUEUE_TYPE: 2,
  QUEUE_ID: 3,
  SCOPE: 4,
  RX_PACKETS: 8,
  RX_BYTES: 9,
  TX_PACKETS: 10,
  TX_BYTES: 11,
  RX_ALLOC_FAIL: 12,
  RX_HW_DROPS: 13,
  RX_HW_DROP_OVERRUNS: 14,
  RX_CSUM_COMPLETE: 15,
  RX_CSUM_UNNECESSARY: 16,
  RX_CSUM_NONE: 17,
  RX_CSUM_BAD: 18,
  RX_HW_GRO_PACKETS: 19,
  RX_HW_GRO_BYTES: 20,
  RX_HW_GRO_WIRE_PACKETS: 21,
  RX_HW_GRO_WIRE_BYTES: 22,
  RX_HW_DROP_RATELIMITS: 23,
  TX_HW_DROPS: 24,
  TX_HW_DROP_ERRORS: 25,
  TX_CSUM_NONE: 26,
  TX_NEEDS_CSUM: 27,
  TX_HW_GSO_PACKETS: 28,
  TX_HW_GSO_BYTES: 29,
  TX_HW_GSO_WIRE_PACKETS: 30,
  TX_HW_GSO_WIRE_BYTES: 31,
  TX_HW_DROP_RATELIMITS: 32,
  TX_STOP: 33,
  TX_WAKE: 34,
} as const;
/** Attributes of a device. */
export const NETDEV_A_DEV = {
  IFINDEX: 1,
  PAD: 2,
  XDP_FEATURES: 3,
  XDP_ZC_MAX_SEGS: 4,
  XDP_RX_METADATA_FEATURES: 5,
  XSK_FEATURES: 6,
} as const;

/** Queue parameters a driver may support: bit 0, larger rx pages. @kernel QCFG_RX_PAGE_SIZE — include/net/netdev_queues.h, 7.3 */
export const QCFG_RX_PAGE_SIZE = 1;
