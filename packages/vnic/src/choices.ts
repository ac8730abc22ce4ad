/**
 * Every decision of this card where the public sources say nothing, one constant each. What is not here is fixed by the
 * drivers (Linux, DPDK, FreeBSD and iPXE were read); what is here may differ on Google's hardware.
 *
 * Choices that have no number:
 * - The card filters no destination address: what the port delivers is placed, as a point-to-point wire suggests.
 * - Trailing bytes behind the IP packet (Ethernet padding) count as payload; the stack trims by the IP length.
 * - A frame that names a queue which does not exist (a table entry or rule older than the queue) is dropped and counted.
 * - Commands run one after the other between packets, so nothing is in flight when DESTROY_* completes; what is fetched
 *   but not sent is forgotten.
 * - The event counter array of CONFIGURE_DEVICE_RESOURCES is never written: the DQO data path has no use for it.
 * - An AHv6 rule matches nothing: the card passes over IPv6 extension headers, the authentication header included.
 * - Any page number written to adminq_pfn starts the card over, so that a kernel booted by kexec finds it fresh.
 * - DECONFIGURE_DEVICE_RESOURCES destroys queues that are left rather than refuse: its failure makes Linux reset the card.
 * - The queue page list of CREATE_*_QUEUE is not looked at: this card has none, and where Linux says so with 0xffffffff, DPDK
 *   leaves the field 0.
 * - CONFIGURE_FLOW_RULE ADD at an occupied location replaces the rule, as ethtool's interface does; the lowest location that
 *   matches wins.
 * - Headers are split off behind TCP and UDP, an empty segment included; ARP, ICMP, SCTP, fragments and malformed packets
 *   stay whole.
 * - With enable_rsc one packet per queue is open for merging. It is closed before anything else is placed on the queue, so
 *   completions keep ring order; behind a short or pushed segment; when the link has nothing more for the card; and after
 *   RSC_TIMEOUT_NS. What may be merged are the rules of Linux's GRO. The header is the first segment's, with the length, the
 *   IPv4 checksum and PSH made right and the TCP checksum left: the verdict says that all were good.
 * - A frame whose checksum is not finished yet, which only a virtual link carries, has it finished before it is delivered,
 *   except on a queue with enable_rsc: drivers enable that only while they believe the card's verdict.
 * - A checksum over IPv6 with a routing header uses the destination address that the header shows.
 */
import {
  ADMINQ_STATUS_ALREADY_EXISTS,
  ADMINQ_STATUS_FAILED_PRECONDITION,
  ADMINQ_STATUS_INVALID_ARGUMENT,
  ADMINQ_STATUS_NOT_FOUND,
} from './abi/index.ts';

/** Revision 0: the admin queue is given by page number only. Works with all four known drivers. */
export const PCI_REVISION = 0;
/** BAR0 has 42 bytes of registers; one page is the least that a driver maps. */
export const REGISTER_BAR_BYTES = 4096;
/** BAR1: a table for 2048 vectors and a pending-bit array behind it, whatever the number of vectors. */
export const MSIX_BAR_BYTES = 65536;
export const MSIX_TABLE_OFFSET = 0;
export const MSIX_PENDING_OFFSET = 32768;
/** BAR2: room for 16384 doorbells. */
export const DOORBELL_BAR_BYTES = 65536;
/** Doorbell 0 is handed to nobody, so that an index read from memory that the card never wrote rings nothing. */
export const DOORBELL_FIRST_INDEX = 1;
/** Queue pairs that a card can be built with; scratch memory and doorbells are reserved for them. */
export const QUEUES_MAX = 256;

/** Commands that may be outstanding: the page's slots. A doorbell further ahead stops the admin queue. */
export const ADMINQ_OUTSTANDING_MAX = 64;
/** Characters kept of the version string that the driver writes. */
export const DRIVER_VERSION_MAX = 128;

