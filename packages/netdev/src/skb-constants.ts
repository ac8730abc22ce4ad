// Numbers of sk_buff: sizes of the model, and the values that Linux keeps in its fields.

/** Bytes of an skb's own linear area, headroom included. A model choice: room for every header this stack parses, and a copybreak of 256 bytes. */
export const SKB_HEAD_BYTES = 512;
/** Bytes kept free before the data of a fresh skb. @kernel NET_SKB_PAD — include/linux/skbuff.h, 7.3 */
export const SKB_HEADROOM = 64;
/** Most fragments of one skb. @kernel MAX_SKB_FRAGS — include/linux/skbuff.h, 7.3 */
export const MAX_SKB_FRAGS = 17;
/** Words of the control buffer that the owning layer may use. The kernel has 48 bytes. */
export const SKB_CB_WORDS = 16;
/** What `sizeof(struct sk_buff)` adds to an skb's truesize, in bytes (x86-64). */
export const SK_BUFF_BYTES = 256;
/** What an skb costs beside its linear area: the sk_buff and the shared info at the end of its head. @kernel SKB_TRUESIZE — include/linux/skbuff.h, 7.3 */
export const SKB_OVERHEAD_BYTES = 576;

/** Nobody looked at the checksum. @kernel CHECKSUM_NONE — include/linux/skbuff.h, 7.3 */
export const CHECKSUM_NONE = 0;
/** The device verified the transport checksum. */
export const CHECKSUM_UNNECESSARY = 1;
/** `csum` holds the sum over the whole packet from the network header on. */
export const CHECKSUM_COMPLETE = 2;
/** The sum from `csumStart` on is still to be written at `csumStart + csumOffset`; on receive: the packet never left this host. */
export const CHECKSUM_PARTIAL = 3;

/** For this host. @kernel PACKET_HOST — include/uapi/linux/if_packet.h, 7.3 */
export const PACKET_HOST = 0;
export const PACKET_BROADCAST = 1;
export const PACKET_MULTICAST = 2;
/** For somebody else: seen because the device is promiscuous. */
export const PACKET_OTHERHOST = 3;
export const PACKET_OUTGOING = 4;
export const PACKET_LOOPBACK = 5;

/** Kinds of segmentation, bits of `gsoType`. @kernel SKB_GSO_TCPV4 — include/linux/skbuff.h, 7.3 */
export const SKB_GSO_TCPV4 = 1;
export const SKB_GSO_DODGY = 2;
export const SKB_GSO_TCP_ECN = 4;
export const SKB_GSO_TCP_FIXEDID = 8;
export const SKB_GSO_TCPV6 = 16;
export const SKB_GSO_UDP_L4 = 0x20000;

/** What {@link NetDeviceOps.startXmit} answers: taken. @kernel NETDEV_TX_OK — include/linux/netdevice.h, 7.3 */
export const NETDEV_TX_OK = 0;
/** Not taken: the core keeps the skb and tries again when the queue is woken. */
export const NETDEV_TX_BUSY = 16;
/** What `transmit` answers: accepted. @kernel NET_XMIT_SUCCESS — include/linux/netdevice.h, 7.3 */
export const NET_XMIT_SUCCESS = 0;
/** Dropped by a full queue, or because the device has no carrier. */
export const NET_XMIT_DROP = 1;

/**
 * Why an skb was thrown away; indexes {@link SkBuffPool.drops}. The kernel's reasons as far as this model has a use for them, in the model's own
 * numbers.
 *
 * @kernel skb_drop_reason — include/net/dropreason-core.h, 7.3
 */
export const SKB_DROP_REASON = {
  NOT_SPECIFIED: 0,
  /** No handler for the ethertype. */
  UNHANDLED_PROTO: 1,
  /** The frame is for another host. */
  OTHERHOST: 2,
  /** A header is cut short, or lies where no CPU can read it. */
  PKT_TOO_SMALL: 3,
  HDR_TRUNC: 4,
  IP_CSUM: 5,
  IP_INHDR: 6,
  IP_OUTNOROUTES: 7,
  TCP_CSUM: 8,
  UDP_CSUM: 9,
  NO_SOCKET: 10,
  SOCKET_RCVBUFF: 11,
  SOCKET_BACKLOG: 12,
  /** `net.core.netdev_max_backlog` packets wait already. */
  CPU_BACKLOG: 13,
  /** The device is not up. */
  DEV_READY: 14,
  /** The transmit queue holds `txQueueLen` packets already. */
  QDISC_DROP: 15,
  /** The device has no carrier. */
  NO_CARRIER: 16,
  /** An unreadable skb met a device that cannot send it. */
  UNREADABLE_TX: 17,
  /** Segmentation or checksumming in software failed. */
  SKB_GSO_SEG: 18,
  SKB_CSUM: 19,
  NOMEM: 20,
  /** GRO could not finish the aggregate. */
  GRO_COMPLETE: 21,
  NEIGH_FAILED: 22,
  PROTO_MEM: 23,
  TCP_RESET: 24,
  TCP_FLAGS: 25,
  TCP_OFO_DROP: 26,
  TCP_OFO_QUEUE_PRUNE: 27,
  TCP_OLD_DATA: 28,
  TCP_OVERWINDOW: 29,
  TCP_INVALID_SEQUENCE: 30,
  TCP_ZEROWINDOW: 31,
  TCP_CLOSE: 32,
  TCP_ABORT_ON_DATA: 33,
  TCP_LISTEN_OVERFLOW: 34,
  IP_FRAGMENT: 35,
  DEV_HDR: 36,
} as const;

/** Number of {@link SKB_DROP_REASON}s. */
export const SKB_DROP_REASONS = 37;
