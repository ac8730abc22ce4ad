import type { NetdevQueueMgmtOps, QueueConfig } from '@netmem/netdev';
import { EAGAIN, ERANGE, type ErrPtr } from '@netmem/uapi';
import { beginCreateRxQueue, beginDestroyRxQueue } from './admin-commands.ts';
import type { GveDevice } from './gve-device.ts';
import { rxBlock } from './notify-block.ts';
import { buildRxRing, startRxRing } from './queue-set.ts';
import { drainRxRing, freeRxRing, type RxRing } from './rx-ring.ts';

/**
 * Rebuilding one receive queue, which is how a memory provider comes and goes. All under the instance lock. Other queues keep their traffic
 * (I-10): nothing here touches them.
 *
 * @kernel gve_queue_mgmt_ops — drivers/net/ethernet/google/gve/gve_main.c, 7.3
 */
export function createQueueMgmtOps(gve: GveDevice): NetdevQueueMgmtOps {
  return {
    /** I-5: pools are made here, where failing costs nothing. `-EAGAIN` while the interface is down: there is no queue to stand in for. */
    memAlloc(idx: number, _qcfg: QueueConfig): ErrPtr<object> {
      if (gve.rx.length === 0) return -EAGAIN;
      return buildRxRing(gve, gve.settings, idx);
    },

    memFree(mem: object): void {
      freeRxRing(mem as RxRing, gve.dma);
    },

    /** Also the way back for a ring that `stop` handed out: it is empty, and is filled again like a new one. */
    start(idx: number, _qcfg: QueueConfig, mem: object): number {
      if (gve.rx.length === 0) return -EAGAIN;
      const ring = mem as RxRing;
      const begun = beginCreateRxQueue(gve.adminq, gve.machine.memory.view, ring, rxBlock(gve, idx).index);
      const created = begun < 0 ? begun : gve.adminq.flush();
      if (created < 0) return created;
      gve.rx[idx] = ring;
      startRxRing(gve, ring);
      return 0;
    },

    /** `-ERANGE` for queue 0: the card does not part with it while others exist. */
    stop(idx: number): ErrPtr<object> {
      if (gve.rx.length === 0) return -EAGAIN;
      if (idx === 0) return -ERANGE;
      const ring = gve.rx[idx];
      ring.napi.disable();
      const begun = beginDestroyRxQueue(gve.adminq, gve.machine.memory.view, idx);
      const destroyed = begun < 0 ? begun : gve.adminq.flush();
      if (destroyed < 0) {
        // The queue is still live in the card: carry on as if nothing had been asked.
        ring.napi.enable();
        ring.napi.schedule();
        return destroyed;
      }
      // I-9: no poll and no DMA from here on, so the posted buffers may go back.
      ring.pool.disableDirectRecycling();
      drainRxRing(ring);
      return ring;
    },
  };
}
