/**
 * The pool maps every page when it adopts it, and unmaps it when it leaves.
 *
 * @kernel PP_FLAG_DMA_MAP — include/net/page_pool/types.h, 7.3
 */
export const PP_FLAG_DMA_MAP = 1;
/**
 * The pool syncs for the device: on mapping, and whenever a recyclable element comes back. Needs PP_FLAG_DMA_MAP and a `maxLen`.
 *
 * @kernel PP_FLAG_DMA_SYNC_DEV — include/net/page_pool/types.h, 7.3
 */
export const PP_FLAG_DMA_SYNC_DEV = 2;
/**
 * A per-CPU system pool: shares one set of recycle counters with the others of its kind. Not for drivers.
 *
 * @kernel PP_FLAG_SYSTEM_POOL — include/net/page_pool/types.h, 7.3
 */
export const PP_FLAG_SYSTEM_POOL = 4;
/**
 * Adopt the memory provider of (netdev, queueIdx) at creation, if one is installed. Never for header pools (RX-4c).
 *
 * @kernel PP_FLAG_ALLOW_UNREADABLE_NETMEM — include/net/page_pool/types.h, 7.3
 */
export const PP_FLAG_ALLOW_UNREADABLE_NETMEM = 8;
/** @kernel PP_FLAG_ALL — include/net/page_pool/types.h, 7.3 */
export const PP_FLAG_ALL = 0xf;

/** @kernel PP_ALLOC_CACHE_SIZE — include/net/page_pool/types.h, 7.3 */
export const PP_ALLOC_CACHE_SIZE = 128;
/**
 * Elements that one refill brings: from the ring, or from the page allocator.
 *
 * @kernel PP_ALLOC_CACHE_REFILL — include/net/page_pool/types.h, 7.3
 */
export const PP_ALLOC_CACHE_REFILL = 64;

/** Ring slots when `poolSize` is 0. */
export const DEFAULT_RING_SLOTS = 1024;
/** Larger values of `poolSize` are clamped to this. */
export const MAX_RING_SLOTS = 16384;
/**
 * Consumed slots that are emptied in one go, so that producer and consumer do not fight over a cache line. Until then they look
 * full to the producer.
 *
 * @kernel __ptr_ring_set_size — include/linux/ptr_ring.h, 7.3
 */
export const RING_CONSUME_BATCH = 16;

/** Most elements of one {@link PagePools.putNetmemBulk}. @kernel XDP_BULK_QUEUE_SIZE — include/net/xdp.h, 7.3 */
export const XDP_BULK_QUEUE_SIZE = 16;

/**
 * References taken in advance for the fragments of one element. The kernel takes half of LONG_MAX; any number larger than the
 * fragments an element can have does, and this one fits the table's 32-bit column.
 *
 * @kernel BIAS_MAX — net/core/page_pool.c, 7.3 (partial: 2^30 instead of 2^62-1)
 */
export const BIAS_MAX: number = 2 ** 30;

/** `dmaSyncSize` that stands for "all the device may have written"; clipped to `maxLen`. */
export const DMA_SYNC_ALL = -1;

/** @kernel NUMA_NO_NODE — include/linux/numa.h, 7.3 */
export const NUMA_NO_NODE = -1;
/** `cpuid` of a pool that is no per-CPU pool, and of a NAPI that nobody polls. */
export const NO_CPU = -1;
/** Node of the machine's one CPU: what "follow the CPU that refills" comes to. */
export const LOCAL_NODE = 0;

/** How long after one attempt the release worker tries again. @kernel DEFER_TIME — net/core/page_pool.c, 7.3 */
export const DEFER_TIME_NS: number = 1000e6;
/** How often a stalled pool that no user can see is warned about. @kernel DEFER_WARN_INTERVAL — net/core/page_pool.c, 7.3 */
export const DEFER_WARN_INTERVAL_NS: number = 60e9;

/** Highest id a pool can have; after it ids start again from 1. */
export const MAX_POOL_ID = 0xffff_ffff;
