import { type Machine, NET_RX_SOFTIRQ, NET_TX_SOFTIRQ } from '@netmem/machine';
import type { Napi } from './napi.ts';
import { SKB_DROP_REASON } from './skb-constants.ts';
import type { SkBuff } from './skbuff.ts';
import { SkBuffQueue } from './skbuff-queue.ts';
import type { NetdevTxQueue } from './tx-queue.ts';

/** Packets that one NET_RX softirq may handle. @kernel net.core.netdev_budget — net/core/hotdata.c, 7.3 */
export const NETDEV_BUDGET = 300;
/** Packets that may wait in the backlog. @kernel net.core.netdev_max_backlog — net/core/hotdata.c, 7.3 */
export const NETDEV_MAX_BACKLOG = 1000;
/** Packets of one transmit queue per NET_TX softirq. @kernel net.core.dev_weight — net/core/hotdata.c, 7.3 */
export const DEV_TX_WEIGHT = 64;
/** Packets of the backlog per turn. */
const BACKLOG_WEIGHT = 64;

/**
 * What a CPU has to do for the network: instances to poll, transmit queues to run again, packets a device handed over without NAPI.
 *
 * @kernel struct softnet_data — include/linux/netdevice.h, 7.3 (partial: no packet steering, no time limit per round)
 */
export class SoftNet {
  /** Packets polled, and rounds that ended with work left. @kernel time_squeeze — include/linux/netdevice.h, 7.3 */
  processed = 0;
  timeSqueeze = 0;
  /** Packets that busy polling took. @kernel LINUX_MIB_BUSYPOLLRXPACKETS — include/uapi/linux/snmp.h, 7.3 */
  busyPollRxPackets = 0;
  readonly #machine: Machine;
  readonly #receive: (skb: SkBuff) => void;
  #first: Napi | null = null;
  #last: Napi | null = null;
  #length = 0;
  readonly #backlog: SkBuffQueue = new SkBuffQueue();
  #firstOutput: NetdevTxQueue | null = null;
  #lastOutput: NetdevTxQueue | null = null;
  #outputs = 0;

  constructor(machine: Machine, receive: (skb: SkBuff) => void) {
    this.#machine = machine;
    this.#receive = receive;
    machine.softirq.register(NET_RX_SOFTIRQ, () => this.#rxAction());
    machine.softirq.register(NET_TX_SOFTIRQ, () => this.#txAction());
  }

  /** Packets in the backlog. */
  get backlogLength(): number {
    return this.#backlog.length;
  }

  /** Puts an instance at the end of the poll list. @kernel ____napi_schedule — net/core/dev.c, 7.3 */
  add(napi: Napi): void {
    this.#machine.softirq.raise(NET_RX_SOFTIRQ);
    if (napi.listed) return;
    napi.listed = true;
    napi.pollNext = null;
    if (this.#last === null) this.#first = napi;
    else this.#last.pollNext = napi;
    this.#last = napi;
    this.#length++;
  }

  /** Takes a packet from a device without NAPI. @kernel netif_rx — net/core/dev.c, 7.3 */
  enqueueBacklog(skb: SkBuff): void {
    if (this.#backlog.length >= NETDEV_MAX_BACKLOG) {
      skb.dev?.noteRxDropped();
      skb.free(SKB_DROP_REASON.CPU_BACKLOG);
      return;
    }
    this.#backlog.push(skb);
    this.#machine.softirq.raise(NET_RX_SOFTIRQ);
  }

  /** Has a transmit queue run in softirq. @kernel __netif_schedule — net/core/dev.c, 7.3 */
  scheduleOutput(queue: NetdevTxQueue): void {
    if (!queue.outputListed) {
      queue.outputListed = true;
      queue.outputNext = null;
      if (this.#lastOutput === null) this.#firstOutput = queue;
      else this.#lastOutput.outputNext = queue;
      this.#lastOutput = queue;
      this.#outputs++;
    }
    this.#machine.softirq.raise(NET_TX_SOFTIRQ);
  }

  /** Drops what a device left in the backlog. @kernel flush_all_backlogs — net/core/dev.c, 7.3 */
  flushBacklog(dev: object): void {
    for (let skb = this.#backlog.first; skb !== null; ) {
      const next = skb.next;
      if (skb.dev === dev) {
        this.#backlog.unlink(skb);
        skb.free(SKB_DROP_REASON.DEV_READY);
      }
      skb = next;
    }
  }

  // Each instance gets one turn a round, so that those scheduled meanwhile wait their turn. @kernel net_rx_action — net/core/dev.c, 7.3
  #rxAction(): boolean {
    let budget = NETDEV_BUDGET;
    budget -= this.#processBacklog();
    for (let turns = this.#length; turns > 0 && budget > 0; turns--) {
      const napi = this.#shift();
      if (napi === null) break;
      const work = napi.poll();
      this.processed += work;
      budget -= work;
    }
    const more = this.#first !== null || this.#backlog.first !== null;
    if (more && budget <= 0) this.timeSqueeze++;
    return more;
  }

  // @kernel process_backlog — net/core/dev.c, 7.3
  #processBacklog(): number {
    let work = 0;
    if (this.#backlog.first === null) return 0;
    const context = this.#machine.context;
    context.enterSoftirq(0);
    try {
      while (work < BACKLOG_WEIGHT) {
        const skb = this.#backlog.pop();
        if (skb === null) break;
        work++;
        this.#receive(skb);
      }
    } finally {
      context.leaveSoftirq();
    }
    this.processed += work;
    return work;
  }

  // @kernel net_tx_action — net/core/dev.c, 7.3
  #txAction(): boolean {
    for (let turns = this.#outputs; turns > 0; turns--) {
      const queue = this.#firstOutput;
      if (queue === null) break;
      this.#firstOutput = queue.outputNext;
      if (this.#firstOutput === null) this.#lastOutput = null;
      queue.outputNext = null;
      queue.outputListed = false;
      this.#outputs--;
      if (queue.run(DEV_TX_WEIGHT)) this.scheduleOutput(queue);
    }
    return this.#firstOutput !== null;
  }

  #shift(): Napi | null {
    const napi = this.#first;
    if (napi === null) return null;
    this.#first = napi.pollNext;
    if (this.#first === null) this.#last = null;
    napi.pollNext = null;
    napi.listed = false;
    this.#length--;
    return napi;
  }
}
