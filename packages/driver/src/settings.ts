// Numbers that are the driver's own to choose; what the card dictates is in @netmem/vnic/abi.

/** What the driver calls itself: to the card's version register (ended by a newline there), and to ethtool. */
export const DRIVER_NAME = 'gve';
export const DRIVER_VERSION = '1.0.0';
export const DRIVER_VERSION_PREFIX = 'GVE-';

const MILLISECOND_NS = 1e6;

/** The admin queue is polled in steps of 20 ms for at most 2 s. */
export const ADMINQ_POLL_NS: number = 20 * MILLISECOND_NS;
export const ADMINQ_TIMEOUT_NS: number = 2000 * MILLISECOND_NS;
/** A card that is told to reset has this long; Linux warns at this point and waits on, which a library should not. */
export const RESET_TIMEOUT_NS: number = 10_000 * MILLISECOND_NS;

/** Receive doorbells are rung for this many buffers at a time: the card wants steps of at least 8. */
export const RX_BUF_THRESH = 32;
/** A receive ring of which the card sees fewer than {@link RX_BUF_THRESH} buffers is polled this often: nothing else would wake it. */
export const RX_STARVATION_NS: number = 20 * MILLISECOND_NS;
/** Packets of one buffer up to this size are copied and the buffer is reused at once. */
export const RX_COPYBREAK_DEFAULT = 256;
/** No packet is longer (IPv6 payload, IP header, Ethernet header with tags); a card that goes on without ending one is not believed. */
export const RX_PACKET_BYTES_MAX: number = 0xffff + 40 + 22;
/** ptr_ring slots of a payload pool per receive ring entry. */
export const RX_POOL_RATIO = 4;

/** A transmit descriptor asks for a completion of the ring when this many slots have passed since the last one that did. */
export const TX_REPORT_EVENT_SLOTS = 32;
/** Slots between tail and head that stay free, so that both never share a cache line. */
export const TX_RESERVED_SLOTS = 4;
/** Packets that one poll of a transmit queue completes at most. */
export const TX_CLEAN_BUDGET = 256;

export const TX_COALESCE_USECS_DEFAULT = 50;
export const RX_COALESCE_USECS_DEFAULT = 20;

/** How often the card is asked to refresh its part of the statistics report. */
export const STATS_REPORT_INTERVAL_MS = 20_000;
/** How often the card's clock is read: well within the two seconds that a packet's 32-bit stamp can tell apart. */
export const NIC_TS_SYNC_INTERVAL_NS: number = 250 * MILLISECOND_NS;
/** Distance between two interrupt doorbell indexes in host memory: a cache line. */
export const IRQ_DB_STRIDE_BYTES = 64;

/** `DMA_BIT_MASK(64)`. */
export const DMA_MASK_64: number = 2 ** 64;