/** Status when a command names memory that the card cannot reach. */
export const STATUS_UNREACHABLE: number = ADMINQ_STATUS_INVALID_ARGUMENT;
/** Status of a second CONFIGURE_DEVICE_RESOURCES, and of creating a queue that exists. */
export const STATUS_EXISTS: number = ADMINQ_STATUS_ALREADY_EXISTS;
/** Status of destroying or deleting what does not exist. */
export const STATUS_MISSING: number = ADMINQ_STATUS_NOT_FOUND;
/** Status of queue commands before CONFIGURE_DEVICE_RESOURCES. */
export const STATUS_UNCONFIGURED: number = ADMINQ_STATUS_FAILED_PRECONDITION;
/** Without notification blocks queue 0 of each direction can still be made, polled; a real card behaves so. */
export const QUEUES_WITHOUT_BLOCKS = 1;

/** The MTU in the device descriptor; the jumbo option replaces it. */
export const DESCRIBED_MTU = 1500;
/** Bytes beyond the MTU that a frame may have, as on the link: Ethernet header and two VLAN tags. Longer is over the MRU. */
export { FRAME_OVERHEAD_BYTES } from '@netmem/link';
/** Frames shorter than an Ethernet header are dropped. */
export const RX_FRAME_BYTES_MIN = 14;

/**
 * Buffers smaller than the advertised maximum are accepted from here; DPDK aligns its sizes to this. Larger ones than the
 * advertised maximum are accepted as well, up to what packet_len can say: DPDK posts up to 16256 bytes.
 */
export const RX_PACKET_BUFFER_MIN = 128;
/** Buffer descriptors fetched with one read: 256 bytes. */
export const RX_DESC_BATCH = 8;
/** A transmit completion ring may be larger than the largest descriptor ring: DPDK makes it four times its own. */
export const TX_COMPLETION_RING_FACTOR = 4;
/** Transmit completions written with one write at most: 256 bytes. */
export const TX_COMPLETION_BATCH = 32;
/** Receive completions written with one write at most: 512 bytes. */
export const RX_COMPLETION_BATCH = 16;
/** Transmit descriptors fetched with one read: 256 bytes. */
export const TX_DESC_BATCH = 16;

/** A received frame counts as one more unit of work for every such piece: the buffer that drivers post. */
export const RX_UNIT_BYTES = 4096;
/** Buffers of one merged packet: 64 KiB in the smallest ones that Linux posts, and some more. */
export const RSC_BUFFERS_MAX = 64;
/** Most that an IP header can say, and so the longest merged packet. */
export const RSC_IP_BYTES_MAX = 65_535;
/**
 * How long a packet may stay open while the link always has something more, for other queues. Linux lets a driver's
 * interrupt wait 20 us by default: as much again is no new order of delay.
 */
export const RSC_TIMEOUT_NS = 20_000;

/** What RSS cannot hash has hash 0 and goes where entry 0 of the table says. */
export const UNHASHED = 0;
/** What to do with a packet whose checksum is wrong, unless the card is built otherwise: the driver learns it from the descriptor. */
export const DROP_BAD_CHECKSUM = false;
/** A UDP checksum of 0 is "none" over IPv4 and an error over IPv6 (RFC 768, RFC 8200). */
export const UDP6_ZERO_CHECKSUM_IS_ERROR = true;

/** Interrupts are signalled at once, whatever interval the driver wrote, unless the card is built otherwise. */
export const INTERRUPT_MODERATION = false;
/** The shortest interval at which the card refreshes the stats report. */
export const STATS_INTERVAL_MIN_MS = 100;
/** The longest one. */
export const STATS_INTERVAL_MAX_MS = 3_600_000;

/** A zero-length transmit buffer stops the queue. */
export const TX_BUF_SIZE_MIN = 1;
/** Packets in a row that one transmit queue may send before the next one's turn. */
export const TX_BURST = 32;

/** Speed that REPORT_LINK_SPEED answers. */
export const LINK_SPEED_MBPS = 100_000;
export const FLOW_RULES_DEFAULT = 64;
export const RING_ENTRIES_DEFAULT = 1024;
export const RING_ENTRIES_MAX_DEFAULT = 4096;
export const QUEUES_DEFAULT = 16;
export const PACKET_BUFFER_BYTES_DEFAULT = 4096;
/** 128 would not hold Ethernet 14, IPv4 60 and TCP 60. */
export const HEADER_BUFFER_BYTES_DEFAULT = 256;
