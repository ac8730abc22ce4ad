import type { DmaDevice } from '@netmem/machine';
import { DMA_BIDIRECTIONAL } from '@netmem/machine';
import type { NetmemRef } from '@netmem/netmem';
import { NUMA_NO_NODE } from './constants.ts';
import type { PagePool } from './page-pool.ts';
import type { MemoryProviderParams } from './provider.ts';

/** A network device as far as pools care; `@netmem/netdev` implements it. */
export interface PoolDevice {
  readonly ifindex: number;
  readonly name: string;
  /** Pools listed on the device, oldest first. Kept by {@link PagePools}. */
  readonly pools: Set<PagePool>;
  /** @throws KernelBug unless the instance lock is held. */
  assertLocked(): void;
  /** The provider installed on an rx queue, or null. */
  provider(queueIdx: number): MemoryProviderParams | null;
}

/** A NAPI as far as pools care; `@netmem/netdev` implements it. */
export interface PoolNapi {
  /** As in the machine's execution context; above 0. */
  readonly id: number;
  /** CPU whose softirq is polling it now, -1 for none. */
  readonly ownerCpu: number;
  /** False when it cannot be scheduled. */
  readonly enabled: boolean;
}

/** Who wants to know about pools: netlink's notifications, a checker. */
export interface PoolObserver {
  /** The pool was listed: its id is given. */
  added(pool: PagePool): void;
  /** It was destroyed with elements out, or moved to another device. */
  changed(pool: PagePool): void;
  /** It is about to be torn down; its id and provider are still there. */
  removed(pool: PagePool): void;
}

/**
 * How a pool shall be.
 *
 * @kernel struct page_pool_params — include/net/page_pool/types.h, 7.3
 */
export interface PagePoolParams {
  /** Each element is PAGE_SIZE << order bytes. Default 0; at most 10 unless a provider decides. */
  order?: number;
  /** Ring slots; 0 (default) is 1024, more than 16384 is clamped. */
  poolSize?: number;
  /** NUMA node of the pages; -1 (default) follows the CPU that refills. */
  nid?: number;
  /** DMA device. Needed with PP_FLAG_DMA_MAP. */
  dev?: DmaDevice | null;
  /** The only consumer; makes recycling inside its poll lockless and direct. */
  napi?: PoolNapi | null;
  /** DMA_FROM_DEVICE or DMA_BIDIRECTIONAL (default, as the zero of the kernel's structure). */
  dmaDir?: number;
  /** Most bytes that a sync for the device covers; must not be 0 with PP_FLAG_DMA_SYNC_DEV. */
  maxLen?: number;
  /** Where in an element the device starts to write; added to every sync address. */
  offset?: number;
  /** Makes the pool visible, and findable by the provider check of a queue restart. */
  netdev?: PoolDevice | null;
  /** Rx queue; needed with PP_FLAG_ALLOW_UNREADABLE_NETMEM. */
  queueIdx?: number;
  /** PP_FLAG_ bits. */
  flags: number;
  /** Called once for every netmem that the pool adopts; for tests. */
  initCallback?: ((ref: NetmemRef) => void) | null;
}

/** {@link PagePoolParams} with every default filled in. */
export type ResolvedPagePoolParams = Readonly<Required<PagePoolParams>>;

/** Fills in the defaults: the zeroes of the kernel's structure, but node -1. */
export function resolveParams(params: PagePoolParams): ResolvedPagePoolParams {
  return Object.freeze({
    order: params.order ?? 0,
    poolSize: params.poolSize ?? 0,
    nid: params.nid ?? NUMA_NO_NODE,
    dev: params.dev ?? null,
    napi: params.napi ?? null,
    dmaDir: params.dmaDir ?? DMA_BIDIRECTIONAL,
    maxLen: params.maxLen ?? 0,
    offset: params.offset ?? 0,
    netdev: params.netdev ?? null,
    queueIdx: params.queueIdx ?? 0,
    flags: params.flags,
    initCallback: params.initCallback ?? null,
  });
}
