// Polling without waiting for an interrupt.

import type { Network } from './network.ts';

/** Packets of one turn. @kernel BUSY_POLL_BUDGET — include/net/busy_poll.h, 7.3 */
export const BUSY_POLL_BUDGET = 8;
/** What the kernel's `cpu_relax` costs here: the time that passes between two polls that found nothing. A model choice. */
export const BUSY_POLL_RELAX_NS = 1000;

/** How a {@link Network.busyPoll} goes on and ends. */
export interface BusyPollOptions {
  /**
   * Asked after each poll; true ends it, so it must become true some time. Between two polls softirqs run; after one that found nothing the devices
   * have their turn and a microsecond of virtual time passes. Absent: one poll.
   */
  loopEnd?: () => boolean;
  /** The caller will poll again before long: interrupts stay off for as long as the instance defers them. @kernel NAPI_F_PREFER_BUSY_POLL — net/core/dev.c, 7.3 */
  prefer?: boolean;
}

/** @kernel napi_busy_loop — net/core/dev.c, 7.3 (partial: one thread, so that nobody competes for an instance) */
export function napiBusyLoop(network: Network, napiId: number, budget: number, options: BusyPollOptions): number {
  const { machine } = network;
  machine.context.assertMaySleep('busyPoll');
  const napi = network.napi(napiId);
  if (napi === null) return 0;
  const { loopEnd, prefer = false } = options;
  let taken = false;
  let packets = 0;
  for (;;) {
    taken ||= napi.busyPollStart();
    const work = taken ? napi.busyPollOnce(budget) : 0;
    packets += work;
    if (loopEnd === undefined || loopEnd()) break;
    // What softirq has it takes now, as when the kernel enables bottom halves again: it may be this very instance.
    machine.softirq.run();
    if (work > 0) continue;
    let looks = 0;
    machine.sleepUntil(() => looks++ > 0, BUSY_POLL_RELAX_NS, BUSY_POLL_RELAX_NS);
  }
  if (taken) packets += napi.busyPollStop(budget, prefer);
  network.softnet.busyPollRxPackets += packets;
  return packets;
}
