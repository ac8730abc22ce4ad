import type { Machine, Tracepoint } from '@netmem/machine';
import type { NetmemTable } from '@netmem/netmem';
import type { FreeLedger } from './ledger.ts';
import type { PagePool } from './page-pool.ts';
import type { PagePoolStats } from './stats.ts';

/** The tracepoints of page_pool, with the kernel's names. @internal */
export class PoolTracepoints {
  /** @kernel trace_page_pool_release — include/trace/events/page_pool.h, 7.3 */
  readonly release: Tracepoint;
  /** @kernel trace_page_pool_state_release — include/trace/events/page_pool.h, 7.3 */
  readonly stateRelease: Tracepoint;
  /** @kernel trace_page_pool_state_hold — include/trace/events/page_pool.h, 7.3 */
  readonly stateHold: Tracepoint;
  /** @kernel trace_page_pool_update_nid — include/trace/events/page_pool.h, 7.3 */
  readonly updateNid: Tracepoint;

  constructor(machine: Machine) {
    this.release = machine.trace.define('page_pool_release', ['pool', 'inflight', 'hold', 'release', 'cnt']);
    this.stateRelease = machine.trace.define('page_pool_state_release', ['pool', 'netmem', 'release', 'pfn']);
    this.stateHold = machine.trace.define('page_pool_state_hold', ['pool', 'netmem', 'hold', 'pfn']);
    this.updateNid = machine.trace.define('page_pool_update_nid', ['pool', 'pool_nid', 'new_nid']);
  }
}

/** What the pools of one host share; {@link PagePools} is it. @internal */
export interface PoolHost {
  readonly machine: Machine;
  readonly netmem: NetmemTable;
  readonly tracepoints: PoolTracepoints;
  /** Which netmems are free; null in production builds. */
  readonly ledger: FreeLedger | null;
  /** Recycle counters that all system pools share. */
  readonly systemRecycleStats: PagePoolStats;
  /** Tells the observers that a listed pool changed. */
  notifyChanged(pool: PagePool): void;
  /** Last step of a pool's life: off the lists, counted among the destroyed. */
  unlist(pool: PagePool): void;
}
