import type { NetmemRef } from '@netmem/netmem';
import type { PagePool } from './page-pool.ts';

/** What a provider tells netlink about itself, as data. @kernel nl_fill — include/net/page_pool/memory_provider.h, 7.3 */
export type ProviderDescription = { readonly kind: 'dmabuf'; readonly id: number } | { readonly kind: 'io-uring' };

/**
 * Where a pool's memory comes from when it is not the page allocator. Must be frozen (`Object.freeze`): the kernel insists on
 * ops in read-only data, and refuses others.
 *
 * @kernel struct memory_provider_ops — include/net/page_pool/memory_provider.h, 7.3
 */
export interface MemoryProviderOps {
  /**
   * During creation, with the instance lock held; may sleep. Validates order, direction and device, may clear the pool's `dmaSync`
   * and `dmaSyncForCpu`, takes its own reference. A negative errno aborts the creation.
   */
  init(pool: PagePool): number;
  /** At the final teardown, once for each successful `init`, from any process context: drops that reference. */
  destroy(pool: PagePool): void;
  /**
   * Called when cache and ring are empty, in the allocator's context: must not sleep. Adopts each netmem with
   * {@link PagePool.niovSetPagePool}, may place more of them with {@link PagePool.placeInCache} (up to PP_ALLOC_CACHE_REFILL), and
   * returns one. 0 is "exhausted", a normal event.
   */
  allocNetmems(pool: PagePool): NetmemRef;
  /**
   * An element leaves the pool, in any context. Its pp_ref_count is 1. Clears the pp info ({@link PagePool.niovClearPagePool}) and
   * takes the memory back. True only for a page that the pool shall put; providers of net_iovs return false.
   */
  releaseNetmem(pool: PagePool, ref: NetmemRef): boolean;
  describe(priv: unknown): ProviderDescription;
  /** The device is being unregistered, its queues are closed: forget the queue and the device. */
  uninstall?(priv: unknown, rxq: unknown): void;
}

/**
 * What is installed on an rx queue.
 *
 * @kernel struct pp_memory_provider_params — include/net/page_pool/types.h, 7.3
 */
export interface MemoryProviderParams {
  readonly mpPriv: unknown;
  readonly mpOps: MemoryProviderOps;
  /** Bytes per rx buffer that were asked for; 0 leaves it to the driver. */
  readonly rxPageSize: number;
}
